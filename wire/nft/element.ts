// Elements of sets and maps. linux/netfilter/nf_tables.h: enum nft_set_elem_attributes, nft_set_elem_list_attributes.
import type { NlWriter, RawAttribute } from '../netlink/attr.js'
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
import { type Data, data, value, writeValue } from './data.js'
import { exprField } from './expr/codec.js'
import { type Expr, exprList } from './expressions.js'
import { messageCodec, type NounMessage, nfgenmsg } from './message.js'

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
  /** What it carries: a counter, say. One goes in `expr`, several in `exprs`. */
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

const dataField = data(NFTA_SET_ELEM_DATA)
const exprOf = exprField<Expr>(NFTA_SET_ELEM_EXPR)
const exprsOf = exprList(NFTA_SET_ELEM_EXPRESSIONS)

const fields = codec<ElementMessage>('an element', () => ({
  flags: u32be(NFTA_SET_ELEM_FLAGS),
  timeout: u64be(NFTA_SET_ELEM_TIMEOUT),
  expiration: u64be(NFTA_SET_ELEM_EXPIRATION),
  key: value(NFTA_SET_ELEM_KEY),
  keyEnd: value(NFTA_SET_ELEM_KEY_END),
  data: dataField,
  userdata: blob(NFTA_SET_ELEM_USERDATA),
  objref: text(NFTA_SET_ELEM_OBJREF),
  expr: exprOf,
  exprs: exprsOf,
}))

/** Elements are what is written all the time: in the order of the fields above, but without going through a table. */
function encodeElement(w: NlWriter, element: ElementMessage): void {
  const { flags, timeout, expiration, key, keyEnd, userdata, objref, expr, exprs } = element
  if (flags !== undefined) w.attrU32be(NFTA_SET_ELEM_FLAGS, flags)
  if (timeout !== undefined) w.attrU64be(NFTA_SET_ELEM_TIMEOUT, timeout)
  if (expiration !== undefined) w.attrU64be(NFTA_SET_ELEM_EXPIRATION, expiration)
  if (key !== undefined) writeValue(w, NFTA_SET_ELEM_KEY, key)
  if (keyEnd !== undefined) writeValue(w, NFTA_SET_ELEM_KEY_END, keyEnd)
  if (element.data instanceof Uint8Array) writeValue(w, NFTA_SET_ELEM_DATA, element.data)
  else if (element.data !== undefined) dataField.write(w, element.data)
  if (userdata !== undefined) w.attr(NFTA_SET_ELEM_USERDATA, userdata)
  if (objref !== undefined) w.attrString(NFTA_SET_ELEM_OBJREF, objref)
  if (expr !== undefined) exprOf.write(w, expr)
  if (exprs !== undefined) exprsOf.write(w, exprs)
  w.raw(element.rest)
}

const lists = messageCodec<ElementsMessage>('elements', () => ({
  table: text(NFTA_SET_ELEM_LIST_TABLE),
  set: text(NFTA_SET_ELEM_LIST_SET),
  setId: u32be(NFTA_SET_ELEM_LIST_SET_ID),
  elements: array(NFTA_SET_ELEM_LIST_ELEMENTS, { encode: encodeElement, decode: fields.decode }),
}))

export const { encode: encodeElements, decode: decodeElements } = lists

/** What `ElementsMessage` says of the set. */
export type ElementsHead = Pick<ElementsMessage, 'family' | 'table' | 'set' | 'setId'>

/**
 * The same as `encodeElements` for elements that come one by one: `write` calls its argument with each, and sees from the
 * writer's length when the message is getting full.
 */
export function encodeElementList(
  w: NlWriter,
  { family, table, set, setId }: ElementsHead,
  write: (add: (element: ElementMessage) => void) => void,
): void {
  nfgenmsg(w, family)
  if (table !== undefined) w.attrString(NFTA_SET_ELEM_LIST_TABLE, table)
  if (set !== undefined) w.attrString(NFTA_SET_ELEM_LIST_SET, set)
  if (setId !== undefined) w.attrU32be(NFTA_SET_ELEM_LIST_SET_ID, setId)
  w.nested(NFTA_SET_ELEM_LIST_ELEMENTS, list => {
    let position = 0
    write(element => list.nested(++position, inner => encodeElement(inner, element)))
  })
}
