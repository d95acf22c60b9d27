// Sweeping of our nftables tables: elements by their owner, and sets, rules and tables that nobody uses any longer.
import { isErrno, isNotFound } from '../../kernel/error.js'
import { type Element, element } from '../../kernel/nft/element.js'
import type { Nft } from '../../kernel/nft/nft.js'
import type { NftSet } from '../../kernel/nft/set.js'
import type { Table } from '../../kernel/nft/table.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { ourTables } from './tables.js'

/** Removes the elements that are orphans. O(elements). */
export function sweepElements(nft: Nft, isOrphan: (one: Element) => boolean): void {
  for (const table of ourTables)
    for (const set of setsOf(nft, table)) {
      const tx = new NftTransaction()
      for (const one of elementsOf(nft, set)) if (isOrphan(one)) tx.destroy(element({ set, key: one.key }))
      nft.run(tx)
    }
}

/**
 * Removes what several attachments share and none needs. `unneeded` reads the records anew each time: an ADD of another network that
 * comes in between has its record first and then changes the ruleset, so this looks again.
 */
export function sweepShared(nft: Nft, unneeded: () => (one: Element) => boolean): void {
  untilUnchanged(nft, () => {
    const isUnneeded = unneeded()
    const tx = new NftTransaction()
    let any = false
    for (const table of ourTables)
      for (const set of setsOf(nft, table))
        for (const one of elementsOf(nft, set))
          if (isUnneeded(one)) {
            tx.destroy(element({ set, key: one.key }))
            any = true
          }
    return any ? tx : undefined
  })
}

/** Removes empty sets with their rules, and a table without sets. Only if nothing changed since it looked; else it looks again. */
export function sweepUnused(nft: Nft): void {
  for (const table of ourTables) untilUnchanged(nft, () => unused(nft, table))
}

/** Runs what `look` finds to do, if nothing changed since it began to look; else it looks again. */
function untilUnchanged(nft: Nft, look: () => NftTransaction | undefined): void {
  for (let attempt = 0; attempt < 5; attempt++) {
    const generation = nft.list.generation()
    const tx = look()
    if (!tx) return
    try {
      nft.run(tx, { generation })
      return
    } catch (error) {
      // An ADD came in between, or another GC did the work. Whatever is left is for the next GC.
      if (!isErrno(error, 'ERESTART') && !isNotFound(error)) throw error
    }
  }
}

/** Undefined when there is nothing to remove. */
function unused(nft: Nft, table: Table): NftTransaction | undefined {
  const sets = setsOf(nft, table)
  const empty = sets.filter(set => elementsOf(nft, set).length === 0)
  if (empty.length === 0) return undefined
  const tx = new NftTransaction()
  if (empty.length === sets.length) return tx.delete(table)
  const names = new Set(empty.map(set => set.name))
  for (const rule of nft.list.rules(table)) if (rule.comment && names.has(rule.comment)) tx.delete(rule)
  for (const set of empty) tx.delete(set)
  return tx
}

/** A set may go while we look around. */
function elementsOf(nft: Nft, set: NftSet): Element[] {
  try {
    return nft.list.elements(set)
  } catch (error) {
    if (isNotFound(error)) return []
    throw error
  }
}

function setsOf(nft: Nft, table: Table): NftSet[] {
  return nft.list.table(table) ? nft.list.sets(table) : []
}
