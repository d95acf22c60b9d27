// linux/netfilter/nf_tables.h: enum nft_lookup_attributes.
import { text, u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import {
  NFTA_LOOKUP_DREG,
  NFTA_LOOKUP_FLAGS,
  NFTA_LOOKUP_SET,
  NFTA_LOOKUP_SET_ID,
  NFTA_LOOKUP_SREG,
} from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Ends the rule unless the register is a key in the set; with `dreg`, loads what the map has for the key. */
export interface Lookup extends AnyExpr {
  readonly kind: 'lookup'
  readonly sreg: number
  /** NFT_REG_VERDICT for a verdict map. */
  readonly dreg?: number
  readonly set: string
  /** NFTA_SET_ID of a set made in the same batch. */
  readonly setId?: number
  /** NFT_LOOKUP_F_INV */
  readonly flags?: number
}

export const lookupCodec = exprCodec<Lookup>('lookup', () => ({
  sreg: need(u32be(NFTA_LOOKUP_SREG)),
  dreg: u32be(NFTA_LOOKUP_DREG),
  set: need(text(NFTA_LOOKUP_SET)),
  setId: u32be(NFTA_LOOKUP_SET_ID),
  flags: u32be(NFTA_LOOKUP_FLAGS),
}))
