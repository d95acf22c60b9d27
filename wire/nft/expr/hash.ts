// linux/netfilter/nf_tables.h: enum nft_hash_attributes.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import {
  NFTA_HASH_DREG,
  NFTA_HASH_LEN,
  NFTA_HASH_MODULUS,
  NFTA_HASH_OFFSET,
  NFTA_HASH_SEED,
  NFTA_HASH_SREG,
  NFTA_HASH_TYPE,
} from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** A hash of a register (NFT_HASH_JENKINS) or of the packet's flow (NFT_HASH_SYM), by `modulus`. */
export interface Hash extends AnyExpr {
  readonly kind: 'hash'
  readonly sreg?: number
  readonly dreg: number
  /** In bytes. */
  readonly len?: number
  readonly modulus: number
  readonly seed?: number
  /** Added to the number. */
  readonly offset?: number
  /** NFT_HASH_* */
  readonly type?: number
}

export const hashCodec = exprCodec<Hash>('hash', () => ({
  sreg: u32be(NFTA_HASH_SREG),
  dreg: need(u32be(NFTA_HASH_DREG)),
  len: u32be(NFTA_HASH_LEN),
  modulus: need(u32be(NFTA_HASH_MODULUS)),
  seed: u32be(NFTA_HASH_SEED),
  offset: u32be(NFTA_HASH_OFFSET),
  type: u32be(NFTA_HASH_TYPE),
}))
