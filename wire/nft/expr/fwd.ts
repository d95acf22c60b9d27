// linux/netfilter/nf_tables.h: enum nft_fwd_attributes. Out by another device (netdev family).
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import { NFTA_FWD_NFPROTO, NFTA_FWD_SREG_ADDR, NFTA_FWD_SREG_DEV } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

export interface Fwd extends AnyExpr {
  readonly kind: 'fwd'
  readonly sregDev: number
  readonly sregAddr?: number
  readonly nfproto?: number
}

export const fwdCodec = exprCodec<Fwd>('fwd', () => ({
  sregDev: need(u32be(NFTA_FWD_SREG_DEV)),
  sregAddr: u32be(NFTA_FWD_SREG_ADDR),
  nfproto: u32be(NFTA_FWD_NFPROTO),
}))
