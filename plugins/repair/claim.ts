// What one record says that there must be in our tables, and what of it there is not.

import type { AttachmentRecord } from '../../cni/record.js'
import { type Element, keyText, printElement } from '../../kernel/nft/element.js'
import type { NftTransaction } from '../../kernel/nft/transaction.js'
import { type EntryFacts, entriesOnRecord, piecesOf } from '../guard/entry.js'
import { elementOf, type Piece } from '../guard/piece.js'
import { hostIfname } from '../names.js'

export interface Claim {
  readonly record: AttachmentRecord
  readonly owner: string
  readonly entries: readonly EntryFacts[]
  readonly pieces: readonly Piece[]
}

export function claimOf(record: AttachmentRecord): Claim {
  const entries = entriesOnRecord(record)
  const pieces = entries.flatMap(piecesOf).filter(piece => !piece.probe)
  return { record, owner: hostIfname(record), entries, pieces }
}

/** An element as far as it matters here. */
export interface Present {
  readonly owner: string | undefined
  /** Key and value. */
  readonly text: string
}

export function presentFrom(elements: readonly Element[]): Map<string, Present> {
  return new Map(elements.map(one => [keyText(one), { owner: one.comment, text: textOf(one) }]))
}

/** What is to be done about a claim. */
export interface Lack {
  readonly claim: Claim
  readonly missing: readonly Element[]
  /** With our mark, and another value than it should have. */
  readonly altered: readonly Element[]
  /** Elements in places where somebody else's are: these stay. */
  readonly taken: readonly string[]
}

/** Undefined when nothing is. */
export function lackOf(
  claim: Claim,
  presentIn: (piece: Piece) => ReadonlyMap<string, Present>,
): Lack | undefined {
  const missing: Element[] = []
  const altered: Element[] = []
  const taken: string[] = []
  for (const piece of claim.pieces) {
    const wanted = elementOf(piece, claim.owner)
    const present = presentIn(piece).get(keyText(wanted))
    if (!present) missing.push(wanted)
    else if (!piece.shared && present.owner !== claim.owner)
      taken.push(`${wanted.set.name} ${keyText(wanted)}`)
    else if (present.text !== textOf(wanted)) altered.push(wanted)
  }
  return missing.length + altered.length + taken.length === 0 ? undefined : { claim, missing, altered, taken }
}

export function remedy({ missing, altered }: Lack, tx: NftTransaction): void {
  for (const one of altered) tx.destroy(one)
  for (const one of [...altered, ...missing]) tx.add(one)
}

function textOf({ kind, set, key, value }: Element): string {
  return printElement({ kind, set, key, ...(value !== undefined && { value }) })
}
