// linux/netfilter/nf_tables.h: enum nft_dup_attributes. A copy of the packet, elsewhere.
import { u32be } from '../../netlink/fields.js'
import { NFTA_DUP_SREG_ADDR, NFTA_DUP_SREG_DEV } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

export interface Dup extends AnyExpr {
  readonly kind: 'dup'
  readonly sregAddr?: number
  readonly sregDev?: number
}

export const dupCodec = exprCodec<Dup>('dup', () => ({
  sregAddr: u32be(NFTA_DUP_SREG_ADDR),
  sregDev: u32be(NFTA_DUP_SREG_DEV),
}))
