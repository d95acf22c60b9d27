// A fixture: a set or map of ours with the static rules that look it up. Made once, by whoever first needs it; swept by GC when
// the set is empty. So ADD and DEL add and remove elements only, and cost the same whatever the number of containers.
import type { Chain } from '../../kernel/nft/chain.js'
import { type Rule, rule } from '../../kernel/nft/rule.js'
import type { NftSet } from '../../kernel/nft/set.js'
import type { Statement } from '../../kernel/nft/statement.js'
import type { NftTransaction } from '../../kernel/nft/transaction.js'

export interface Fixture {
  readonly set: NftSet
  /** The chains that its rules are in, as they are to be made. */
  readonly chains: readonly Chain[]
  readonly rules: readonly Rule[]
}

export interface FixtureRule {
  readonly chain: Chain
  readonly statements: readonly Statement[]
}

/**
 * A fixture whose rules bear the set's name as their comment, by which CHECK and GC find them. The rules may not depend on their
 * place among those of other fixtures, which is that of whoever came first.
 */
export function fixture(set: NftSet, rules: readonly FixtureRule[]): Fixture {
  return {
    set,
    chains: [...new Set(rules.map(({ chain }) => chain))],
    rules: rules.map(({ chain, statements }) => rule({ chain, statements, comment: set.name })),
  }
}

/** Adds to `tx` what makes the fixture with its table and chains; fails with EEXIST when the set is there. */
export function ensureFixture(tx: NftTransaction, { set, chains, rules }: Fixture): void {
  tx.add({ kind: 'table', ...set.table })
  for (const chain of chains) tx.add(chain)
  tx.create(set)
  for (const one of rules) tx.add(one)
}

/** `inet plumbline masq4-10.88.0.0-16`: how messages name a set. */
export function setPath({ table, name }: NftSet): string {
  return `${table.family} ${table.name} ${name}`
}

/** Makes each of a family of fixtures (one for each subnet, say) once in the life of the process. */
export function fixtures<K extends string>(make: (key: K) => Fixture): (key: K) => Fixture {
  const made = new Map<K, Fixture>()
  return key => {
    const one = made.get(key) ?? make(key)
    made.set(key, one)
    return one
  }
}
