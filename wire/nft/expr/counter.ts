// linux/netfilter/nf_tables.h: enum nft_counter_attributes.
import { u64be } from '../../netlink/fields.js'
import { NFTA_COUNTER_BYTES, NFTA_COUNTER_PACKETS } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Counts what passes. */
export interface Counter extends AnyExpr {
  readonly kind: 'counter'
  readonly bytes?: bigint
  readonly packets?: bigint
}

export const counterCodec = exprCodec<Counter>('counter', () => ({
  bytes: u64be(NFTA_COUNTER_BYTES),
  packets: u64be(NFTA_COUNTER_PACKETS),
}))
