// linux/netfilter/nf_tables.h: enum nft_immediate_attributes.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import { NFTA_IMMEDIATE_DATA, NFTA_IMMEDIATE_DREG } from '../constants.js'
import { type Data, data } from '../data.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Loads a value; into NFT_REG_VERDICT, a verdict. */
export interface Immediate extends AnyExpr {
  readonly kind: 'immediate'
  readonly dreg: number
  readonly data: Data
}

export const immediateCodec = exprCodec<Immediate>('immediate', () => ({
  dreg: need(u32be(NFTA_IMMEDIATE_DREG)),
  data: need(data(NFTA_IMMEDIATE_DATA)),
}))
