// Passages: where a table of somebody else drops forwarded packets, one rule at the head of the chain that drops leads to a chain
// of ours, and that lets through what the guard has marked (guard/admit.ts). Once per host, whatever the number of containers; in
// expressions that iptables-nft writes itself, so that `iptables -S` and `iptables-save` go on to work. See ADR 8.
import { isErrno, isNotFound } from '../../kernel/error.js'
import { type Chain, chain } from '../../kernel/nft/chain.js'
import { type ChainRef, path, type TableRef } from '../../kernel/nft/family.js'
import { raiseRule } from '../../kernel/nft/list-rules.js'
import type { Nft } from '../../kernel/nft/nft.js'
import { type Rule, rule, ruleText } from '../../kernel/nft/rule.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { masked, match } from '../../kernel/nft/statements/match.js'
import { accept, jump } from '../../kernel/nft/statements/verdict.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { admittedMark } from '../guard/admit.js'
import { fateOf } from './fate.js'

/** Our chain in other people's tables. */
export const passageChain = 'PLUMBLINE-FORWARD'

export interface Passage {
  /** The chain that may drop. */
  readonly base: ChainRef
  /** The table is one in which the administrator has a chain for containers' traffic, which comes first. */
  readonly hasAdminChain: boolean
}

/** iptables and ip6tables in their nft variant, and firewalld's own table. */
export const passages: readonly Passage[] = [
  { base: { table: { family: 'ip', name: 'filter' }, name: 'FORWARD' }, hasAdminChain: true },
  { base: { table: { family: 'ip6', name: 'filter' }, name: 'FORWARD' }, hasAdminChain: true },
  { base: { table: { family: 'inet', name: 'firewalld' }, name: 'filter_FORWARD' }, hasAdminChain: false },
]

/** Others change their tables at the same time; none of them gets in between more often than this. */
const MAX_ATTEMPTS = 8

/**
 * Makes sure of the passage where one is needed: where the chain drops, or where the administrator's chain is. True when something
 * was missing. KernelError EPERM when the table belongs to a process that lets nobody else change it.
 */
export function openPassage(nft: Nft, passage: Passage, adminChains: readonly string[]): boolean {
  // Most often there is nothing to do, and who else changes what does not matter.
  if (!missingOf(nft, passage, adminChains)) return false
  for (let attempt = 1; ; attempt++) {
    const generation = nft.list.generation()
    const missing = missingOf(nft, passage, adminChains)
    if (!missing) return false
    try {
      nft.run(missing.remedy, { generation })
      return true
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !(isErrno(error, 'ERESTART') || isNotFound(error))) throw error
    }
  }
}

/** What is missing from a passage that is needed, in words; undefined when it is as it should be. Changes nothing. */
export function missingFrom(nft: Nft, passage: Passage, adminChains: readonly string[]): string | undefined {
  return missingOf(nft, passage, adminChains)?.what
}

interface Missing {
  readonly what: string
  readonly remedy: NftTransaction
}

function missingOf(
  nft: Nft,
  { base, hasAdminChain }: Passage,
  adminChains: readonly string[],
): Missing | undefined {
  const present = nft.list.chain(base)
  if (present?.hook !== 'forward') return undefined
  const rules = nft.list.rules(base)
  const jumps = rules.filter(isJump)
  const ours = { table: base.table, name: passageChain }
  const admins = hasAdminChain ? adminChains : []
  const barrier = rules.findIndex(each => fateOf(each)?.kind === 'drop')
  const needed =
    present.policy === 'drop' ||
    barrier >= 0 ||
    admins.some(name => nft.list.chain({ table: base.table, name }))
  if (!needed) return undefined

  const contents = nft.list.rules(ours)
  const wanted = [...new Set([...contents.flatMap(jumpTarget), ...admins])].filter(
    name => hasAdminChain && name !== '',
  )
  const isWhole = saying(contents) === textOf(contentsOf(ours, wanted))
  const first = rules.findIndex(isJump)
  const isInPlace = first >= 0 && (barrier < 0 || first < barrier)
  if (isWhole && isInPlace) return undefined

  const remedy = new NftTransaction()
  for (const name of wanted) remedy.add(chain({ table: base.table, name }))
  if (!isWhole) {
    remedy.add(chain(ours)).flush(chain(ours))
    for (const each of contentsOf(ours, wanted)) remedy.add(each)
  }
  if (!isInPlace) {
    for (const each of jumps) remedy.delete(each)
    remedy.insert(rule({ chain: base, statements: [jump(passageChain)] }))
  }
  return {
    what: isInPlace
      ? `chain ${path(ours)} is not as it should be: ${textOf(contentsOf(ours, wanted))}`
      : `the jump to ${passageChain} is gone from ${path(base)}, which drops forwarded packets`,
    remedy,
  }
}

function contentsOf(ours: ChainRef, adminChains: readonly string[]): Rule[] {
  return [
    ...adminChains.map(name => rule({ chain: ours, statements: [jump(name)] })),
    rule({
      chain: ours,
      statements: [match(masked(meta('mark'), admittedMark), '==', admittedMark), accept],
    }),
  ]
}

function isJump(one: Rule): boolean {
  const fate = fateOf(one)
  return fate?.kind === 'jump' && fate.chain === passageChain
}

function jumpTarget(one: Rule): string[] {
  const fate = fateOf(one)
  return fate?.kind === 'jump' ? [fate.chain] : []
}

/** What listed rules say, whether they count or not: iptables-restore gives each a counter. */
function saying(rules: readonly Rule[]): string {
  const raised = rules.map(each => raiseRule(each, { get: () => undefined, elements: () => [] }))
  return textOf(
    raised.map(each => ({ ...each, statements: each.statements.filter(({ kind }) => kind !== 'counter') })),
  )
}

function textOf(rules: readonly Rule[]): string {
  return rules.map(ruleText).join('; ')
}

/** Takes our chain and the way to it out of a table; the administrator's chain stays. */
export function closePassage(nft: Nft, { base }: Passage): void {
  const ours = chain({ table: base.table, name: passageChain })
  for (let attempt = 1; ; attempt++) {
    const generation = nft.list.generation()
    if (!nft.list.chain(ours)) return
    const tx = new NftTransaction()
    for (const each of nft.list.rules(base)) if (isJump(each)) tx.delete(each)
    tx.flush(ours).delete(ours)
    try {
      nft.run(tx, { generation })
      return
    } catch (error) {
      // EBUSY: somebody else's rule leads there. EPERM: it is not ours to change any longer.
      if (isErrno(error, 'EBUSY', 'EPERM')) return
      if (attempt === MAX_ATTEMPTS || !(isErrno(error, 'ERESTART') || isNotFound(error))) throw error
    }
  }
}

/** True for the base chain of a passage, and for our own chain beside it. */
export function isOnPassage({ table, name }: Pick<Chain, 'table' | 'name'>): boolean {
  return passages.some(
    ({ base }) =>
      base.table.family === table.family &&
      base.table.name === table.name &&
      (base.name === name || name === passageChain),
  )
}

/** True for a table that has the base chain of a passage, or would. */
export function isPassageTable({ family, name }: TableRef): boolean {
  return passages.some(({ base: { table } }) => table.family === family && table.name === name)
}
