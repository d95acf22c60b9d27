// Statements about sets: lookups of all kinds, maps of objects, and sets that rules change.
import * as c from '../../../wire/nft/constants.js'
import type { Dynset as DynsetExpr } from '../../../wire/nft/expr/dynset.js'
import type { Lookup } from '../../../wire/nft/expr/lookup.js'
import type { Objref as ObjrefExpr } from '../../../wire/nft/expr/objref.js'
import type { Expr } from '../../../wire/nft/expressions.js'
import { decodeValues } from '../key.js'
import { literal, type Source } from '../lookup.js'
import { registerIndex, registerNumber, registersFor } from '../lowering.js'
import { objectTypeOf } from '../object-type.js'
import type { KnownSets, Raised } from '../raise.js'
import type { Selector } from '../selector.js'
import { lengthOf, type NftSet } from '../set.js'
import { counterFrom } from '../statements/counter.js'
import { type Dynset, dynsetOpFrom } from '../statements/dynset.js'
import { ctCountFrom, limitFrom, quotaFrom } from '../statements/limit.js'
import type { Objref } from '../statements/objref.js'
import type { Stateful } from '../statements/stateful.js'
import type { Registers } from './registers.js'

interface Key {
  readonly set: NftSet
  readonly left: readonly Selector[]
  readonly source: Source
}

/** The selectors that are looked up, and in what. */
function keyOf(name: string, sreg: number, registers: Registers, sets: KnownSets): Key | undefined {
  const set = sets.get(name)
  const left =
    set &&
    registers.key(
      sreg,
      set.key.map(type => type.size),
    )
  if (set === undefined || left === undefined) return undefined
  if (!set.anonymous) return { set, left, source: set }
  return { set, left, source: literal(left, sets.elements(set), set.data) }
}

export function raiseLookup(expr: Lookup, registers: Registers, sets: KnownSets): Raised | undefined {
  const key = keyOf(expr.set, expr.sreg, registers, sets)
  if (key === undefined) return undefined
  const { set, left, source } = key
  const inverted = ((expr.flags ?? 0) & c.NFT_LOOKUP_F_INV) !== 0
  if (expr.dreg === undefined) {
    return { statements: [{ kind: 'match', left, op: inverted ? 'not in' : 'in', right: source }] }
  }
  if (expr.dreg === c.NFT_REG_VERDICT) return { statements: [{ kind: 'vmap', left, source }] }
  if (set.data === undefined || typeof set.data === 'string') return undefined
  const value = { kind: 'mapped', left, source } as const
  let index = registerIndex(expr.dreg)
  set.data.forEach((type, part) => {
    registers.set(registerNumber(index), { kind: 'mapped', value, part })
    index += registersFor(type.size)
  })
  return { statements: [] }
}

export function raiseObjref(expr: ObjrefExpr, registers: Registers, sets: KnownSets): Objref | undefined {
  if (expr.name !== undefined) {
    const type = objectTypeOf(expr.type)
    return type && { kind: 'objref', type, object: expr.name }
  }
  if (expr.set === undefined || expr.sreg === undefined) return undefined
  const key = keyOf(expr.set, expr.sreg, registers, sets)
  if (key === undefined || typeof key.set.data !== 'string' || key.set.data === 'verdict') return undefined
  return { kind: 'objref', type: key.set.data, object: { left: key.left, source: key.source } }
}

export function raiseDynset(expr: DynsetExpr, registers: Registers, sets: KnownSets): Dynset | undefined {
  const key = keyOf(expr.set, expr.sregKey, registers, sets)
  const op = dynsetOpFrom(expr.op)
  const exprs = expr.exprs ?? (expr.expr === undefined ? [] : [expr.expr])
  const stateful = exprs.map(statefulFrom).filter(found => found !== undefined)
  if (key === undefined || op === undefined || stateful.length !== exprs.length) return undefined
  const { set, left } = key
  const value = expr.sregData === undefined ? undefined : registers.get(expr.sregData)
  if (expr.sregData !== undefined) {
    if (value?.kind !== 'bytes' || set.data === undefined || typeof set.data === 'string') return undefined
    if (value.bytes.length !== lengthOf(set.data)) return undefined
  }
  return {
    kind: 'dynset',
    op,
    set,
    key: left,
    ...(value?.kind === 'bytes' && { value: decodeValues(set.data as never, value.bytes) }),
    ...(expr.timeout !== undefined && expr.timeout > 0n && { timeout: Number(expr.timeout) }),
    stateful,
  }
}

function statefulFrom(expr: Expr): Stateful | undefined {
  switch (expr.kind) {
    case 'counter':
      return counterFrom(expr)
    case 'limit':
      return limitFrom(expr)
    case 'quota':
      return quotaFrom(expr)
    case 'connlimit':
      return ctCountFrom(expr)
    default:
      return undefined
  }
}
