// GC of our nftables tables: elements of a network that no valid attachment has, then sets, rules and tables that are
// no longer used by anybody.
import { isErrno, isNotFound } from '../../kernel/error.js'
import { element } from '../../kernel/nft/element.js'
import type { Nft } from '../../kernel/nft/nft.js'
import type { NftSet } from '../../kernel/nft/set.js'
import type { Table } from '../../kernel/nft/table.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { isHostIfname } from '../names.js'
import { inetTable } from './masquerade.js'
import { bridgeTable } from './port-mac.js'

/** Removes the network's elements whose owner (host interface) is not in `keep`. */
export function sweepElements(nft: Nft, network: string, keep: ReadonlySet<string>): void {
  for (const table of [inetTable, bridgeTable])
    for (const { set, orphans } of orphansOf(nft, table, network, keep))
      nft.run(
        orphans.reduce((tx, orphan) => tx.destroy(element({ set, key: orphan.key })), new NftTransaction()),
      )
}

function orphansOf(nft: Nft, table: Table, network: string, keep: ReadonlySet<string>) {
  return setsOf(nft, table).map(set => ({
    set,
    orphans: nft.list
      .elements(set)
      .filter(({ comment }) => comment !== undefined && isHostIfname(comment, network) && !keep.has(comment)),
  }))
}

/** Removes empty sets with their rules, and a table without sets. Only if nothing changed since it looked; else it looks again. */
export function sweepUnused(nft: Nft): void {
  for (const table of [inetTable, bridgeTable]) {
    for (let attempt = 0; attempt < 5; attempt++) {
      const generation = nft.list.generation()
      const tx = unused(nft, table)
      if (!tx) break
      try {
        nft.run(tx, { generation })
        break
      } catch (error) {
        // An ADD came in between, or another GC did the work. Whatever is left is for the next GC.
        if (!isErrno(error, 'ERESTART') && !isNotFound(error)) throw error
      }
    }
  }
}

/** Undefined when there is nothing to remove. */
function unused(nft: Nft, table: Table): NftTransaction | undefined {
  const sets = setsOf(nft, table)
  const empty = sets.filter(set => nft.list.elements(set).length === 0)
  if (empty.length === 0) return undefined
  const tx = new NftTransaction()
  if (empty.length === sets.length) return tx.delete(table)
  const names = new Set(empty.map(set => set.name))
  for (const rule of nft.list.rules(table)) if (rule.comment && names.has(rule.comment)) tx.delete(rule)
  for (const set of empty) tx.delete(set)
  return tx
}

function setsOf(nft: Nft, table: Table): NftSet[] {
  return nft.list.table(table) ? nft.list.sets(table) : []
}
