// What there is in a table of ours, listed once and looked at for each fixture.
import { isNotFound } from '../../kernel/error.js'
import type { Element } from '../../kernel/nft/element.js'
import type { TableRef } from '../../kernel/nft/family.js'
import type { Nft } from '../../kernel/nft/nft.js'
import type { Rule } from '../../kernel/nft/rule.js'
import type { NftSet } from '../../kernel/nft/set.js'

export interface Ruleset {
  /** Somebody has switched the table off. */
  readonly dormant: boolean
  readonly sets: ReadonlyMap<string, NftSet>
  /** By comment, which is the name of the fixture's set; unread. */
  readonly rules: ReadonlyMap<string, readonly Rule[]>
  /** What a reader of rules wants to know: any set, and the elements of one that is written out in a rule. */
  get(name: string): NftSet | undefined
  elements(set: NftSet): readonly Element[]
}

export function rulesetOf(nft: Nft, ref: TableRef): Ruleset {
  const table = nft.list.table(ref)
  const sets = new Map((table ? nft.list.allSets(ref) : []).map(set => [set.name, set]))
  const rules = new Map<string, Rule[]>()
  for (const rule of table ? nft.list.rules(ref) : []) {
    const { comment = '' } = rule
    const others = rules.get(comment)
    if (others) others.push(rule)
    else rules.set(comment, [rule])
  }
  return {
    dormant: table?.dormant === true,
    sets,
    rules,
    get: name => sets.get(name),
    elements: set => elementsIfAny(nft, set),
  }
}

/** Each table as it was when it was first asked for. */
export class KnownRuleset {
  readonly #nft: Nft
  readonly #tables = new Map<string, Ruleset>()

  constructor(nft: Nft) {
    this.#nft = nft
  }

  of(table: TableRef): Ruleset {
    const key = `${table.family} ${table.name}`
    const known = this.#tables.get(key) ?? rulesetOf(this.#nft, table)
    this.#tables.set(key, known)
    return known
  }
}

/** A set may go while we look around. */
export function elementsIfAny(nft: Nft, set: NftSet): readonly Element[] {
  try {
    return nft.list.elements(set)
  } catch (error) {
    if (isNotFound(error)) return []
    throw error
  }
}
