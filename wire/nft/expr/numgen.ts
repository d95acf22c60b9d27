// linux/netfilter/nf_tables.h: enum nft_ng_attributes. Numbers in turn, or at random.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import { NFTA_NG_DREG, NFTA_NG_MODULUS, NFTA_NG_OFFSET, NFTA_NG_TYPE } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

export interface Numgen extends AnyExpr {
  readonly kind: 'numgen'
  readonly dreg: number
  readonly modulus: number
  /** NFT_NG_INCREMENTAL, NFT_NG_RANDOM */
  readonly type: number
  /** Added to the number. */
  readonly offset?: number
}

export const numgenCodec = exprCodec<Numgen>('numgen', () => ({
  dreg: need(u32be(NFTA_NG_DREG)),
  modulus: need(u32be(NFTA_NG_MODULUS)),
  type: need(u32be(NFTA_NG_TYPE)),
  offset: u32be(NFTA_NG_OFFSET),
}))
