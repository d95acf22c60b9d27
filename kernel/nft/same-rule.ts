// Whether a rule in the kernel is the one that was meant: for those who look after rules that others may change.
import type { Expr } from '../../wire/nft/expressions.js'
import { printElement } from './element.js'
import { path } from './family.js'
import { raiseRule } from './list-rules.js'
import { Lowering } from './lowering.js'
import { expressionsText, type KnownSets } from './raise.js'
import type { Rule } from './rule.js'
import type { NftSet } from './set.js'
import { lower } from './statement.js'

/**
 * Whether `present` says exactly what `expected` says, in the same chain and with the same comment: the same expressions, the
 * same names of sets, chains and objects, and the same elements in sets that are written out. What has been counted does not
 * matter, nor do handle and position.
 *
 * `present` comes from `listRules`, or from `list.rules`, unread. In an unread rule, sets that are written out are known only
 * with `sets` (`knownSets`); without, such a rule is no other's same.
 */
export function sameRule(expected: Rule, present: Rule, sets?: KnownSets): boolean {
  if (path(expected.chain) !== path(present.chain) || expected.comment !== present.comment) return false
  const unread = present.statements.some(({ kind }) => kind === 'raw')
  const read = unread ? raiseRule(present, sets ?? namedIn(expected)) : present
  return meaning(expected) === meaning(read)
}

/** Text that is the same for rules that do the same. Statements that do not fit their table are a RangeError. */
function meaning({ chain, statements }: Rule): string {
  let id = 0
  const to = new Lowering(chain.table, () => ++id)
  for (const statement of statements) lower(statement, to)
  const elements = to.anonymous.map(set => set.elements.map(printElement))
  return expressionsText(to.expressions.map(withoutState)) + JSON.stringify(elements)
}

function withoutState(expr: Expr): Expr {
  switch (expr.kind) {
    case 'counter':
      return { kind: 'counter' }
    case 'quota': {
      const { consumed, ...rest } = expr
      return rest
    }
    case 'dynset': {
      const { expr: one, exprs, ...rest } = expr
      return {
        ...rest,
        ...(one && { expr: withoutState(one) }),
        ...(exprs && { exprs: exprs.map(withoutState) }),
      }
    }
    default:
      return expr
  }
}

/** The sets with names that a rule refers to. */
function namedIn({ statements }: Rule): KnownSets {
  const found = new Map<string, NftSet>()
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
    if ('kind' in value && value.kind === 'set') found.set((value as NftSet).name, value as NftSet)
    else for (const inner of Object.values(value)) look(inner)
  }
  look(statements)
  return { get: name => found.get(name), elements: () => [] }
}
