// linux/netfilter/nf_tables.h: enum nft_objref_attributes. Names a stateful object of the table, or a map that has them.
import { u32be } from '../../netlink/fields.js'
import { bareText } from '../attributes.js'
import {
  NFTA_OBJREF_IMM_NAME,
  NFTA_OBJREF_IMM_TYPE,
  NFTA_OBJREF_SET_ID,
  NFTA_OBJREF_SET_NAME,
  NFTA_OBJREF_SET_SREG,
} from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

export interface Objref extends AnyExpr {
  readonly kind: 'objref'
  /** NFT_OBJECT_* */
  readonly type?: number
  readonly name?: string
  readonly sreg?: number
  readonly set?: string
  readonly setId?: number
}

export const objrefCodec = exprCodec<Objref>('objref', () => ({
  type: u32be(NFTA_OBJREF_IMM_TYPE),
  name: bareText(NFTA_OBJREF_IMM_NAME),
  sreg: u32be(NFTA_OBJREF_SET_SREG),
  set: bareText(NFTA_OBJREF_SET_NAME),
  setId: u32be(NFTA_OBJREF_SET_ID),
}))
