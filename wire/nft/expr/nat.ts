// linux/netfilter/nf_tables.h: enum nft_nat_attributes.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import {
  NFTA_NAT_FAMILY,
  NFTA_NAT_FLAGS,
  NFTA_NAT_REG_ADDR_MAX,
  NFTA_NAT_REG_ADDR_MIN,
  NFTA_NAT_REG_PROTO_MAX,
  NFTA_NAT_REG_PROTO_MIN,
  NFTA_NAT_TYPE,
} from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Rewrites source or destination; addresses and ports come from registers. */
export interface Nat extends AnyExpr {
  readonly kind: 'nat'
  /** NFT_NAT_SNAT, NFT_NAT_DNAT */
  readonly type: number
  /** NFPROTO_IPV4, NFPROTO_IPV6 */
  readonly family: number
  readonly addrMin?: number
  readonly addrMax?: number
  readonly protoMin?: number
  readonly protoMax?: number
  /** NF_NAT_RANGE_* */
  readonly flags?: number
}

export const natCodec = exprCodec<Nat>('nat', () => ({
  type: need(u32be(NFTA_NAT_TYPE)),
  family: need(u32be(NFTA_NAT_FAMILY)),
  addrMin: u32be(NFTA_NAT_REG_ADDR_MIN),
  addrMax: u32be(NFTA_NAT_REG_ADDR_MAX),
  protoMin: u32be(NFTA_NAT_REG_PROTO_MIN),
  protoMax: u32be(NFTA_NAT_REG_PROTO_MAX),
  flags: u32be(NFTA_NAT_FLAGS),
}))
