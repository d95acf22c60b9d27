// Sets and maps. nft(8): "SETS", "MAPS".
import * as c from '../../wire/nft/constants.js'
import type { SetMessage } from '../../wire/nft/set.js'
import {
  BYTEORDER_BIG_ENDIAN,
  BYTEORDER_HOST_ENDIAN,
  BYTEORDER_INVALID,
  encodeUserdata,
  NFTNL_UDATA_SET_COMMENT,
  NFTNL_UDATA_SET_DATA_INTERVAL,
  NFTNL_UDATA_SET_DATABYTEORDER,
  NFTNL_UDATA_SET_KEYBYTEORDER,
  NFTNL_UDATA_SET_MERGE_ELEMENTS,
  stringEntry,
  u32Entry,
  u32In,
} from '../../wire/nft/userdata.js'
import { type Datatype, padded } from './datatype.js'
import { datatype, datatypeById } from './datatypes.js'
import { checkName, familyNumber, familyOf, type TableRef, tableRef } from './family.js'
import { type ObjectType, objectNumber, objectTypeOf } from './object-type.js'
import { checkComment, commentFrom, duration, quoted, readUserdata } from './text.js'

/** What fits the number by which nft remembers the types. */
const MAX_TYPES = 5

const flagBits = {
  constant: c.NFT_SET_CONSTANT,
  dynamic: c.NFT_SET_EVAL,
  interval: c.NFT_SET_INTERVAL,
  timeout: c.NFT_SET_TIMEOUT,
} as const

/** `dynamic`: rules add elements. */
export type SetFlag = keyof typeof flagBits

/** What a map has for a key: a value, a verdict, or an object with a name. */
export type MapData = readonly Datatype[] | 'verdict' | ObjectType

/** A set, or with `data` a map. Made by `set` and `map`; what `list` returns has a handle. */
export interface NftSet {
  readonly kind: 'set'
  readonly table: TableRef
  readonly name: string
  /** One type, or those of a concatenation. */
  readonly key: readonly Datatype[]
  readonly data?: MapData
  readonly flags: readonly SetFlag[]
  /** How long elements live that say nothing of it, in milliseconds. */
  readonly timeout?: number
  /** How often the kernel looks for elements that have expired, in milliseconds. */
  readonly gcInterval?: number
  /** The most elements. */
  readonly size?: number
  readonly autoMerge?: boolean
  /** Every element counts the packets for which it was looked up. */
  readonly counter?: true
  readonly comment?: string
  readonly handle?: bigint
  /** Belongs to one rule, which has its elements. */
  readonly anonymous?: true
}

export interface SetOptions {
  readonly table: TableRef
  readonly name: string
  /** Names of nft's types: 'ipv4_addr', ['ifname', 'ether_addr']. */
  readonly type: string | readonly string[]
  readonly flags?: readonly SetFlag[]
  readonly timeout?: number
  readonly gcInterval?: number
  readonly size?: number
  readonly autoMerge?: boolean
  readonly counter?: true
  readonly comment?: string
}

export interface MapOptions extends SetOptions {
  /** Names of nft's types, 'verdict', or the type of an object: 'counter', 'quota', 'limit', 'ct count'. */
  readonly data: string | readonly string[]
}

/** A named set. Unknown types, and names and comments that nft cannot read, are a RangeError. */
export function set(options: SetOptions): NftSet {
  return build(options, undefined)
}

/** A named map. */
export function map({ data, ...options }: MapOptions): NftSet {
  return build(options, dataOf(data))
}

function build(
  { table, name, type, flags = [], comment, ...rest }: SetOptions,
  data: MapData | undefined,
): NftSet {
  return {
    kind: 'set',
    table: tableRef(table),
    name: checkName('set', name),
    key: typesOf(type),
    ...(data !== undefined && { data }),
    flags: (Object.keys(flagBits) as SetFlag[]).filter(flag => flags.includes(flag)),
    ...rest,
    ...(comment !== undefined && { comment: checkComment(comment) }),
  }
}

function typesOf(names: string | readonly string[]): readonly Datatype[] {
  if (names.length === 0 || (typeof names !== 'string' && names.length > MAX_TYPES))
    throw new RangeError(`a key or value of ${names.length} types`)
  return (typeof names === 'string' ? [names] : names).map(datatype)
}

function dataOf(data: string | readonly string[]): MapData {
  if (data === 'verdict') return data
  if (typeof data === 'string' && objectNumber(data) !== undefined) return data as ObjectType
  return typesOf(data)
}

export function isInterval(set: NftSet): boolean {
  return set.flags.includes('interval')
}

export function isConcat(set: NftSet): boolean {
  return set.key.length > 1
}

/** The length of a key or a value: fields of a concatenation are padded, a single one is not. */
export function lengthOf(types: readonly Datatype[]): number {
  return types.length === 1 ? types[0]!.size : types.reduce((sum, type) => sum + padded(type.size), 0)
}

const BITS_PER_TYPE = 6
const TYPE_MASK = (1 << BITS_PER_TYPE) - 1

/** nft's number for a type or a concatenation of types. */
function typeNumber(types: readonly Datatype[]): number {
  return types.reduce((number, type) => (number << BITS_PER_TYPE) | type.id, 0)
}

/** What NEWSET sends. `id` is unique in the batch; `size` overrides the set's own. */
export function setMessage(set: NftSet, id: number, size = set.size): SetMessage {
  const concatInterval = isConcat(set) && isInterval(set)
  const desc = {
    ...(size !== undefined && { size }),
    ...(concatInterval && { fields: set.key.map(type => ({ len: type.size })) }),
  }
  return {
    family: familyNumber(set.table.family),
    table: set.table.name,
    name: set.name,
    flags: flagsOf(set),
    keyType: typeNumber(set.key),
    keyLen: lengthOf(set.key),
    ...dataAttributes(set.data),
    id,
    ...(Object.keys(desc).length > 0 && { desc }),
    ...(set.timeout !== undefined && { timeout: BigInt(set.timeout) }),
    ...(set.gcInterval !== undefined && { gcInterval: set.gcInterval }),
    userdata: encodeUserdata(userdataOf(set)),
    ...(set.counter && { expr: { kind: 'counter' as const } }),
  }
}

function flagsOf(set: NftSet): number {
  let flags = set.flags.reduce<number>((bits, flag) => bits | flagBits[flag], 0)
  if (set.anonymous) flags |= c.NFT_SET_ANONYMOUS | c.NFT_SET_CONSTANT
  if (isConcat(set) && isInterval(set)) flags |= c.NFT_SET_CONCAT
  if (typeof set.data === 'string' && set.data !== 'verdict') flags |= c.NFT_SET_OBJECT
  else if (set.data !== undefined) flags |= c.NFT_SET_MAP
  return flags
}

function dataAttributes(data: MapData | undefined): Partial<SetMessage> {
  if (data === undefined) return {}
  if (data === 'verdict') return { dataType: c.NFT_DATA_VERDICT, dataLen: 0 }
  if (typeof data === 'string') return { objType: objectNumber(data)! }
  return { dataType: typeNumber(data), dataLen: lengthOf(data) }
}

function byteorder(types: readonly Datatype[]): number {
  if (types.length !== 1) return BYTEORDER_INVALID
  return types[0]!.order === 'network' ? BYTEORDER_BIG_ENDIAN : BYTEORDER_HOST_ENDIAN
}

function userdataOf({ key, data, autoMerge, comment }: NftSet) {
  const entries = [u32Entry(NFTNL_UDATA_SET_KEYBYTEORDER, byteorder(key))]
  if (data !== undefined) {
    if (typeof data !== 'string') entries.push(u32Entry(NFTNL_UDATA_SET_DATABYTEORDER, byteorder(data)))
    else if (data === 'verdict') entries.push(u32Entry(NFTNL_UDATA_SET_DATABYTEORDER, BYTEORDER_INVALID))
    entries.push(u32Entry(NFTNL_UDATA_SET_DATA_INTERVAL, 0))
  }
  if (autoMerge) entries.push(u32Entry(NFTNL_UDATA_SET_MERGE_ELEMENTS, 1))
  if (comment !== undefined) entries.push(stringEntry(NFTNL_UDATA_SET_COMMENT, comment))
  return entries
}

/** The set that the kernel describes; undefined when it belongs to a family that we do not know. */
export function setFrom(message: SetMessage): NftSet | undefined {
  const family = familyOf(message.family)
  if (family === undefined) return undefined
  const flags = message.flags ?? 0
  const entries = readUserdata(message.userdata)
  const host = u32In(entries, NFTNL_UDATA_SET_KEYBYTEORDER) === BYTEORDER_HOST_ENDIAN
  const dataHost = u32In(entries, NFTNL_UDATA_SET_DATABYTEORDER) === BYTEORDER_HOST_ENDIAN
  const data = dataFrom(message, dataHost)
  const sizes = message.desc?.fields?.map(field => field.len)
  return {
    kind: 'set',
    table: { family, name: message.table ?? '' },
    name: message.name ?? '',
    key: typesFrom(message.keyType ?? 0, message.keyLen ?? 0, host, sizes),
    ...(data !== undefined && { data }),
    flags: (Object.keys(flagBits) as SetFlag[]).filter(
      flag => (flags & flagBits[flag]) !== 0 && !(flag === 'constant' && (flags & c.NFT_SET_ANONYMOUS) !== 0),
    ),
    ...(message.timeout !== undefined && { timeout: Number(message.timeout) }),
    ...(message.gcInterval !== undefined && { gcInterval: message.gcInterval }),
    ...(message.desc?.size !== undefined && { size: message.desc.size }),
    ...(u32In(entries, NFTNL_UDATA_SET_MERGE_ELEMENTS) === 1 && { autoMerge: true }),
    ...(isCounting(message) && { counter: true as const }),
    ...commentFrom(message.userdata, NFTNL_UDATA_SET_COMMENT),
    ...(message.handle !== undefined && { handle: message.handle }),
    ...((flags & c.NFT_SET_ANONYMOUS) !== 0 && { anonymous: true as const }),
  }
}

function isCounting({ expr, exprs = [] }: SetMessage): boolean {
  return expr?.kind === 'counter' || exprs.some(each => each.kind === 'counter')
}

function dataFrom(message: SetMessage, host: boolean): MapData | undefined {
  const flags = message.flags ?? 0
  if ((flags & c.NFT_SET_OBJECT) !== 0) return objectTypeOf(message.objType)
  if ((flags & c.NFT_SET_MAP) === 0) return undefined
  if (message.dataType === c.NFT_DATA_VERDICT) return 'verdict'
  return typesFrom(message.dataType ?? 0, message.dataLen ?? 0, host)
}

/** The last field of a concatenation has the lowest bits. Integers are as long as the description says, or what is left. */
function typesFrom(
  number: number,
  length: number,
  host: boolean,
  sizes?: readonly number[],
): readonly Datatype[] {
  const order = host ? 'host' : 'network'
  if (number <= TYPE_MASK) return [datatypeById(number, length, order)]
  const ids: number[] = []
  for (let left = number; left > 0; left = Math.floor(left / (TYPE_MASK + 1)))
    ids.unshift(left % (TYPE_MASK + 1))
  return ids.map((id, i) => datatypeById(id, sizes?.[i] ?? 4, order))
}

/** `type ipv4_addr . inet_service : verdict ; flags interval ; comment "x" ;` */
export function setBody(set: NftSet): string {
  const parts = [`type ${typesText(set.key)}${set.data === undefined ? '' : ` : ${dataText(set.data)}`}`]
  if (set.flags.length > 0) parts.push(`flags ${set.flags.join(',')}`)
  if (set.timeout !== undefined) parts.push(`timeout ${duration(set.timeout)}`)
  if (set.gcInterval !== undefined) parts.push(`gc-interval ${duration(set.gcInterval)}`)
  if (set.size !== undefined) parts.push(`size ${set.size}`)
  if (set.autoMerge) parts.push('auto-merge')
  if (set.counter) parts.push('counter')
  if (set.comment !== undefined) parts.push(`comment ${quoted(set.comment)}`)
  return parts.map(part => `${part} ; `).join('')
}

function typesText(types: readonly Datatype[]): string {
  return types.map(type => type.name).join(' . ')
}

function dataText(data: MapData): string {
  return typeof data === 'string' ? data : typesText(data)
}
