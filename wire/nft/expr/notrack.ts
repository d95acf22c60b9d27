// net/netfilter/nft_ct.c: an expression without attributes.
import { type AnyExpr, exprCodec } from './codec.js'

/** Keeps the packet out of connection tracking. */
export interface Notrack extends AnyExpr {
  readonly kind: 'notrack'
}

export const notrackCodec = exprCodec<Notrack>('notrack')
