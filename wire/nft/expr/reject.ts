// linux/netfilter/nf_tables.h: enum nft_reject_attributes.
import { u8, u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import { NFTA_REJECT_ICMP_CODE, NFTA_REJECT_TYPE } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Drops, and tells the sender. */
export interface Reject extends AnyExpr {
  readonly kind: 'reject'
  /** NFT_REJECT_* */
  readonly type: number
  /** Of ICMP or ICMPv6, or NFT_REJECT_ICMPX_* */
  readonly code?: number
}

export const rejectCodec = exprCodec<Reject>('reject', () => ({
  type: need(u32be(NFTA_REJECT_TYPE)),
  code: u8(NFTA_REJECT_ICMP_CODE),
}))
