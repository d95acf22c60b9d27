// Looking selectors up in sets and maps, be they named or written out in the rule.
import { Prefix } from '../../wire/ip.js'
import { NFT_LOOKUP_F_INV } from '../../wire/nft/constants.js'
import { type Element, type ElementValue, printElement } from './element.js'
import { tableRef } from './family.js'
import { decodeKey, decodeValues, encodeKey, encodeValues } from './key.js'
import { type Lowering, registerNumber } from './lowering.js'
import type { Selector } from './selector.js'
import { isInterval, type MapData, type NftSet } from './set.js'
import { isRange, type Scalar, type Value } from './value.js'

/** One element of a set that is written out. */
export interface Entry {
  readonly key: readonly Value[]
  readonly value?: ElementValue
}

/** A set or map written out in the rule: `{ 80, 443 }`. The entries are in the order of their keys. */
export interface Literal {
  readonly kind: 'literal'
  readonly entries: readonly Entry[]
}

export type Source = NftSet | Literal

export function isLiteral(source: Source): source is Literal {
  return source.kind === 'literal'
}

/** A literal in canonical form. Values that do not fit the selectors, or the data's types, are a RangeError. */
export function literal(left: readonly Selector[], entries: readonly Entry[], data?: MapData): Literal {
  const set = anonymousSet(left, entries, data)
  const bounded = entries.map(({ key, value }) => ({ bounds: encodeKey(set, key), value }))
  bounded.sort((a, b) => Buffer.compare(a.bounds.first, b.bounds.first))
  return {
    kind: 'literal',
    entries: bounded.map(({ bounds, value }) => {
      const key = decodeKey(set, bounds)
      return value === undefined ? { key } : { key, value: canonicalValue(data, value) }
    }),
  }
}

function canonicalValue(data: MapData | undefined, value: ElementValue): ElementValue {
  if (data === undefined || typeof data === 'string' || typeof value === 'string' || 'verdict' in value)
    return value
  return decodeValues(data, encodeValues(data, value as readonly Scalar[]))
}

/** The set that a literal stands for. */
export function anonymousSet(
  left: readonly Selector[],
  entries: readonly Entry[],
  data: MapData | undefined,
  table: NftSet['table'] = { family: 'inet', name: '' },
): NftSet {
  const interval = entries.some(({ key }) => key.some(isSpan))
  return {
    kind: 'set',
    table: tableRef(table),
    // The kernel puts a number in place of %d.
    name: data === undefined ? '__set%d' : '__map%d',
    key: left.map(selector => selector.type),
    ...(data !== undefined && { data }),
    flags: interval ? ['interval'] : [],
    anonymous: true,
  }
}

function isSpan(value: Value): boolean {
  if (value instanceof Prefix) return value.length < value.ip.bytes.length * 8
  return isRange(value) || (typeof value === 'string' && value.endsWith('*'))
}

export interface LookupOptions {
  readonly inverted?: boolean
  /** What the map has for the key, if it is one: its types, verdict or object. */
  readonly data?: MapData
  /** The register (of 4 bytes) for it; -1 for verdicts. */
  readonly into?: number
}

/** Loads the selectors and names the set: what a lookup or an objref expression needs to know. */
export function lowerKey(
  to: Lowering,
  left: readonly Selector[],
  source: Source,
  data?: MapData,
): { readonly set: string; readonly setId?: number } {
  const named = isLiteral(source) ? anonymousSet(left, source.entries, data, to.table) : source
  if (
    left.length !== named.key.length ||
    left.some((selector, i) => selector.type.size !== named.key[i]!.size)
  )
    throw new RangeError(
      `${left.map(selector => selector.text).join(' . ')} in set ${named.name} of ${named.key.map(type => type.name).join(' . ')}`,
    )
  to.require(left)
  to.loadKey(left, isInterval(named))
  if (!isLiteral(source)) return { set: named.name }
  const elements = source.entries.map((entry): Element => ({ kind: 'element', set: named, ...entry }))
  return { set: named.name, setId: to.addAnonymous(named, elements) }
}

export function lowerLookup(
  to: Lowering,
  left: readonly Selector[],
  source: Source,
  { inverted, data, into }: LookupOptions = {},
): void {
  const named = lowerKey(to, left, source, data)
  to.emit({
    kind: 'lookup',
    sreg: registerNumber(0),
    ...(into !== undefined && { dreg: into < 0 ? 0 : registerNumber(into) }),
    ...named,
    ...(inverted && { flags: NFT_LOOKUP_F_INV }),
  })
}

/** `ip saddr . tcp dport` */
export function printSelectors(left: readonly Selector[]): string {
  return left.map(selector => selector.text).join(' . ')
}

/** `@name` or `{ 80, 443 }` */
export function printSource(left: readonly Selector[], source: Source, data?: MapData): string {
  if (!isLiteral(source)) return `@${source.name}`
  const set = anonymousSet(left, source.entries, data)
  return `{ ${source.entries.map(entry => printElement({ kind: 'element', set, ...entry })).join(', ')} }`
}
