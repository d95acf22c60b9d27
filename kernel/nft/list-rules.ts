// Rules as the statements that they could have been made from.
import { type ChainRef, path, type TableRef, tablePath } from './family.js'
import type { NftLists } from './list.js'
import { type KnownSets, raise } from './raise.js'
import type { Rule } from './rule.js'

/**
 * The rules of a chain, or of all chains of a table, in their order; their statements in canonical form, what is written
 * out in a rule (`{ 80, 443 }`) included. A rule that holds something we do not know is one RawStatement.
 */
export function listRules(list: NftLists, where: ChainRef | TableRef): Rule[] {
  const table = 'table' in where ? where.table : where
  return list.ofOneGeneration('table' in where ? path(where) : tablePath(where), () => {
    const known = knownSets(list, table)
    return list.rules(where).map(rule => raiseRule(rule, known))
  })
}

/** The sets of a table as of now, with those that are written out in rules. */
export function knownSets(list: NftLists, table: TableRef): KnownSets {
  const sets = new Map(list.allSets(table).map(set => [set.name, set]))
  return { get: name => sets.get(name), elements: set => list.elements(set) }
}

/** The same rule, its expressions read. */
export function raiseRule(rule: Rule, sets: KnownSets): Rule {
  const expressions = rule.statements.flatMap(one => (one.kind === 'raw' ? one.expressions : []))
  return { ...rule, statements: raise(rule.chain.table, expressions, sets) }
}
