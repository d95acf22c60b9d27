// How values of one nft type lie in a register, and how they read. nft's datatypes; the numbers are those of its enum
// datatypes, which the kernel keeps for nft (NFTA_SET_KEY_TYPE) and does not interpret.
import { Ip } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'
import { type Symbols, symbolOf } from './symbols.js'
import { describe, type Scalar } from './value.js'

/**
 * The byte order in a register: `host` numbers must be turned before they are ordered (ranges, interval sets); `text` is
 * in the host's order to nft, but is never turned.
 */
export type Order = 'network' | 'host' | 'text'

export interface Datatype {
  /** The name in set definitions: `ipv4_addr`. */
  readonly name: string
  readonly id: number
  /** In bytes. */
  readonly size: number
  readonly order: Order
  /** The bits have names: several may be given, separated by commas. */
  readonly isBitmask?: boolean
  /** Writes `size` bytes at `at`. A value that is none of this type is a RangeError. */
  encode(value: Scalar, into: Uint8Array, at: number): void
  /** The value in `size` bytes at `at`, in canonical form: a symbol where there is one. */
  decode(from: Uint8Array, at: number): Scalar
  /** nft text. */
  print(value: Scalar): string
}

/** Fields of a concatenation start at multiples of four bytes. */
export function padded(size: number): number {
  return (size + 3) & ~3
}

export function toBytes(type: Datatype, value: Scalar): Uint8Array {
  const bytes = new Uint8Array(type.size)
  type.encode(value, bytes, 0)
  return bytes
}

/** The canonical form of a value. */
export function canonical(type: Datatype, value: Scalar): Scalar {
  return type.decode(toBytes(type, value), 0)
}

/** Integers without names. `order` as they lie in the register. */
export function integer(
  name: string,
  id: number,
  size: number,
  order: 'network' | 'host' = 'network',
  print: (value: number | bigint) => string = String,
): Datatype {
  return {
    name,
    id,
    size,
    order,
    encode: (value, into, at) => writeInteger(integerOf(name, value), into, at, size, order),
    decode: (from, at) => readInteger(from, at, size, order),
    print: value => print(integerOf(name, value)),
  }
}

/** Integers of which some have names. */
export function symbolic(
  name: string,
  id: number,
  size: number,
  symbols: Symbols,
  order: 'network' | 'host' = 'network',
  print: (value: number | bigint) => string = String,
): Datatype {
  const numberOf = (value: Scalar): number | bigint => {
    if (typeof value !== 'string') return integerOf(name, value)
    const number = Object.hasOwn(symbols, value) ? symbols[value] : undefined
    if (number === undefined) throw new RangeError(`no ${name}: ${describe(value)}`)
    return number
  }
  const named = (number: number | bigint): Scalar => symbolOf(symbols, Number(number)) ?? number
  return {
    name,
    id,
    size,
    order,
    encode: (value, into, at) => writeInteger(numberOf(value), into, at, size, order),
    decode: (from, at) => named(readInteger(from, at, size, order)),
    print(value) {
      const name = named(numberOf(value))
      return typeof name === 'string' ? name : print(name as number)
    },
  }
}

/** Integers whose bits have names; the canonical form of several is `syn,ack`, that of unnamed bits a number. */
export function bitmask(
  name: string,
  id: number,
  size: number,
  symbols: Symbols,
  order: 'network' | 'host',
): Datatype {
  const numberOf = (value: Scalar): number => {
    if (typeof value !== 'string') return Number(integerOf(name, value))
    let bits = 0
    for (const part of value.split(',')) {
      const bit = Object.hasOwn(symbols, part) ? symbols[part] : undefined
      if (bit === undefined) throw new RangeError(`no ${name}: ${describe(part)}`)
      bits |= bit
    }
    return bits
  }
  const named = (number: number): Scalar => {
    const names = Object.keys(symbols).filter(key => (number & symbols[key]!) !== 0)
    const known = names.reduce((bits, key) => bits | symbols[key]!, 0)
    return names.length > 0 && known === number ? names.join(',') : number
  }
  return {
    name,
    id,
    size,
    order,
    isBitmask: true,
    encode: (value, into, at) => writeInteger(numberOf(value), into, at, size, order),
    decode: (from, at) => named(Number(readInteger(from, at, size, order))),
    print(value) {
      const name = named(numberOf(value))
      return typeof name === 'string' ? name : hex(name as number)
    },
  }
}

export function address(name: string, id: number, size: 4 | 16): Datatype {
  return {
    name,
    id,
    size,
    order: 'network',
    encode(value, into, at) {
      if (!(value instanceof Ip) || value.bytes.length !== size)
        throw new RangeError(`no ${name}: ${describe(value)}`)
      into.set(value.bytes, at)
    },
    decode: (from, at) => new Ip(Uint8Array.from(from.subarray(at, at + size))),
    print: String,
  }
}

export const etherAddress: Datatype = {
  name: 'ether_addr',
  id: 9,
  size: 6,
  order: 'network',
  encode(value, into, at) {
    if (!(value instanceof Mac)) throw new RangeError(`no ether_addr: ${describe(value)}`)
    into.set(value.bytes, at)
  },
  decode: (from, at) => new Mac(Uint8Array.from(from.subarray(at, at + 6))),
  print: String,
}

/** Text of up to `size` - 1 bytes. */
export function shortText(name: string, id: number, size: number): Datatype {
  return {
    name,
    id,
    size,
    order: 'text',
    encode(value, into, at) {
      if (typeof value !== 'string' || value === '' || /["\0]/.test(value))
        throw new RangeError(`no ${name}: ${describe(value)}`)
      const bytes = Buffer.from(value)
      if (bytes.length >= size) throw new RangeError(`no ${name}: ${describe(value)}`)
      into.set(bytes, at)
      into.fill(0, at + bytes.length, at + size)
    },
    decode(from, at) {
      const nul = from.indexOf(0, at)
      return Buffer.from(from.subarray(at, nul < 0 ? at + size : Math.min(nul, at + size))).toString()
    },
    print: value => `"${value}"`,
  }
}

export function hex(value: number | bigint): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}

function integerOf(name: string, value: Scalar): number | bigint {
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) return value
  throw new RangeError(`no ${name}: ${describe(value)}`)
}

function writeInteger(
  value: number | bigint,
  into: Uint8Array,
  at: number,
  size: number,
  order: 'network' | 'host',
): void {
  if (
    value < 0 ||
    (size < 8 ? value >= 2 ** (size * 8) : BigInt.asUintN(64, BigInt(value)) !== BigInt(value))
  )
    throw new RangeError(`${value} does not fit ${size} bytes`)
  let left: number | bigint = size <= 4 ? Number(value) : BigInt(value)
  for (let i = 0; i < size; i++) {
    into[order === 'host' ? at + i : at + size - 1 - i] = Number(
      typeof left === 'bigint' ? left & 0xffn : left & 0xff,
    )
    left = typeof left === 'bigint' ? left >> 8n : left >>> 8
  }
}

function readInteger(from: Uint8Array, at: number, size: number, order: 'network' | 'host'): number | bigint {
  let value = 0n
  for (let i = 0; i < size; i++)
    value = (value << 8n) | BigInt(from[order === 'host' ? at + size - 1 - i : at + i]!)
  return size <= 4 ? Number(value) : value
}
