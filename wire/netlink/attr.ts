// Netlink messages and attributes (TLVs): one writer, one reader.
// linux/netlink.h (v6.1): struct nlmsghdr { u32 len; u16 type, flags; u32 seq, pid }, struct nlattr { u16 len, type }.
// Both are padded to 4 bytes, and their lengths do not count the padding that follows. The byte order is in the
// method's name: `u32` is the host's (little endian, checked once below), `u32be` is the network's.
import { WireError } from '../wire-error.js'
import { NLA_F_NESTED, NLA_TYPE_MASK } from './constants.js'

const NLA_HDRLEN = 4

if (new Uint8Array(Uint16Array.of(1).buffer)[0] !== 1)
  throw new Error('plumbline speaks netlink on little-endian machines only')

/** An attribute kept as it came: `type` with its flag bits, `data` a copy of the payload. */
export interface RawAttribute {
  readonly type: number
  readonly data: Uint8Array
}

/** Appends messages and attributes to one growing buffer. A value that does not fit its width is a RangeError. */
export class NlWriter {
  /** The sequence number of the next message; counts up by one for each. */
  nextSeq = 1
  #buf: Buffer
  #at = 0

  constructor(size = 1024) {
    this.#buf = Buffer.allocUnsafeSlow(size)
  }

  /** How many bytes have been written. */
  get length(): number {
    return this.#at
  }

  u8(v: number): this {
    if (v >>> 0 !== v || v > 0xff) throw unfit(v, 'u8')
    const at = this.#claim(1)
    this.#buf[at] = v
    return this
  }

  u16(v: number): this {
    if (v >>> 0 !== v || v > 0xffff) throw unfit(v, 'u16')
    const at = this.#claim(2)
    this.#buf[at] = v
    this.#buf[at + 1] = v >>> 8
    return this
  }

  i16(v: number): this {
    if ((v << 16) >> 16 !== v) throw unfit(v, 'i16')
    return this.u16(v & 0xffff)
  }

  /** Takes what bit operators yield, too: -1 is 0xffffffff. */
  u32(v: number): this {
    if (v >>> 0 !== v && (v | 0) !== v) throw unfit(v, 'u32')
    const at = this.#claim(4)
    const buf = this.#buf
    buf[at] = v
    buf[at + 1] = v >>> 8
    buf[at + 2] = v >>> 16
    buf[at + 3] = v >>> 24
    return this
  }

  i32(v: number): this {
    if ((v | 0) !== v) throw unfit(v, 'i32')
    return this.u32(v)
  }

  u64(v: bigint): this {
    const at = this.#claim(8)
    this.#buf.writeBigUInt64LE(v, at)
    return this
  }

  u16be(v: number): this {
    if (v >>> 0 !== v || v > 0xffff) throw unfit(v, 'u16')
    const at = this.#claim(2)
    this.#buf[at] = v >>> 8
    this.#buf[at + 1] = v
    return this
  }

  /** Takes what bit operators yield, too: -1 is 0xffffffff. */
  u32be(v: number): this {
    if (v >>> 0 !== v && (v | 0) !== v) throw unfit(v, 'u32')
    const at = this.#claim(4)
    const buf = this.#buf
    buf[at] = v >>> 24
    buf[at + 1] = v >>> 16
    buf[at + 2] = v >>> 8
    buf[at + 3] = v
    return this
  }

  u64be(v: bigint): this {
    const at = this.#claim(8)
    this.#buf.writeBigUInt64BE(v, at)
    return this
  }

  bytes(b: Uint8Array): this {
    const at = this.#claim(b.length)
    this.#buf.set(b, at)
    return this
  }

  zeros(count: number): this {
    let at = this.#claim(count)
    while (at < this.#at) this.#buf[at++] = 0
    return this
  }

  /** UTF-8 with a NUL behind. Text that contains a NUL is a RangeError. */
  cstr(s: string): this {
    let at = this.#claim(s.length + 1)
    for (let i = 0; i < s.length; i++) {
      const c = s.charCodeAt(i)
      if (c === 0) throw new RangeError(`text with a NUL: ${JSON.stringify(s)}`)
      if (c > 0x7f) {
        this.#at = at - i
        return this.bytes(Buffer.from(`${s}\0`))
      }
      this.#buf[at++] = c
    }
    this.#buf[at] = 0
    return this
  }

  /** Zeros up to the next multiple of four (counted from the start of the buffer, where messages start). */
  pad4(): this {
    return (this.#at & 3) === 0 ? this : this.zeros(4 - (this.#at & 3))
  }

  attr(type: number, payload: Uint8Array): this {
    return this.#head(type, payload.length).bytes(payload).pad4()
  }

  attrU8(type: number, v: number): this {
    return this.#head(type, 1).u8(v).zeros(3)
  }

  attrU16(type: number, v: number): this {
    return this.#head(type, 2).u16(v).zeros(2)
  }

  attrU32(type: number, v: number): this {
    return this.#head(type, 4).u32(v)
  }

  attrI32(type: number, v: number): this {
    return this.#head(type, 4).i32(v)
  }

  attrU64(type: number, v: bigint): this {
    return this.#head(type, 8).u64(v)
  }

  attrU16be(type: number, v: number): this {
    return this.#head(type, 2).u16be(v).zeros(2)
  }

  attrU32be(type: number, v: number): this {
    return this.#head(type, 4).u32be(v)
  }

  attrU64be(type: number, v: bigint): this {
    return this.#head(type, 8).u64be(v)
  }

  /** A NUL-terminated string. */
  attrString(type: number, s: string): this {
    const start = this.#at
    this.#head(type, 0).cstr(s)
    return this.#endAttr(start)
  }

  /** An attribute that says all by being there. */
  attrFlag(type: number): this {
    return this.#head(type, 0)
  }

  /** An attribute whose payload `fn` writes, be it a struct or more attributes. `type` goes out as given. */
  attrOf(type: number, fn: (w: this) => void): this {
    const start = this.#at
    this.#head(type, 0)
    fn(this)
    return this.#endAttr(start)
  }

  /** The same with NLA_F_NESTED, which the younger parts of the kernel insist upon. */
  nested(type: number, fn: (w: this) => void): this {
    return this.attrOf(type | NLA_F_NESTED, fn)
  }

  /** Attributes kept by a decoder, as they were. */
  raw(attributes: readonly RawAttribute[] | undefined): this {
    if (attributes !== undefined) for (const { type, data } of attributes) this.attr(type, data)
    return this
  }

  /** One message; `fn` writes what follows the header. */
  message(type: number, flags: number, fn: (w: this) => void): this {
    const start = this.#at
    this.u32(0).u16(type).u16(flags).u32(this.nextSeq).u32(0)
    this.nextSeq = (this.nextSeq + 1) >>> 0
    fn(this)
    this.pad4()
    this.#buf.writeUInt32LE(this.#at - start, start)
    return this
  }

  /** A view of what was written; `reset` and further writing invalidate it. */
  finish(): Buffer {
    return this.#buf.subarray(0, this.#at)
  }

  /** Starts anew in the same buffer; `nextSeq` goes on. */
  reset(): this {
    this.#at = 0
    return this
  }

  #head(type: number, length: number): this {
    if (length > 0xffff - NLA_HDRLEN) throw new RangeError(`attribute ${type & NLA_TYPE_MASK} is too long`)
    return this.u16(length + NLA_HDRLEN).u16(type)
  }

  #endAttr(start: number): this {
    const length = this.#at - start
    if (length > 0xffff) {
      const type = this.#buf.readUInt16LE(start + 2) & NLA_TYPE_MASK
      throw new RangeError(`attribute ${type} is too long: ${length} bytes`)
    }
    this.#buf[start] = length
    this.#buf[start + 1] = length >>> 8
    return this.pad4()
  }

  #claim(count: number): number {
    const at = this.#at
    const end = at + count
    if (end > this.#buf.length) {
      const bigger = Buffer.allocUnsafeSlow(Math.max(end, this.#buf.length * 2))
      this.#buf.copy(bigger, 0, 0, at)
      this.#buf = bigger
    }
    this.#at = end
    return at
  }
}

/**
 * Walks the attributes in `buf[start, end)`: `next()` steps to an attribute, the typed readers read its payload.
 * Whatever does not add up is a WireError. Views (`bytes`, `payload`) live as long as `buf` does.
 */
export class NlReader {
  /** The attribute's type without its flag bits. */
  type = 0
  /** The type as it stood on the wire. */
  rawType = 0
  readonly #buf: Buffer
  readonly #end: number
  #next: number
  #from = 0
  #to = 0

  constructor(buf: Buffer, start = 0, end = buf.length) {
    if (start > end || end > buf.length) throw new WireError(`no attributes in [${start}, ${end})`, start)
    this.#buf = buf
    this.#next = start
    this.#end = end
  }

  /** Whether the attribute says that it holds attributes (older parts of the kernel do not say so). */
  get isNested(): boolean {
    return (this.rawType & NLA_F_NESTED) !== 0
  }

  /** The payload's length in bytes. */
  get size(): number {
    return this.#to - this.#from
  }

  /** Where the payload starts in the buffer, for error messages. */
  get offset(): number {
    return this.#from
  }

  /** Steps to the next attribute; false when there is none. */
  next(): boolean {
    const at = this.#next
    const left = this.#end - at
    if (left === 0) return false
    if (left < NLA_HDRLEN) throw new WireError(`${left} stray bytes after the attributes`, at)
    const buf = this.#buf
    const length = buf[at]! | (buf[at + 1]! << 8)
    if (length < NLA_HDRLEN || length > left)
      throw new WireError(`attribute length ${length} where ${left} bytes are left`, at)
    this.rawType = buf[at + 2]! | (buf[at + 3]! << 8)
    this.type = this.rawType & NLA_TYPE_MASK
    this.#from = at + NLA_HDRLEN
    this.#to = at + length
    this.#next = Math.min(at + ((length + 3) & ~3), this.#end)
    return true
  }

  u8(): number {
    return this.#buf[this.#sized(1)]!
  }

  u16(): number {
    const at = this.#sized(2)
    return this.#buf[at]! | (this.#buf[at + 1]! << 8)
  }

  u32(): number {
    return this.#buf.readUInt32LE(this.#sized(4))
  }

  i32(): number {
    return this.#buf.readInt32LE(this.#sized(4))
  }

  u64(): bigint {
    return this.#buf.readBigUInt64LE(this.#sized(8))
  }

  u16be(): number {
    const at = this.#sized(2)
    return (this.#buf[at]! << 8) | this.#buf[at + 1]!
  }

  u32be(): number {
    return this.#buf.readUInt32BE(this.#sized(4))
  }

  u64be(): bigint {
    return this.#buf.readBigUInt64BE(this.#sized(8))
  }

  /** A view of the payload; with `length`, one of exactly (or, with `atLeast`, no less than) so many bytes. */
  bytes(length?: number, atLeast = false): Buffer {
    if (length !== undefined && (atLeast ? this.size < length : this.size !== length))
      throw this.#misfit(length)
    return this.#buf.subarray(this.#from, this.#to)
  }

  /** Text up to the first NUL, or to the payload's end. */
  string(): string {
    const nul = this.#buf.indexOf(0, this.#from)
    return this.#buf.toString('utf8', this.#from, nul < 0 || nul > this.#to ? this.#to : nul)
  }

  flag(): true {
    this.#sized(0)
    return true
  }

  /** The attribute as it stands, copied out of the buffer. */
  raw(): RawAttribute {
    return { type: this.rawType, data: Uint8Array.prototype.slice.call(this.#buf, this.#from, this.#to) }
  }

  /** A reader over the attributes inside this one. */
  inner(): NlReader {
    return new NlReader(this.#buf, this.#from, this.#to)
  }

  /** Gives `fn` a reader over the attributes inside this one, and returns what it returns. */
  nested<T>(fn: (r: NlReader) => T): T {
    return fn(this.inner())
  }

  /** Calls `fn` on each attribute that is left. */
  each(fn: (r: NlReader) => void): void {
    while (this.next()) fn(this)
  }

  #sized(length: number): number {
    if (this.#to - this.#from !== length) throw this.#misfit(length)
    return this.#from
  }

  #misfit(length: number): WireError {
    return new WireError(`attribute ${this.type} has ${this.size} bytes, not ${length}`, this.#from)
  }
}

function unfit(v: number, width: string): RangeError {
  return new RangeError(`${v} is no ${width}`)
}
