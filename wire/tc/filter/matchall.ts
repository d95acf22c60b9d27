// matchall, the filter that asks no questions (CONFIG_NET_CLS_MATCHALL). linux/pkt_cls.h (v6.1): TCA_MATCHALL_*.
import { table, u32, type ValueOf } from '../../netlink/fields.js'
import { actions } from '../action.js'
import * as c from '../constants.js'

export const matchallTable = table({
  classId: u32(c.TCA_MATCHALL_CLASSID),
  /** TCA_CLS_FLAGS_* */
  flags: u32(c.TCA_MATCHALL_FLAGS),
  actions: actions(c.TCA_MATCHALL_ACT),
})

export type MatchallOptions = ValueOf<typeof matchallTable>
