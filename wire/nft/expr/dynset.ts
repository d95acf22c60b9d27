// linux/netfilter/nf_tables.h: enum nft_dynset_attributes. Changes a set from the packet path.
import { text, u32be, u64be } from '../../netlink/fields.js'
import { type Codec, list, need } from '../attributes.js'
import {
  NFTA_DYNSET_EXPR,
  NFTA_DYNSET_EXPRESSIONS,
  NFTA_DYNSET_FLAGS,
  NFTA_DYNSET_OP,
  NFTA_DYNSET_SET_ID,
  NFTA_DYNSET_SET_NAME,
  NFTA_DYNSET_SREG_DATA,
  NFTA_DYNSET_SREG_KEY,
  NFTA_DYNSET_TIMEOUT,
  NFTA_LIST_ELEM,
} from '../constants.js'
import type { Expr } from '../expressions.js'
import { type AnyExpr, exprCodec, exprField, exprNest } from './codec.js'

export interface Dynset extends AnyExpr {
  readonly kind: 'dynset'
  readonly sregKey: number
  readonly sregData?: number
  /** NFT_DYNSET_OP_* */
  readonly op: number
  /** In milliseconds. */
  readonly timeout?: bigint
  readonly set: string
  readonly setId?: number
  /** NFT_DYNSET_F_* */
  readonly flags?: number
  /** What a new element carries, if it is one. */
  readonly expr?: Expr
  /** What a new element carries, if it is several. */
  readonly exprs?: readonly Expr[]
}

export const dynsetCodec = exprCodec<Dynset>('dynset', () => ({
  sregKey: need(u32be(NFTA_DYNSET_SREG_KEY)),
  sregData: u32be(NFTA_DYNSET_SREG_DATA),
  op: need(u32be(NFTA_DYNSET_OP)),
  timeout: u64be(NFTA_DYNSET_TIMEOUT),
  set: need(text(NFTA_DYNSET_SET_NAME)),
  setId: u32be(NFTA_DYNSET_SET_ID),
  flags: u32be(NFTA_DYNSET_FLAGS),
  expr: exprField(NFTA_DYNSET_EXPR),
  exprs: list<Expr>(NFTA_DYNSET_EXPRESSIONS, NFTA_LIST_ELEM, exprNest as Codec<Expr>),
}))
