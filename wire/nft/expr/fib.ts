// linux/netfilter/nf_tables.h: enum nft_fib_attributes. The routing table's answer about an address of the packet.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import { NFTA_FIB_DREG, NFTA_FIB_FLAGS, NFTA_FIB_RESULT } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

export interface Fib extends AnyExpr {
  readonly kind: 'fib'
  /** What is looked up: NFTA_FIB_F_* */
  readonly flags: number
  /** NFT_FIB_RESULT_* */
  readonly result: number
  readonly dreg: number
}

export const fibCodec = exprCodec<Fib>('fib', () => ({
  flags: need(u32be(NFTA_FIB_FLAGS)),
  result: need(u32be(NFTA_FIB_RESULT)),
  dreg: need(u32be(NFTA_FIB_DREG)),
}))
