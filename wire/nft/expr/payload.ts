// linux/netfilter/nf_tables.h: enum nft_payload_attributes. Packet bytes into a register, or a register into the packet.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import {
  NFTA_PAYLOAD_BASE,
  NFTA_PAYLOAD_CSUM_FLAGS,
  NFTA_PAYLOAD_CSUM_OFFSET,
  NFTA_PAYLOAD_CSUM_TYPE,
  NFTA_PAYLOAD_DREG,
  NFTA_PAYLOAD_LEN,
  NFTA_PAYLOAD_OFFSET,
  NFTA_PAYLOAD_SREG,
} from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** A load has `dreg`; a write has `sreg` and says which checksum it disturbs. */
export interface Payload extends AnyExpr {
  readonly kind: 'payload'
  readonly dreg?: number
  readonly sreg?: number
  /** NFT_PAYLOAD_LL_HEADER, NFT_PAYLOAD_NETWORK_HEADER, … */
  readonly base: number
  /** In bytes. */
  readonly offset: number
  /** In bytes. */
  readonly len: number
  /** NFT_PAYLOAD_CSUM_* */
  readonly csumType?: number
  readonly csumOffset?: number
  /** NFT_PAYLOAD_L4CSUM_PSEUDOHDR */
  readonly csumFlags?: number
}

export const payloadCodec = exprCodec<Payload>('payload', () => ({
  dreg: u32be(NFTA_PAYLOAD_DREG),
  sreg: u32be(NFTA_PAYLOAD_SREG),
  base: need(u32be(NFTA_PAYLOAD_BASE)),
  offset: need(u32be(NFTA_PAYLOAD_OFFSET)),
  len: need(u32be(NFTA_PAYLOAD_LEN)),
  csumType: u32be(NFTA_PAYLOAD_CSUM_TYPE),
  csumOffset: u32be(NFTA_PAYLOAD_CSUM_OFFSET),
  csumFlags: u32be(NFTA_PAYLOAD_CSUM_FLAGS),
}))
