// linux/netfilter/nf_tables.h: enum nft_ct_attributes. Connection tracking.
import { u8, u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import { NFTA_CT_DIRECTION, NFTA_CT_DREG, NFTA_CT_KEY, NFTA_CT_SREG } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Reads into `dreg`, or sets from `sreg`. */
export interface Ct extends AnyExpr {
  readonly kind: 'ct'
  /** NFT_CT_* */
  readonly key: number
  readonly dreg?: number
  /** 0 original, 1 reply. */
  readonly direction?: number
  readonly sreg?: number
}

export const ctCodec = exprCodec<Ct>('ct', () => ({
  key: need(u32be(NFTA_CT_KEY)),
  dreg: u32be(NFTA_CT_DREG),
  direction: u8(NFTA_CT_DIRECTION),
  sreg: u32be(NFTA_CT_SREG),
}))
