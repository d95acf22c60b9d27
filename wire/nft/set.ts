// Sets and maps. linux/netfilter/nf_tables.h: enum nft_set_attributes, nft_set_desc_attributes, nft_set_field_attributes.
import type { RawAttribute } from '../netlink/attr.js'
import { blob, text, u32be, u64be } from '../netlink/fields.js'
import { codec, list, need, nested } from './attributes.js'
import {
  NFTA_LIST_ELEM,
  NFTA_SET_DATA_LEN,
  NFTA_SET_DATA_TYPE,
  NFTA_SET_DESC,
  NFTA_SET_DESC_CONCAT,
  NFTA_SET_DESC_SIZE,
  NFTA_SET_EXPR,
  NFTA_SET_EXPRESSIONS,
  NFTA_SET_FIELD_LEN,
  NFTA_SET_FLAGS,
  NFTA_SET_GC_INTERVAL,
  NFTA_SET_HANDLE,
  NFTA_SET_ID,
  NFTA_SET_KEY_LEN,
  NFTA_SET_KEY_TYPE,
  NFTA_SET_NAME,
  NFTA_SET_OBJ_TYPE,
  NFTA_SET_POLICY,
  NFTA_SET_TABLE,
  NFTA_SET_TIMEOUT,
  NFTA_SET_USERDATA,
} from './constants.js'
import { exprField } from './expr/codec.js'
import { type Expr, exprList } from './expressions.js'
import { messageCodec, type NounMessage } from './message.js'

/** One field of a concatenation. */
export interface SetField {
  /** In bytes, without padding. */
  readonly len: number
  readonly rest?: readonly RawAttribute[]
}

export interface SetDesc {
  /** The most elements it may hold. */
  readonly size?: number
  /** Of concatenations with NFT_SET_INTERVAL. */
  readonly fields?: readonly SetField[]
  readonly rest?: readonly RawAttribute[]
}

export interface SetMessage extends NounMessage {
  readonly table?: string
  readonly name?: string
  readonly handle?: bigint
  /** NFT_SET_* */
  readonly flags?: number
  /** nft's number of the key's type; the kernel only stores it. Concatenations: 6 bits a field, the first highest. */
  readonly keyType?: number
  /** In bytes, every field but a single one padded to 4. */
  readonly keyLen?: number
  /** As keyType; NFT_DATA_VERDICT for verdict maps. */
  readonly dataType?: number
  readonly dataLen?: number
  /** NFT_OBJECT_*, with NFT_SET_OBJECT. */
  readonly objType?: number
  /** Unique in its batch. */
  readonly id?: number
  /** NFT_SET_POL_* */
  readonly policy?: number
  readonly desc?: SetDesc
  /** In milliseconds. */
  readonly timeout?: bigint
  /** In milliseconds. */
  readonly gcInterval?: number
  readonly userdata?: Uint8Array
  /** What every element carries. */
  readonly expr?: Expr
  readonly exprs?: readonly Expr[]
}

const setField = codec<SetField>('a field', () => ({ len: need(u32be(NFTA_SET_FIELD_LEN)) }))

const desc = codec<SetDesc>('a description', () => ({
  size: u32be(NFTA_SET_DESC_SIZE),
  fields: list(NFTA_SET_DESC_CONCAT, NFTA_LIST_ELEM, setField),
}))

export const { encode: encodeSet, decode: decodeSet } = messageCodec<SetMessage>('a set', () => ({
  table: text(NFTA_SET_TABLE),
  name: text(NFTA_SET_NAME),
  handle: u64be(NFTA_SET_HANDLE),
  flags: u32be(NFTA_SET_FLAGS),
  keyType: u32be(NFTA_SET_KEY_TYPE),
  keyLen: u32be(NFTA_SET_KEY_LEN),
  dataType: u32be(NFTA_SET_DATA_TYPE),
  dataLen: u32be(NFTA_SET_DATA_LEN),
  objType: u32be(NFTA_SET_OBJ_TYPE),
  id: u32be(NFTA_SET_ID),
  policy: u32be(NFTA_SET_POLICY),
  desc: nested(NFTA_SET_DESC, desc),
  timeout: u64be(NFTA_SET_TIMEOUT),
  gcInterval: u32be(NFTA_SET_GC_INTERVAL),
  userdata: blob(NFTA_SET_USERDATA),
  expr: exprField<Expr>(NFTA_SET_EXPR),
  exprs: exprList(NFTA_SET_EXPRESSIONS),
}))
