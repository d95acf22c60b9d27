// Matches from cmp and range expressions.
import { Ip, Prefix } from '../../../wire/ip.js'
import * as c from '../../../wire/nft/constants.js'
import type { Cmp } from '../../../wire/nft/expr/cmp.js'
import type { Range as RangeExpr } from '../../../wire/nft/expr/range.js'
import type { Expr } from '../../../wire/nft/expressions.js'
import { isIpAddress } from '../datatypes.js'
import { prefixLength } from '../key.js'
import type { Raised } from '../raise.js'
import type { Selector } from '../selector.js'
import type { CompareOp, Match } from '../statements/match.js'
import type { Scalar, Value } from '../value.js'
import { findAdjacent, findTruncated } from './find.js'
import type { LoadContent, Registers } from './registers.js'

const ops: Readonly<Record<number, CompareOp>> = {
  [c.NFT_CMP_EQ]: '==',
  [c.NFT_CMP_NEQ]: '!=',
  [c.NFT_CMP_LT]: '<',
  [c.NFT_CMP_LTE]: '<=',
  [c.NFT_CMP_GT]: '>',
  [c.NFT_CMP_GTE]: '>=',
}

export function raiseCompare(expr: Cmp, next: Expr | undefined, registers: Registers): Raised | undefined {
  const content = registers.get(expr.sreg)
  const op = ops[expr.op]
  if (content?.kind !== 'load' || op === undefined || content.shifted !== undefined) return undefined
  const resolved = registers.resolve(content)
  if (resolved === undefined) return raiseUnaligned(content, op, expr.data, registers)
  const { selector, mask, xor } = resolved
  if (xor?.some(byte => byte !== 0)) return undefined
  if (mask !== undefined) return one(underMask(selector, mask, op, expr.data))
  if (op === '>=' && next?.kind === 'cmp' && next.op === c.NFT_CMP_LTE && next.sreg === expr.sreg) {
    const from = scalar(selector, expr.data, content)
    const to = scalar(selector, next.data, content)
    if (from === undefined || to === undefined) return undefined
    return { statements: [matchOf(selector, '==', { from, to })], skip: 1 }
  }
  const value = operand(selector, op, expr.data, content)
  return value === undefined ? undefined : one(matchOf(selector, op, value))
}

export function raiseRange(expr: RangeExpr, registers: Registers): Match | undefined {
  const content = registers.get(expr.sreg)
  const resolved = registers.resolve(content)
  if (content?.kind !== 'load' || resolved === undefined || resolved.mask !== undefined) return undefined
  const from = scalar(resolved.selector, expr.from, content)
  const to = scalar(resolved.selector, expr.to, content)
  if (from === undefined || to === undefined) return undefined
  return matchOf(resolved.selector, expr.op === c.NFT_RANGE_NEQ ? '!=' : '==', { from, to })
}

function one(match: Match | undefined): Raised | undefined {
  return match && { statements: [match] }
}

function matchOf(selector: Selector, op: Match['op'], right: Value): Match {
  return { kind: 'match', left: [selector], op, right }
}

/** A value of less than the selector's length is a prefix, or the beginning of a name. */
function operand(
  { type, ...rest }: Selector,
  op: CompareOp,
  data: Uint8Array,
  content: LoadContent,
): Value | undefined {
  const equality = op === '==' || op === '!='
  if (data.length < type.size && rest.bits === undefined && equality) {
    if (type.order === 'text') return `${Buffer.from(data).toString()}*`
    if (isIpAddress(type)) return prefixOf(type.size, data)
  }
  return scalar({ type, ...rest }, data, content)
}

function prefixOf(size: number, data: Uint8Array): Prefix {
  const bytes = new Uint8Array(size)
  bytes.set(data)
  return new Prefix(new Ip(bytes), data.length * 8)
}

function scalar({ type, bits }: Selector, data: Uint8Array, { turned }: LoadContent): Scalar | undefined {
  if (bits !== undefined) {
    const number = data.reduce((sum, byte) => sum * 256 + byte, 0)
    const bytes = new Uint8Array(type.size)
    let left = Math.floor(number / 2 ** bits.shift)
    for (let i = type.size - 1; i >= 0; i--) {
      bytes[i] = left & 0xff
      left = Math.floor(left / 256)
    }
    return type.decode(bytes, 0)
  }
  if (data.length !== type.size) return undefined
  return type.decode(turned && type.order === 'host' ? Uint8Array.from(data).reverse() : data, 0)
}

/** Bits of a bitmask, a prefix that does not end with a byte, or any other comparison under a mask. */
function underMask(selector: Selector, mask: Uint8Array, op: CompareOp, data: Uint8Array): Match | undefined {
  const { type } = selector
  if (data.length !== type.size || mask.length !== type.size || (op !== '==' && op !== '!=')) return undefined
  const zero = data.every(byte => byte === 0)
  if (type.isBitmask && zero) return matchOf(selector, op === '!=' ? 'any' : 'none', type.decode(mask, 0))
  const value = type.decode(data, 0)
  if (value instanceof Ip) {
    const length = prefixLength(
      data.map((byte, i) => byte & mask[i]!),
      data.map((byte, i) => byte | (~mask[i]! & 0xff)),
    )
    const inside = data.every((byte, i) => (byte & ~mask[i]!) === 0)
    if (inside && length >= 0) return matchOf(selector, op, new Prefix(value, length))
  }
  return { kind: 'match', left: [selector], mask: type.decode(mask, 0), op, right: value }
}

/** Loads that are not one whole field: the beginning of an address, or fields side by side, which nft compares at once. */
function raiseUnaligned(
  content: LoadContent,
  op: CompareOp,
  data: Uint8Array,
  registers: Registers,
): Raised | undefined {
  const { expr } = content
  if (expr.kind !== 'payload' || content.mask !== undefined || (op !== '==' && op !== '!=')) return undefined
  const truncated = findTruncated(expr, registers.known)
  if (truncated !== undefined) {
    const prefix = data.length === expr.len ? prefixOf(truncated.type.size, data) : undefined
    return prefix && one(matchOf(truncated, op, prefix))
  }
  const fields = op === '==' && data.length === expr.len ? findAdjacent(expr, registers.known) : undefined
  if (fields === undefined) return undefined
  let at = 0
  const statements = fields.map(selector => {
    const match = matchOf(selector, '==', selector.type.decode(data, at))
    at += selector.type.size
    return match
  })
  return { statements }
}
