// linux/netfilter/nf_tables.h: enum nft_rt_attributes. The route a packet takes.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import { NFTA_RT_DREG, NFTA_RT_KEY } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

export interface Rt extends AnyExpr {
  readonly kind: 'rt'
  /** NFT_RT_* */
  readonly key: number
  readonly dreg: number
}

export const rtCodec = exprCodec<Rt>('rt', () => ({
  key: need(u32be(NFTA_RT_KEY)),
  dreg: need(u32be(NFTA_RT_DREG)),
}))
