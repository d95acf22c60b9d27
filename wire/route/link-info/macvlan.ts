// What IFLA_INFO_DATA says of a macvlan. linux/if_link.h (v6.1): enum IFLA_MACVLAN_*.
import { table, u16, u32, type ValueOf } from '../../netlink/fields.js'
import * as c from '../constants-link.js'

export const macvlanInfo = table({
  /** MACVLAN_MODE_* */
  mode: u32(c.IFLA_MACVLAN_MODE),
  /** MACVLAN_FLAG_* */
  flags: u16(c.IFLA_MACVLAN_FLAGS),
  sourceCount: u32(c.IFLA_MACVLAN_MACADDR_COUNT),
  broadcastQueueLength: u32(c.IFLA_MACVLAN_BC_QUEUE_LEN),
  broadcastQueueLengthUsed: u32(c.IFLA_MACVLAN_BC_QUEUE_LEN_USED),
})

export type MacvlanInfo = ValueOf<typeof macvlanInfo>
