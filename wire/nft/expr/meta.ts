// linux/netfilter/nf_tables.h: enum nft_meta_attributes. What the kernel knows about a packet that is not in the packet.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import { NFTA_META_DREG, NFTA_META_KEY, NFTA_META_SREG } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Reads into `dreg`, or sets from `sreg`. */
export interface Meta extends AnyExpr {
  readonly kind: 'meta'
  /** NFT_META_* */
  readonly key: number
  readonly dreg?: number
  readonly sreg?: number
}

export const metaCodec = exprCodec<Meta>('meta', () => ({
  key: need(u32be(NFTA_META_KEY)),
  dreg: u32be(NFTA_META_DREG),
  sreg: u32be(NFTA_META_SREG),
}))
