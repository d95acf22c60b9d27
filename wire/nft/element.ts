// Elements of sets and maps. linux/netfilter/nf_tables.h: enum nft_set_elem_attributes, nft_set_elem_list_attributes.
import type { RawAttribute } from '../netlink/attr.js'
import { blob, text, u32be, u64be } from '../netlink/fields.js'
import { array, codec } from './attributes.js'
import {
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_EXPIRATION,
  NFTA_SET_ELEM_EXPR,
  NFTA_SET_ELEM_EXPRESSIONS,
  NFTA_SET_ELEM_FLAGS,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_KEY_END,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_SET_ID,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_SET_ELEM_OBJREF,
  NFTA_SET_ELEM_TIMEOUT,
  NFTA_SET_ELEM_USERDATA,
} from './constants.js'
import { type Data, data, value } from './data.js'
import { exprField } from './expr/codec.js'
import { type Expr, exprList } from './expressions.js'
import { messageCodec, type NounMessage } from './message.js'

export interface ElementMessage {
  /** NFT_SET_ELEM_* */
  readonly flags?: number
  readonly key?: Uint8Array
  /** The last key of a range, in concatenations with NFT_SET_INTERVAL. */
  readonly keyEnd?: Uint8Array
  readonly data?: Data
  /** The name of an object, in maps with NFT_SET_OBJECT. */
  readonly objref?: string
  /** In milliseconds. */
  readonly timeout?: bigint
  /** What is left of the timeout, in milliseconds. */
  readonly expiration?: bigint
  readonly userdata?: Uint8Array
  readonly expr?: Expr
  readonly exprs?: readonly Expr[]
  readonly rest?: readonly RawAttribute[]
}

/** Some elements of one set. An attribute holds 65,535 bytes: more elements need more messages. */
export interface ElementsMessage extends NounMessage {
  readonly table?: string
  readonly set?: string
  readonly setId?: number
  readonly elements?: readonly ElementMessage[]
}

const element = codec<ElementMessage>('an element', () => ({
  flags: u32be(NFTA_SET_ELEM_FLAGS),
  timeout: u64be(NFTA_SET_ELEM_TIMEOUT),
  expiration: u64be(NFTA_SET_ELEM_EXPIRATION),
  key: value(NFTA_SET_ELEM_KEY),
  keyEnd: value(NFTA_SET_ELEM_KEY_END),
  data: data(NFTA_SET_ELEM_DATA),
  userdata: blob(NFTA_SET_ELEM_USERDATA),
  objref: text(NFTA_SET_ELEM_OBJREF),
  expr: exprField<Expr>(NFTA_SET_ELEM_EXPR),
  exprs: exprList(NFTA_SET_ELEM_EXPRESSIONS),
}))

export const { encode: encodeElements, decode: decodeElements } = messageCodec<ElementsMessage>(
  'elements',
  () => ({
    table: text(NFTA_SET_ELEM_LIST_TABLE),
    set: text(NFTA_SET_ELEM_LIST_SET),
    setId: u32be(NFTA_SET_ELEM_LIST_SET_ID),
    elements: array(NFTA_SET_ELEM_LIST_ELEMENTS, element),
  }),
)
