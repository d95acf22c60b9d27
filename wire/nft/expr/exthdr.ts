// linux/netfilter/nf_tables.h: enum nft_exthdr_attributes. Extension headers of IPv6, options of IPv4, TCP and SCTP.
import { u8, u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import {
  NFTA_EXTHDR_DREG,
  NFTA_EXTHDR_FLAGS,
  NFTA_EXTHDR_LEN,
  NFTA_EXTHDR_OFFSET,
  NFTA_EXTHDR_OP,
  NFTA_EXTHDR_SREG,
  NFTA_EXTHDR_TYPE,
} from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

export interface Exthdr extends AnyExpr {
  readonly kind: 'exthdr'
  readonly dreg?: number
  readonly sreg?: number
  /** Next-header value or option number. */
  readonly type: number
  /** In bytes. */
  readonly offset: number
  /** In bytes. */
  readonly len: number
  /** NFT_EXTHDR_F_PRESENT: the result is whether it is there. */
  readonly flags?: number
  /** NFT_EXTHDR_OP_* */
  readonly op?: number
}

export const exthdrCodec = exprCodec<Exthdr>('exthdr', () => ({
  dreg: u32be(NFTA_EXTHDR_DREG),
  sreg: u32be(NFTA_EXTHDR_SREG),
  type: need(u8(NFTA_EXTHDR_TYPE)),
  offset: need(u32be(NFTA_EXTHDR_OFFSET)),
  len: need(u32be(NFTA_EXTHDR_LEN)),
  op: u32be(NFTA_EXTHDR_OP),
  flags: u32be(NFTA_EXTHDR_FLAGS),
}))
