// Setting marks, priorities and header fields. nft(8): "PAYLOAD STATEMENT", "META STATEMENT", "CONNTRACK STATEMENT",
// "EXTENSION HEADER STATEMENT".
import * as c from '../../../wire/nft/constants.js'
import type { Expr } from '../../../wire/nft/expressions.js'
import { canonical, toBytes } from '../datatype.js'
import { bigEndian, type Lowering, registerNumber } from '../lowering.js'
import { isMapped, lowerMapped, type Mapped, printMapped, withTypes } from '../mapped.js'
import type { Selector } from '../selector.js'
import { define } from '../statement.js'
import type { Scalar } from '../value.js'

/** (selector & and) ^ xor */
export interface Calculated {
  readonly kind: 'calculated'
  readonly selector: Selector
  readonly and: Scalar
  readonly xor: Scalar
}

/** What is assigned. A selector is a value of the same kind, such as `ct('mark')` for `meta('mark')`. */
export type Operand = Scalar | Selector | Calculated | Mapped

export interface Assign {
  readonly kind: 'assign'
  readonly target: Selector
  readonly value: Operand
}

/** `meta mark set 0x10`: assign(meta('mark'), 0x10) */
export function assign(target: Selector, value: Operand): Assign {
  if (isMapped(value)) return { kind: 'assign', target, value: withTypes(value, [target.type]) }
  return { kind: 'assign', target, value: isScalar(value) ? canonical(target.type, value) : value }
}

/** The selector with some bits cleared and others flipped: (selector & and) ^ xor. */
export function calculated(selector: Selector, { and, xor = 0 }: { and: Scalar; xor?: Scalar }): Calculated {
  const { type } = selector
  return { kind: 'calculated', selector, and: canonical(type, and), xor: canonical(type, xor) }
}

/** The selector with these bits set. */
export function withBits(selector: Selector, bits: Scalar): Calculated {
  const and = toBytes(selector.type, bits).map(byte => ~byte)
  return calculated(selector, { and: selector.type.decode(and, 0), xor: bits })
}

export function isScalar(value: Operand): value is Scalar {
  return typeof value !== 'object' || !('kind' in value || 'load' in value)
}

function isSelector(value: Operand): value is Selector {
  return typeof value === 'object' && 'load' in value
}

export function lowerAssign({ target, value }: Assign, to: Lowering): void {
  to.require([target])
  if (isScalar(value)) {
    const field = writtenField(target)
    if (field === undefined) {
      to.immediate(0, toBytes(target.type, value))
    } else {
      to.emit({ ...field.load, dreg: c.NFT_REG_1 } as Expr)
      to.bitwise(0, field.keep, field.place(toBytes(target.type, value)))
    }
    lowerWrite(target, field?.load ?? target.load, to)
    return
  }
  if (isMapped(value)) lowerMapped(value, [target.type], to)
  else {
    const source = isSelector(value) ? value : value.selector
    to.require([source])
    to.load([source])
    if (!isSelector(value)) to.bitwise(0, toBytes(source.type, value.and), toBytes(source.type, value.xor))
    if (source.type.order === 'host' && target.type.order === 'network')
      to.toNetworkOrder(0, source.type.size)
  }
  if (writtenField(target) !== undefined) throw new RangeError(`${target.text} can be set to a constant only`)
  lowerWrite(target, target.load, to)
}

function lowerWrite(target: Selector, load: Selector['load'], to: Lowering): void {
  const sreg = registerNumber(0)
  if (load.kind === 'payload') {
    const { type = c.NFT_PAYLOAD_CSUM_NONE, offset, pseudo } = target.checksum ?? {}
    const sum = type === c.NFT_PAYLOAD_CSUM_NONE ? {} : { csumType: type, csumOffset: offset! }
    to.emit({ ...load, sreg, ...sum, ...(pseudo && { csumFlags: c.NFT_PAYLOAD_L4CSUM_PSEUDOHDR }) })
  } else if (load.kind === 'exthdr') {
    const { flags, ...written } = load
    to.emit({ ...written, sreg })
  } else if (load.kind === 'meta' || load.kind === 'ct') {
    to.emit({ ...load, sreg })
  } else {
    throw new RangeError(`${target.text} cannot be set`)
  }
}

interface WrittenField {
  readonly load: Selector['load']
  /** What stays of the bytes. */
  readonly keep: Uint8Array
  /** The value where it belongs in the bytes. */
  place(value: Uint8Array): Uint8Array
}

/**
 * What has to be read and written to change a field that has no bytes of its own. Checksums are sums of 16-bit words,
 * so under a checksum a field grows to whole words. Undefined for fields that can just be written.
 */
export function writtenField({ load, bits, checksum }: Selector): WrittenField | undefined {
  if (load.kind !== 'payload') return undefined
  const summed = checksum !== undefined && checksum.type !== c.NFT_PAYLOAD_CSUM_NONE
  const start = summed ? load.offset & ~1 : load.offset
  const end = summed ? (load.offset + load.len + 1) & ~1 : load.offset + load.len
  if (bits === undefined && end - start === load.len) return undefined
  const mask = bits === undefined ? new Uint8Array(load.len).fill(0xff) : bigEndian(bits.mask, load.len)
  const place = (bytes: Uint8Array) => {
    const whole = new Uint8Array(end - start)
    whole.set(bytes, load.offset - start)
    return whole
  }
  return {
    load: { ...load, offset: start, len: end - start },
    keep: place(mask).map(byte => ~byte),
    place: value => {
      if (bits === undefined) return place(value)
      const number = value.reduce((sum, byte) => sum * 256 + byte, 0)
      return place(bigEndian(number * 2 ** bits.shift, load.len))
    },
  }
}

export function printAssign({ target, value }: Assign): string {
  return `${target.text} set ${printOperand(target, value)}`
}

function printOperand({ type }: Selector, value: Operand): string {
  if (isScalar(value)) return type.print(value)
  if (isMapped(value)) return printMapped(value, [type])
  if (isSelector(value)) return value.text
  return printCalculated(value)
}

function printCalculated({ selector, and, xor }: Calculated): string {
  const { text, type } = selector
  const mask = toBytes(type, and)
  const flip = toBytes(type, xor)
  const none = flip.every(byte => byte === 0)
  const all = mask.every(byte => byte === 0xff)
  if (none) return `${text} & ${type.print(and)}`
  if (all) return `${text} ^ ${type.print(xor)}`
  if (mask.every((byte, i) => byte === (~flip[i]! & 0xff))) return `${text} | ${type.print(xor)}`
  const disjoint = mask.every((byte, i) => (byte & flip[i]!) === 0)
  return `${text} & ${type.print(and)} ${disjoint ? '|' : '^'} ${type.print(xor)}`
}

define<Assign>('assign', { lower: lowerAssign, print: printAssign })
