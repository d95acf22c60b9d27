// Verdict maps. nft(8): "VERDICT MAPS".
import { literal, lowerLookup, printSelectors, printSource, type Source } from '../lookup.js'
import type { Lowering } from '../lowering.js'
import { selectorList } from '../mapped.js'
import type { Selector } from '../selector.js'
import type { NftSet } from '../set.js'
import { define } from '../statement.js'
import type { Value } from '../value.js'
import type { Verdict } from './verdict.js'

export interface Vmap {
  readonly kind: 'vmap'
  readonly left: readonly Selector[]
  readonly source: Source
}

/** The verdict that a map, named or written out as pairs, has for selectors; where it has none, the next rule. */
export function vmap(
  left: Selector | readonly Selector[],
  source: NftSet | readonly (readonly [Value | readonly Value[], Verdict])[],
): Vmap {
  const selectors = selectorList(left)
  if (!Array.isArray(source)) return { kind: 'vmap', left: selectors, source: source as NftSet }
  const pairs = source as readonly (readonly [Value | readonly Value[], Verdict])[]
  const entries = pairs.map(([key, value]) => ({
    key: (Array.isArray(key) ? key : [key]) as readonly Value[],
    value,
  }))
  return { kind: 'vmap', left: selectors, source: literal(selectors, entries, 'verdict') }
}

export function lowerVmap({ left, source }: Vmap, to: Lowering): void {
  if (source.kind === 'set' && source.data !== 'verdict')
    throw new RangeError(`set ${source.name} has no verdicts`)
  lowerLookup(to, left, source, { data: 'verdict', into: -1 })
}

export function printVmap({ left, source }: Vmap): string {
  return `${printSelectors(left)} vmap ${printSource(left, source, 'verdict')}`
}

define<Vmap>('vmap', { lower: lowerVmap, print: printVmap })
