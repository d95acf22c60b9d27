// linux/netfilter/nf_tables.h: enum nft_masq_attributes.
import { u32be } from '../../netlink/fields.js'
import { NFTA_MASQ_FLAGS, NFTA_MASQ_REG_PROTO_MAX, NFTA_MASQ_REG_PROTO_MIN } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Source NAT to the address of the interface a packet leaves by; ports come from registers. */
export interface Masq extends AnyExpr {
  readonly kind: 'masq'
  /** NF_NAT_RANGE_* */
  readonly flags?: number
  readonly protoMin?: number
  readonly protoMax?: number
}

export const masqCodec = exprCodec<Masq>('masq', () => ({
  flags: u32be(NFTA_MASQ_FLAGS),
  protoMin: u32be(NFTA_MASQ_REG_PROTO_MIN),
  protoMax: u32be(NFTA_MASQ_REG_PROTO_MAX),
}))
