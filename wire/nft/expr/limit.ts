// linux/netfilter/nf_tables.h: enum nft_limit_attributes. A token bucket.
import { u32be, u64be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import {
  NFTA_LIMIT_BURST,
  NFTA_LIMIT_FLAGS,
  NFTA_LIMIT_RATE,
  NFTA_LIMIT_TYPE,
  NFTA_LIMIT_UNIT,
} from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Ends the rule when the rate is exceeded; with NFT_LIMIT_F_INV, when it is not. */
export interface Limit extends AnyExpr {
  readonly kind: 'limit'
  /** Packets or bytes in `unit`. */
  readonly rate: bigint
  /** In seconds. */
  readonly unit: bigint
  readonly burst?: number
  /** NFT_LIMIT_PKTS, NFT_LIMIT_PKT_BYTES */
  readonly type?: number
  /** NFT_LIMIT_F_INV */
  readonly flags?: number
}

export const limitCodec = exprCodec<Limit>('limit', () => ({
  rate: need(u64be(NFTA_LIMIT_RATE)),
  unit: need(u64be(NFTA_LIMIT_UNIT)),
  burst: u32be(NFTA_LIMIT_BURST),
  type: u32be(NFTA_LIMIT_TYPE),
  flags: u32be(NFTA_LIMIT_FLAGS),
}))
