// linux/netfilter/nf_tables.h: enum nft_cmp_attributes.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import { NFTA_CMP_DATA, NFTA_CMP_OP, NFTA_CMP_SREG } from '../constants.js'
import { value } from '../data.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Ends the rule unless the register compares so with the value; as many bytes as the value has. */
export interface Cmp extends AnyExpr {
  readonly kind: 'cmp'
  readonly sreg: number
  /** NFT_CMP_* */
  readonly op: number
  readonly data: Uint8Array
}

export const cmpCodec = exprCodec<Cmp>('cmp', () => ({
  sreg: need(u32be(NFTA_CMP_SREG)),
  op: need(u32be(NFTA_CMP_OP)),
  data: need(value(NFTA_CMP_DATA)),
}))
