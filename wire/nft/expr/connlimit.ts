// linux/netfilter/nf_tables.h: enum nft_connlimit_attributes.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import { NFTA_CONNLIMIT_COUNT, NFTA_CONNLIMIT_FLAGS } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Ends the rule when there are more connections; with NFT_CONNLIMIT_F_INV, when there are not. */
export interface Connlimit extends AnyExpr {
  readonly kind: 'connlimit'
  readonly count: number
  /** NFT_CONNLIMIT_F_INV */
  readonly flags?: number
}

export const connlimitCodec = exprCodec<Connlimit>('connlimit', () => ({
  count: need(u32be(NFTA_CONNLIMIT_COUNT)),
  flags: u32be(NFTA_CONNLIMIT_FLAGS),
}))
