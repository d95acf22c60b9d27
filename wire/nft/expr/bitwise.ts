// linux/netfilter/nf_tables.h: enum nft_bitwise_attributes.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import {
  NFTA_BITWISE_DATA,
  NFTA_BITWISE_DREG,
  NFTA_BITWISE_LEN,
  NFTA_BITWISE_MASK,
  NFTA_BITWISE_OP,
  NFTA_BITWISE_SREG,
  NFTA_BITWISE_SREG2,
  NFTA_BITWISE_XOR,
} from '../constants.js'
import { value } from '../data.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** dreg = (sreg & mask) ^ xor; or, by `op`, a shift by the u32 in `data`, or a boolean operation with another register. */
export interface Bitwise extends AnyExpr {
  readonly kind: 'bitwise'
  readonly sreg: number
  readonly dreg: number
  /** NFT_BITWISE_*; absent is NFT_BITWISE_MASK_XOR. */
  readonly op?: number
  /** In bytes. */
  readonly len: number
  readonly mask?: Uint8Array
  readonly xor?: Uint8Array
  readonly data?: Uint8Array
  readonly sreg2?: number
}

export const bitwiseCodec = exprCodec<Bitwise>('bitwise', () => ({
  sreg: need(u32be(NFTA_BITWISE_SREG)),
  dreg: need(u32be(NFTA_BITWISE_DREG)),
  op: u32be(NFTA_BITWISE_OP),
  len: need(u32be(NFTA_BITWISE_LEN)),
  mask: value(NFTA_BITWISE_MASK),
  xor: value(NFTA_BITWISE_XOR),
  data: value(NFTA_BITWISE_DATA),
  sreg2: u32be(NFTA_BITWISE_SREG2),
}))
