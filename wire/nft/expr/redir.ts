// linux/netfilter/nf_tables.h: enum nft_redir_attributes.
import { u32be } from '../../netlink/fields.js'
import { NFTA_REDIR_FLAGS, NFTA_REDIR_REG_PROTO_MAX, NFTA_REDIR_REG_PROTO_MIN } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Destination NAT to this host; ports come from registers. */
export interface Redir extends AnyExpr {
  readonly kind: 'redir'
  readonly protoMin?: number
  readonly protoMax?: number
  /** NF_NAT_RANGE_* */
  readonly flags?: number
}

export const redirCodec = exprCodec<Redir>('redir', () => ({
  protoMin: u32be(NFTA_REDIR_REG_PROTO_MIN),
  protoMax: u32be(NFTA_REDIR_REG_PROTO_MAX),
  flags: u32be(NFTA_REDIR_FLAGS),
}))
