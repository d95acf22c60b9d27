// Matches: the rule goes on only with packets for which they hold. nft(8): "EXPRESSIONS".
import { Prefix } from '../../../wire/ip.js'
import * as c from '../../../wire/nft/constants.js'
import type { Expr } from '../../../wire/nft/expressions.js'
import { canonical, type Datatype, toBytes } from '../datatype.js'
import { printValue } from '../key.js'
import { type Literal, literal, lowerLookup, printSelectors, printSource } from '../lookup.js'
import { bigEndian, type Lowering } from '../lowering.js'
import { loadedSize, type Network, type Selector } from '../selector.js'
import type { NftSet } from '../set.js'
import { define } from '../statement.js'
import { etherTypes } from '../symbols.js'
import { describe, isRange, type Scalar, type Value } from '../value.js'

const cmpOps = {
  '==': c.NFT_CMP_EQ,
  '!=': c.NFT_CMP_NEQ,
  '<': c.NFT_CMP_LT,
  '<=': c.NFT_CMP_LTE,
  '>': c.NFT_CMP_GT,
  '>=': c.NFT_CMP_GTE,
} as const

export type CompareOp = keyof typeof cmpOps

/** `any`, `none`: whether any, or none, of the bits given are set. */
export type MatchOp = CompareOp | 'in' | 'not in' | 'any' | 'none'

export interface Match {
  readonly kind: 'match'
  readonly left: readonly Selector[]
  /** What is looked at of `left`. */
  readonly mask?: Scalar
  readonly op: MatchOp
  readonly right: Value | NftSet | Literal
}

/** A selector of which only some bits are looked at. */
export interface Masked {
  readonly selector: Selector
  readonly mask: Scalar
}

/** `meta mark & 0x2000`: match(masked(meta('mark'), 0x2000), '==', 0x2000) */
export function masked(selector: Selector, mask: Scalar): Masked {
  return { selector, mask: canonical(selector.type, mask) }
}

/**
 * A match. `right` is a value, a range or a prefix; for `in` and `not in` it is a set, or an array of values (for a
 * concatenation: of arrays of values). Interface names may end with `*`. What does not fit is a RangeError.
 */
export function match(left: Selector | Masked, op: CompareOp | 'any' | 'none', right: Value): Match
export function match(
  left: Selector | readonly Selector[],
  op: 'in' | 'not in',
  right: NftSet | readonly (Value | readonly Value[])[],
): Match
export function match(
  left: Selector | Masked | readonly Selector[],
  op: MatchOp,
  right: Value | NftSet | readonly (Value | readonly Value[])[],
): Match {
  if (op === 'in' || op === 'not in') {
    const selectors = (Array.isArray(left) ? left : [left]) as readonly Selector[]
    return {
      kind: 'match',
      left: selectors,
      op,
      right: setOperand(selectors, right as NftSet | readonly Value[]),
    }
  }
  const { selector, mask } = 'selector' in left ? left : { selector: left as Selector, mask: undefined }
  const value = canonicalValue(selector.type, right as Value)
  if ((op === 'any' || op === 'none') && !selector.type.isBitmask) {
    const zero = canonical(selector.type, 0)
    return {
      kind: 'match',
      left: [selector],
      mask: value as Scalar,
      op: op === 'any' ? '!=' : '==',
      right: zero,
    }
  }
  return { kind: 'match', left: [selector], ...(mask !== undefined && { mask }), op, right: value }
}

function setOperand(
  left: readonly Selector[],
  right: NftSet | readonly (Value | readonly Value[])[],
): NftSet | Literal {
  if (!Array.isArray(right)) return right as NftSet
  const keys = right as readonly (Value | readonly Value[])[]
  return literal(
    left,
    keys.map(key => ({ key: Array.isArray(key) ? (key as Value[]) : [key as Value] })),
  )
}

function canonicalValue(type: Datatype, value: Value): Value {
  if (isRange(value)) {
    if (Buffer.compare(ordered(type, value.from), ordered(type, value.to)) > 0)
      throw new RangeError(`a range that ends before it starts: ${describe(value)}`)
    return { from: canonical(type, value.from), to: canonical(type, value.to) }
  }
  if (value instanceof Prefix) {
    canonical(type, value.ip)
    return value.length === type.size * 8 ? value.ip : value.network()
  }
  if (isWildcard(type, value)) {
    canonical(type, value.slice(0, -1))
    return value
  }
  return canonical(type, value)
}

function isWildcard(type: Datatype, value: Value): value is string {
  return type.order === 'text' && typeof value === 'string' && value.endsWith('*')
}

/** Bytes that compare as the values do. */
function ordered(type: Datatype, value: Scalar): Uint8Array {
  const bytes = toBytes(type, value)
  return type.order === 'host' ? bytes.reverse() : bytes
}

export function isSet(right: Match['right']): right is NftSet | Literal {
  return typeof right === 'object' && 'kind' in right && (right.kind === 'set' || right.kind === 'literal')
}

export function lowerMatch({ left, mask, op, right }: Match, to: Lowering): void {
  if (isSet(right)) {
    lowerLookup(to, left, right, { inverted: op === 'not in' })
    return
  }
  const selector = left[0]!
  to.require(left)
  if (op === 'any' || op === 'none') {
    to.load(left)
    const bits = toBytes(selector.type, right as Scalar)
    to.bitwise(0, bits, new Uint8Array(bits.length))
    to.compare(0, op === 'any' ? c.NFT_CMP_NEQ : c.NFT_CMP_EQ, new Uint8Array(bits.length))
    return
  }
  if (right instanceof Prefix) lowerPrefix(selector, cmpOps[op as CompareOp], right, to)
  else {
    to.load(left)
    if (mask !== undefined) {
      const bits = toBytes(selector.type, mask)
      to.bitwise(0, bits, new Uint8Array(bits.length))
    }
    lowerCompare(selector, op as CompareOp, right, to)
  }
  if (op === '==' && mask === undefined) learn(selector, right, to)
}

function lowerCompare(selector: Selector, op: CompareOp, right: Exclude<Value, Prefix>, to: Lowering): void {
  const { type } = selector
  const unequal = op !== '==' && op !== '!='
  const inOrder = (unequal || isRange(right)) && type.order === 'host' && type.size > 1
  if (inOrder) to.toNetworkOrder(0, type.size)
  const data = (value: Scalar) =>
    inOrder ? ordered(type, value) : selector.bits ? shifted(selector, value) : toBytes(type, value)
  if (!isRange(right)) {
    to.compare(0, cmpOps[op], isWildcard(type, right) ? Buffer.from(right.slice(0, -1)) : data(right))
  } else if (op === '!=') {
    to.emit({
      kind: 'range',
      sreg: c.NFT_REG_1,
      op: c.NFT_RANGE_NEQ,
      from: data(right.from),
      to: data(right.to),
    })
  } else {
    if (op !== '==') throw new RangeError(`${selector.text} ${op} ${describe(right)}`)
    to.compare(0, c.NFT_CMP_GTE, data(right.from))
    to.compare(0, c.NFT_CMP_LTE, data(right.to))
  }
}

/** A value where its field is in the bytes that were loaded. */
function shifted(selector: Selector, value: Scalar): Uint8Array {
  const { bits, type } = selector
  const number = toBytes(type, value).reduce((sum, byte) => sum * 256 + byte, 0)
  const moved = number * 2 ** bits!.shift
  if (moved > bits!.mask) throw new RangeError(`${describe(value)} does not fit ${selector.text}`)
  return bigEndian(moved, loadedSize(selector))
}

/** A prefix of whole bytes is a shorter comparison; another is a comparison under a mask. */
function lowerPrefix(selector: Selector, op: number, prefix: Prefix, to: Lowering): void {
  const { load } = selector
  const bytes = prefix.ip.bytes
  const len = prefix.length / 8
  if (Number.isInteger(len) && len > 0) {
    if (load.kind === 'payload') to.emit({ ...load, len, dreg: c.NFT_REG_1 } as Expr)
    else to.load([selector])
    to.compare(0, op, bytes.subarray(0, len))
    return
  }
  to.load([selector])
  const mask = bytes.map((_, i) => (0xff00 >> Math.min(8, Math.max(0, prefix.length - i * 8))) & 0xff)
  to.bitwise(0, mask, new Uint8Array(mask.length))
  to.compare(0, op, bytes)
}

/** What a match says of all packets that get past it, so that later selectors need not ask again. */
export function learn(selector: Selector, right: Value, to: Lowering): void {
  const number = () =>
    Number(toBytes(selector.type, right as Scalar).reduce((sum, byte) => sum * 256 + byte, 0))
  switch (selector.text) {
    case 'meta nfproto':
      to.network = right === 'ipv4' ? 'ip' : right === 'ipv6' ? 'ip6' : to.network
      break
    case 'meta protocol':
    case 'ether type':
      to.network = networkOf(number()) ?? to.network
      break
    case 'meta l4proto':
    case 'ip protocol':
    case 'ip6 nexthdr':
      to.transport = number()
      break
    case 'meta iiftype':
      if (right === 'ether') to.link = 'ether'
  }
}

function networkOf(etherType: number): Network | undefined {
  return (['ip', 'ip6', 'arp', 'vlan'] as const).find(network => etherTypes[network] === etherType)
}

export function printMatch({ left, mask, op, right }: Match): string {
  const text = printSelectors(left)
  if (isSet(right)) return `${text} ${op === 'not in' ? '!= ' : ''}${printSource(left, right)}`
  const { type } = left[0]!
  if (op === 'any') return `${text} ${type.print(right as Scalar)}`
  if (op === 'none') return `${text} ! ${type.print(right as Scalar)}`
  const value = type.isBitmask ? printBits(type, right as Scalar) : printValue(type, right)
  if (mask !== undefined)
    return `${text} & ${type.isBitmask ? printBits(type, mask) : type.print(mask)} ${op} ${value}`
  return op === '==' && !type.isBitmask ? `${text} ${value}` : `${text} ${op} ${value}`
}

/** Several bits in a calculation: `(syn | ack)`. */
function printBits(type: Datatype, value: Scalar): string {
  const text = type.print(value)
  return text.includes(',') ? `(${text.replaceAll(',', ' | ')})` : text
}

define<Match>('match', { lower: lowerMatch, print: printMatch })
