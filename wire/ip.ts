// Addresses and prefixes as values: bytes inside, text only at the door.
// IPv6 text, with its many forms, is read by `ip-address`; what the kernel sees are the bytes, in network order.
import { Address6 } from 'ip-address'

export type Family = 4 | 6

/** An IPv4 or IPv6 address. Immutable; `bytes` holds 4 or 16 octets in network order. */
export class Ip {
  readonly family: Family
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    if (bytes.length !== 4 && bytes.length !== 16)
      throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`)
    this.family = bytes.length === 4 ? 4 : 6
    this.bytes = bytes
  }

  /** Parses an address without a prefix length or zone; throws a RangeError that names the text. */
  static parse(text: string): Ip {
    const ip = Ip.tryParse(text)
    if (ip === undefined) throw new RangeError(`not an IP address: ${JSON.stringify(text)}`)
    return ip
  }

  static tryParse(text: string): Ip | undefined {
    if (text.includes('/') || text.includes('%')) return undefined
    try {
      if (!text.includes(':')) return parseDottedQuad(text)
      const bytes = Uint8Array.from(new Address6(text).toUnsignedByteArray())
      const full = new Uint8Array(16)
      full.set(bytes, 16 - bytes.length)
      return new Ip(full)
    } catch {
      return undefined
    }
  }

  static fromBigInt(value: bigint, family: Family): Ip {
    const bytes = new Uint8Array(family === 4 ? 4 : 16)
    for (let i = bytes.length - 1; i >= 0; i--) {
      bytes[i] = Number(value & 0xffn)
      value >>= 8n
    }
    return new Ip(bytes)
  }

  toBigInt(): bigint {
    let value = 0n
    for (const byte of this.bytes) value = (value << 8n) | BigInt(byte)
    return value
  }

  /** The address `n` places further on (or back). Wraps around at the end of the family's space. */
  add(n: number | bigint): Ip {
    const bits = this.family === 4 ? 32 : 128
    return Ip.fromBigInt(BigInt.asUintN(bits, this.toBigInt() + BigInt(n)), this.family)
  }

  equals(other: Ip): boolean {
    return this.compare(other) === 0
  }

  /** Orders by family, then numerically: negative, zero or positive. */
  compare(other: Ip): number {
    return this.family - other.family || Buffer.compare(this.bytes, other.bytes)
  }

  isLoopback(): boolean {
    return this.family === 4 ? this.bytes[0] === 127 : this.toBigInt() === 1n
  }

  isMulticast(): boolean {
    return this.family === 4 ? (this.bytes[0]! & 0xf0) === 0xe0 : this.bytes[0] === 0xff
  }

  isUnspecified(): boolean {
    return this.bytes.every(byte => byte === 0)
  }

  isLinkLocal(): boolean {
    return this.family === 4
      ? this.bytes[0] === 169 && this.bytes[1] === 254
      : this.bytes[0] === 0xfe && (this.bytes[1]! & 0xc0) === 0x80
  }

  /** Dotted quad, or the form of RFC 5952 (with a dotted quad inside for an IPv4-mapped address). */
  toString(): string {
    return this.family === 4 ? this.bytes.join('.') : formatIp6(this.bytes)
  }

  toJSON(): string {
    return this.toString()
  }
}

/** An address with a prefix length. Host bits are kept (10.1.2.3/16 is an interface address); `network()` clears them. */
export class Prefix {
  readonly ip: Ip
  readonly length: number

  constructor(ip: Ip, length: number) {
    if (!Number.isInteger(length) || length < 0 || length > ip.bytes.length * 8)
      throw new RangeError(`not a prefix length of IPv${ip.family}: ${length}`)
    this.ip = ip
    this.length = length
  }

  /** Parses `address/length`; throws a RangeError that names the text. */
  static parse(text: string): Prefix {
    const prefix = Prefix.tryParse(text)
    if (prefix === undefined) throw new RangeError(`not an address in CIDR notation: ${JSON.stringify(text)}`)
    return prefix
  }

  static tryParse(text: string): Prefix | undefined {
    const match = /^([^/]+)\/(\d{1,3})$/.exec(text)
    const ip = match ? Ip.tryParse(match[1]!) : undefined
    const length = Number(match?.[2])
    return ip && length <= ip.bytes.length * 8 ? new Prefix(ip, length) : undefined
  }

  /** The /32 or /128 of one address. */
  static host(ip: Ip): Prefix {
    return new Prefix(ip, ip.bytes.length * 8)
  }

  get family(): Family {
    return this.ip.family
  }

  /** The same prefix with its host bits cleared. */
  network(): Prefix {
    return new Prefix(maskIp(this.ip, this.length), this.length)
  }

  /** The first address, host bits zero. */
  first(): Ip {
    return maskIp(this.ip, this.length)
  }

  /** The last address, host bits one (the broadcast address in IPv4). */
  last(): Ip {
    const bytes = Uint8Array.from(this.ip.bytes)
    for (let i = this.length >> 3; i < bytes.length; i++) bytes[i]! |= ~netMask(this.length, i)
    return new Ip(bytes)
  }

  contains(ip: Ip): boolean {
    if (ip.family !== this.family) return false
    const mine = this.ip.bytes
    const its = ip.bytes
    for (let i = 0; i * 8 < this.length; i++)
      if (((mine[i]! ^ its[i]!) & netMask(this.length, i)) !== 0) return false
    return true
  }

  overlaps(other: Prefix): boolean {
    return this.length <= other.length ? this.contains(other.ip) : other.contains(this.ip)
  }

  equals(other: Prefix): boolean {
    return this.length === other.length && this.ip.equals(other.ip)
  }

  toString(): string {
    return `${this.ip}/${this.length}`
  }

  toJSON(): string {
    return this.toString()
  }
}

/** The byte at `i` of the netmask of `length` bits. */
function netMask(length: number, i: number): number {
  const bits = length - i * 8
  return bits >= 8 ? 0xff : bits <= 0 ? 0 : (0xff00 >> bits) & 0xff
}

/** Four decimal numbers without leading zeros, which some programs take for octal. */
function parseDottedQuad(text: string): Ip | undefined {
  const parts = text.split('.')
  const valid =
    parts.length === 4 && parts.every(part => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
  return valid ? new Ip(Uint8Array.from(parts, Number)) : undefined
}

function maskIp(ip: Ip, length: number): Ip {
  const bytes = Uint8Array.from(ip.bytes)
  for (let i = length >> 3; i < bytes.length; i++) bytes[i]! &= netMask(length, i)
  return new Ip(bytes)
}

/** RFC 5952: lower case, no leading zeros, '::' for the first longest run of two or more zero groups. */
function formatIp6(bytes: Uint8Array): string {
  const group = (i: number) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!
  let from = 0
  let count = 1
  for (let i = 0; i < 8; i++) {
    let zeros = 0
    while (i + zeros < 8 && group(i + zeros) === 0) zeros++
    if (zeros > count) {
      from = i
      count = zeros
    }
    i += zeros
  }
  if (from === 0 && count === 5 && group(5) === 0xffff) return `::ffff:${bytes.subarray(12).join('.')}`
  let text = ''
  for (let i = 0; i < 8; i++) {
    if (count > 1 && i === from) {
      text += '::'
      i += count - 1
    } else text += (text === '' || text.endsWith(':') ? '' : ':') + group(i).toString(16)
  }
  return text
}
