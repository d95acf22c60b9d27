// Fixtures as they should be: missing ones are made, and rules that are gone or say something else are put back.
import { isErrno, isExists, isNotFound } from '../../kernel/error.js'
import type { Nft } from '../../kernel/nft/nft.js'
import { sameRule } from '../../kernel/nft/same-rule.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import type { Fixture } from '../guard/fixture.js'
import { type KnownRuleset, type Ruleset, rulesetOf } from './ruleset.js'

/** Others change the ruleset at the same time; none of them gets in between more often than this. */
const MAX_ATTEMPTS = 8

/** Makes sure of a fixture; true when it was not as it should be. `known` is what was listed before, to look at first. */
export function mendFixture(nft: Nft, one: Fixture, known: KnownRuleset): boolean {
  if (!remedyFor(one, known.of(one.set.table))) return false
  for (let attempt = 1; ; attempt++) {
    const generation = nft.list.generation()
    const remedy = remedyFor(one, rulesetOf(nft, one.set.table))
    if (!remedy) return false
    try {
      nft.run(remedy, { generation })
      return true
    } catch (error) {
      const changed = isErrno(error, 'ERESTART') || isExists(error) || isNotFound(error)
      if (attempt === MAX_ATTEMPTS || !changed) throw error
    }
  }
}

/** Undefined when nothing is missing. */
function remedyFor({ set, chains, rules }: Fixture, present: Ruleset): NftTransaction | undefined {
  const hasSet = present.sets.has(set.name)
  const inPlace = present.rules.get(set.name) ?? []
  const isWhole =
    hasSet &&
    inPlace.length === rules.length &&
    rules.every(rule => inPlace.some(other => sameRule(rule, other, present)))
  if (isWhole && !present.dormant) return undefined
  const remedy = new NftTransaction().add({ kind: 'table', ...set.table })
  if (isWhole) return remedy
  for (const rule of inPlace) remedy.delete(rule)
  for (const chain of chains) remedy.add(chain)
  if (!hasSet) remedy.create(set)
  for (const rule of rules) remedy.add(rule)
  return remedy
}
