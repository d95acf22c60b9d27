// Messages of ctnetlink: their types, and the header that all of nfnetlink has.
// linux/netfilter/nfnetlink.h (v6.1): struct nfgenmsg { u8 family; u8 version; be16 res_id }.
import type { Family } from '../ip.js'
import type { NlWriter } from '../netlink/attr.js'
import { NFNL_SUBSYS_CTNETLINK } from '../nft/constants.js'
import { nfgenmsg } from '../nft/message.js'
import { afOf } from '../route/family.js'

export const NFGENMSG_LEN = 4

/** The netlink message type of IPCTNL_MSG_CT_*. */
export function conntrackType(msg: number): number {
  return (NFNL_SUBSYS_CTNETLINK << 8) | msg
}

/** IPCTNL_MSG_CT_* of a netlink message type; undefined when the message is not of ctnetlink. */
export function conntrackMsg(type: number): number | undefined {
  return type >> 8 === NFNL_SUBSYS_CTNETLINK ? type & 0xff : undefined
}

/** Without a family, all are meant. */
export function conntrackHeader(w: NlWriter, family: Family | undefined): NlWriter {
  return nfgenmsg(w, afOf(family))
}
