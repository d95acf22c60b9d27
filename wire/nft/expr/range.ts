// linux/netfilter/nf_tables.h: enum nft_range_attributes.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import { NFTA_RANGE_FROM_DATA, NFTA_RANGE_OP, NFTA_RANGE_SREG, NFTA_RANGE_TO_DATA } from '../constants.js'
import { value } from '../data.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Ends the rule unless the register is in (or, with NFT_RANGE_NEQ, outside) [from, to]. */
export interface Range extends AnyExpr {
  readonly kind: 'range'
  readonly sreg: number
  /** NFT_RANGE_* */
  readonly op: number
  readonly from: Uint8Array
  readonly to: Uint8Array
}

export const rangeCodec = exprCodec<Range>('range', () => ({
  sreg: need(u32be(NFTA_RANGE_SREG)),
  op: need(u32be(NFTA_RANGE_OP)),
  from: need(value(NFTA_RANGE_FROM_DATA)),
  to: need(value(NFTA_RANGE_TO_DATA)),
}))
