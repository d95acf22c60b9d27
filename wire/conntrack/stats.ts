// IPCTNL_MSG_CT_GET_STATS: how full the table is.
// linux/netfilter/nfnetlink_conntrack.h (v6.1): enum ctattr_stats_global.
import { decodeAfter, type Rest, table, u32be } from '../netlink/fields.js'
import * as c from './constants.js'
import { NFGENMSG_LEN } from './message.js'

export interface ConntrackStats extends Rest {
  /** In this network namespace. */
  readonly entries?: number | undefined
  /** net.netfilter.nf_conntrack_max */
  readonly maxEntries?: number | undefined
}

const attributes = table({
  entries: u32be(c.CTA_STATS_GLOBAL_ENTRIES),
  maxEntries: u32be(c.CTA_STATS_GLOBAL_MAX_ENTRIES),
})

export function decodeConntrackStats(payload: Buffer): ConntrackStats {
  return decodeAfter(attributes, payload, NFGENMSG_LEN)
}
