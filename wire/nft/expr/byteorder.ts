// linux/netfilter/nf_tables.h: enum nft_byteorder_attributes.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import {
  NFTA_BYTEORDER_DREG,
  NFTA_BYTEORDER_LEN,
  NFTA_BYTEORDER_OP,
  NFTA_BYTEORDER_SIZE,
  NFTA_BYTEORDER_SREG,
} from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** Swaps between the host's byte order and the network's, in units of `size` bytes. */
export interface Byteorder extends AnyExpr {
  readonly kind: 'byteorder'
  readonly sreg: number
  readonly dreg: number
  /** NFT_BYTEORDER_NTOH, NFT_BYTEORDER_HTON */
  readonly op: number
  /** In bytes. */
  readonly len: number
  /** 2, 4 or 8 bytes. */
  readonly size: number
}

export const byteorderCodec = exprCodec<Byteorder>('byteorder', () => ({
  sreg: need(u32be(NFTA_BYTEORDER_SREG)),
  dreg: need(u32be(NFTA_BYTEORDER_DREG)),
  op: need(u32be(NFTA_BYTEORDER_OP)),
  len: need(u32be(NFTA_BYTEORDER_LEN)),
  size: need(u32be(NFTA_BYTEORDER_SIZE)),
}))
