// linux/netfilter/nf_tables.h: enum nft_quota_attributes.
import { u32be, u64be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import { NFTA_QUOTA_BYTES, NFTA_QUOTA_CONSUMED, NFTA_QUOTA_FLAGS } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Ends the rule once so many bytes have passed; with NFT_QUOTA_F_INV, until then. */
export interface Quota extends AnyExpr {
  readonly kind: 'quota'
  readonly bytes: bigint
  /** In bytes. */
  readonly consumed?: bigint
  /** NFT_QUOTA_F_* */
  readonly flags?: number
}

export const quotaCodec = exprCodec<Quota>('quota', () => ({
  bytes: need(u64be(NFTA_QUOTA_BYTES)),
  consumed: u64be(NFTA_QUOTA_CONSUMED),
  flags: u32be(NFTA_QUOTA_FLAGS),
}))
