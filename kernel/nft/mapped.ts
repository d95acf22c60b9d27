// What a map has for a packet, as a value in a statement: `tcp dport map @ports`.
import { type Datatype, padded } from './datatype.js'
import type { ElementValue } from './element.js'
import { isLiteral, literal, lowerLookup, printSelectors, printSource, type Source } from './lookup.js'
import type { Lowering } from './lowering.js'
import type { Selector } from './selector.js'
import type { NftSet } from './set.js'
import type { Value } from './value.js'

export interface Mapped {
  readonly kind: 'mapped'
  readonly left: readonly Selector[]
  readonly source: Source
}

/** Key and value of a map that is written out. Where either is of several parts, it is an array. */
export type MapEntry = readonly [Value | readonly Value[], ElementValue | Value]

/** The value that a map, named or written out as pairs, has for selectors. */
export function mapped(left: Selector | readonly Selector[], source: NftSet | readonly MapEntry[]): Mapped {
  const selectors = selectorList(left)
  if (!Array.isArray(source)) return { kind: 'mapped', left: selectors, source: source as NftSet }
  const entries = (source as readonly MapEntry[]).map(([key, value]) => ({
    key: (Array.isArray(key) ? key : [key]) as readonly Value[],
    value: (Array.isArray(value) || isVerdictLike(value) ? value : [value]) as ElementValue,
  }))
  return { kind: 'mapped', left: selectors, source: { kind: 'literal', entries } }
}

export function selectorList(left: Selector | readonly Selector[]): readonly Selector[] {
  return Array.isArray(left) ? left : [left as Selector]
}

function isVerdictLike(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'verdict' in value
}

export function isMapped(value: unknown): value is Mapped {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'mapped'
}

/** The same, a written-out map in canonical form for the types of its values. */
export function withTypes(value: Mapped, data: readonly Datatype[]): Mapped {
  if (!isLiteral(value.source)) return value
  return { ...value, source: literal(value.left, value.source.entries, data) }
}

/** Loads the value into the registers from `into` on. */
export function lowerMapped(
  { left, source }: Mapped,
  data: readonly Datatype[],
  to: Lowering,
  into = 0,
): void {
  if (!isLiteral(source)) checkData(source, data)
  lowerLookup(to, left, source, { data, into })
}

function checkData(set: NftSet, data: readonly Datatype[]): void {
  const sizes = (types: readonly Datatype[]) => types.map(type => padded(type.size)).join()
  if (set.data === undefined || typeof set.data === 'string' || sizes(set.data) !== sizes(data))
    throw new RangeError(`set ${set.name} has no ${data.map(type => type.name).join(' . ')} for its keys`)
}

export function printMapped({ left, source }: Mapped, data: readonly Datatype[]): string {
  return `${printSelectors(left)} map ${printSource(left, source, data)}`
}
