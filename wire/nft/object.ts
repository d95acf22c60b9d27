// Stateful objects with a name. linux/netfilter/nf_tables.h: enum nft_object_attributes; the data are those of the
// expression of the same name.
import { NlReader, type RawAttribute } from '../netlink/attr.js'
import { blob, type Field, text, u32be, u64be } from '../netlink/fields.js'
import { type Codec, codec } from './attributes.js'
import {
  NFT_OBJECT_CONNLIMIT,
  NFT_OBJECT_COUNTER,
  NFT_OBJECT_LIMIT,
  NFT_OBJECT_QUOTA,
  NFTA_OBJ_DATA,
  NFTA_OBJ_HANDLE,
  NFTA_OBJ_NAME,
  NFTA_OBJ_TABLE,
  NFTA_OBJ_TYPE,
  NFTA_OBJ_USE,
  NFTA_OBJ_USERDATA,
} from './constants.js'
import { type Connlimit, connlimitCodec } from './expr/connlimit.js'
import { type Counter, counterCodec } from './expr/counter.js'
import { type Limit, limitCodec } from './expr/limit.js'
import { type Quota, quotaCodec } from './expr/quota.js'
import { messageCodec, type NounMessage } from './message.js'

/** The data of an object of a type that we do not know. */
export interface RawObjectData {
  readonly kind: 'raw'
  readonly rest?: readonly RawAttribute[]
}

export type ObjectData = Counter | Quota | Limit | Connlimit | RawObjectData

export interface ObjectMessage extends NounMessage {
  readonly table?: string
  readonly name?: string
  /** NFT_OBJECT_* */
  readonly type?: number
  readonly handle?: bigint
  readonly data?: ObjectData
  readonly userdata?: Uint8Array
  /** How many rules and elements refer to it. */
  readonly use?: number
}

const raw = codec<RawObjectData>('an object', () => ({}), { kind: 'raw' })
const byKind: Readonly<Record<ObjectData['kind'], Codec<ObjectData>>> = {
  counter: counterCodec.body!,
  quota: quotaCodec.body!,
  limit: limitCodec.body!,
  connlimit: connlimitCodec.body!,
  raw,
}
const kinds = new Map<number | undefined, ObjectData['kind']>([
  [NFT_OBJECT_COUNTER, 'counter'],
  [NFT_OBJECT_QUOTA, 'quota'],
  [NFT_OBJECT_LIMIT, 'limit'],
  [NFT_OBJECT_CONNLIMIT, 'connlimit'],
])

/** How to read the data depends on the type, which may come later: first they are kept as bytes. */
type Undecoded = Omit<ObjectMessage, 'data'> & { readonly data?: ObjectData | Uint8Array }

const dataField: Field<ObjectData | Uint8Array> = {
  ...blob(NFTA_OBJ_DATA),
  write: (w, data) =>
    w.nested(NFTA_OBJ_DATA, inner => {
      if (data instanceof Uint8Array) inner.bytes(data)
      else byKind[data.kind].encode(inner, data)
    }),
}

const object = messageCodec<Undecoded>('an object', () => ({
  table: text(NFTA_OBJ_TABLE),
  name: text(NFTA_OBJ_NAME),
  type: u32be(NFTA_OBJ_TYPE),
  handle: u64be(NFTA_OBJ_HANDLE),
  userdata: blob(NFTA_OBJ_USERDATA),
  data: dataField,
  use: u32be(NFTA_OBJ_USE),
}))

export const encodeObject = object.encode

export function decodeObject(payload: Buffer): ObjectMessage {
  const { data, ...message } = object.decode(payload)
  if (!(data instanceof Uint8Array)) return message
  // nft deletes objects with a data attribute in which there is nothing.
  const body = data.length === 0 ? raw : byKind[kinds.get(message.type) ?? 'raw']
  return { ...message, data: body.decode(new NlReader(Buffer.from(data))) }
}
