// Keys of sets: bytes from values, and values from bytes.
// Interval sets of one type hold where an interval starts and the first key behind it, as numbers in network order;
// those of concatenations hold first and last key (NFTA_SET_ELEM_KEY_END).
import { Ip, Prefix } from '../../wire/ip.js'
import { WireError } from '../../wire/wire-error.js'
import { type Datatype, padded } from './datatype.js'
import { isInterval, lengthOf, type NftSet } from './set.js'
import { describe, isRange, type Scalar, type Value } from './value.js'

/** First and last key; of a single key, the same bytes. */
export interface Bounds {
  readonly first: Uint8Array
  readonly last: Uint8Array
}

/** What the values of a key are in bytes. Values that do not fit the set are a RangeError that names them. */
export function encodeKey(set: NftSet, key: readonly Value[]): Bounds {
  const { key: types } = set
  if (key.length !== types.length)
    throw new RangeError(`${key.length} values for the ${types.length} of set ${set.name}`)
  const interval = isInterval(set)
  const first = new Uint8Array(lengthOf(types))
  const last = interval ? new Uint8Array(first.length) : first
  let at = 0
  for (let i = 0; i < types.length; i++) {
    const type = types[i]!
    const value = key[i]!
    if (interval) encodeBounds(type, value, first, last, at)
    else if (isRange(value) || value instanceof Prefix) encodeHost(set, type, value, first, at)
    else encodeScalar(type, value, first, at)
    at += padded(type.size)
  }
  return { first, last }
}

/** Values of a map's data, one behind the other. */
export function encodeValues(types: readonly Datatype[], values: readonly Scalar[]): Uint8Array {
  if (values.length !== types.length)
    throw new RangeError(`${values.length} values where ${types.length} belong`)
  const bytes = new Uint8Array(lengthOf(types))
  let at = 0
  for (let i = 0; i < types.length; i++) {
    types[i]!.encode(values[i]!, bytes, at)
    at += padded(types[i]!.size)
  }
  return bytes
}

/** The reverse; bytes of another length are a WireError. */
export function decodeValues(types: readonly Datatype[], bytes: Uint8Array): Scalar[] {
  checkLength(types, bytes)
  let at = 0
  return types.map(type => {
    const value = type.decode(bytes, at)
    at += padded(type.size)
    return value
  })
}

/** The values of a key; bytes of another length are a WireError. */
export function decodeKey(set: NftSet, { first, last }: Bounds): Value[] {
  checkLength(set.key, first)
  checkLength(set.key, last)
  const interval = isInterval(set)
  let at = 0
  return set.key.map(type => {
    const value = interval ? decodeBounds(type, first, last, at) : type.decode(first, at)
    at += padded(type.size)
    return value
  })
}

function checkLength(types: readonly Datatype[], bytes: Uint8Array): void {
  if (bytes.length !== lengthOf(types))
    throw new WireError(`${bytes.length} bytes where ${types.map(type => type.name).join(' . ')} belongs`)
}

/** A name with `*` behind would be a wildcard to nft, which only intervals can hold. */
function encodeScalar(type: Datatype, value: Scalar, into: Uint8Array, at: number): void {
  if (type.order === 'text' && typeof value === 'string' && value.endsWith('*'))
    throw new RangeError(`a wildcard in a set without intervals: ${describe(value)}`)
  type.encode(value, into, at)
}

/** A prefix of full length is an address. */
function encodeHost(set: NftSet, type: Datatype, value: Value, into: Uint8Array, at: number): void {
  if (!(value instanceof Prefix) || value.length !== value.ip.bytes.length * 8)
    throw new RangeError(`${describe(value)} in set ${set.name}, which has no intervals`)
  type.encode(value.ip, into, at)
}

/** Writes the first and last key of a value. */
export function encodeBounds(
  type: Datatype,
  value: Value,
  first: Uint8Array,
  last: Uint8Array,
  at: number,
): void {
  if (value instanceof Prefix) {
    type.encode(value.first(), first, at)
    type.encode(value.last(), last, at)
  } else if (isRange(value)) {
    type.encode(value.from, first, at)
    type.encode(value.to, last, at)
  } else if (type.order === 'text' && typeof value === 'string' && value.endsWith('*')) {
    type.encode(value.slice(0, -1), first, at)
    type.encode(value.slice(0, -1), last, at)
    last.fill(0xff, at + Buffer.byteLength(value) - 1, at + type.size)
  } else {
    type.encode(value, first, at)
    type.encode(value, last, at)
  }
  const end = at + type.size
  if (type.order === 'host') {
    first.subarray(at, end).reverse()
    last.subarray(at, end).reverse()
  }
  let differs = at
  while (differs < end && first[differs] === last[differs]) differs++
  if (differs < end && first[differs]! > last[differs]!)
    throw new RangeError(`a range that ends before it starts: ${describe(value)}`)
}

/** The value that lies between two keys, in canonical form: an address or number, a prefix, a range. */
export function decodeBounds(type: Datatype, first: Uint8Array, last: Uint8Array, at: number): Value {
  const from = Buffer.from(first.subarray(at, at + type.size))
  const to = Buffer.from(last.subarray(at, at + type.size))
  if (from.equals(to)) return type.decode(inRegisterOrder(type, from), 0)
  if (type.order === 'text') return `${type.decode(from, 0)}*`
  const start = type.decode(inRegisterOrder(type, from), 0)
  const length = start instanceof Ip ? prefixLength(from, to) : -1
  if (length >= 0) return new Prefix(start as Ip, length)
  return { from: start, to: type.decode(inRegisterOrder(type, to), 0) }
}

function inRegisterOrder(type: Datatype, bytes: Buffer): Buffer {
  return type.order === 'host' ? Buffer.from(bytes).reverse() : bytes
}

/** The length of the prefix that is exactly [first, last]; -1 when there is none. */
export function prefixLength(first: Uint8Array, last: Uint8Array): number {
  const bits = first.length * 8
  const bitOf = (bytes: Uint8Array, i: number) => (bytes[i >> 3]! >> (7 - (i & 7))) & 1
  let length = 0
  while (length < bits && bitOf(first, length) === bitOf(last, length)) length++
  for (let i = length; i < bits; i++) if (bitOf(first, i) !== 0 || bitOf(last, i) !== 1) return -1
  return length
}

/** The next key; undefined behind the last one. */
export function successor(key: Uint8Array): Uint8Array | undefined {
  const next = Uint8Array.from(key)
  for (let i = next.length - 1; i >= 0; i--) {
    next[i] = (next[i]! + 1) & 0xff
    if (next[i] !== 0) return next
  }
  return undefined
}

/** The key before; undefined before the first one. */
export function predecessor(key: Uint8Array): Uint8Array | undefined {
  const previous = Uint8Array.from(key)
  for (let i = previous.length - 1; i >= 0; i--) {
    previous[i] = (previous[i]! - 1) & 0xff
    if (previous[i] !== 0xff) return previous
  }
  return undefined
}

/** nft text of a value of a key. */
export function printValue(type: Datatype, value: Value): string {
  if (value instanceof Prefix) return String(value.length === type.size * 8 ? value.ip : value)
  if (isRange(value)) return `${type.print(value.from)}-${type.print(value.to)}`
  return type.print(value)
}
