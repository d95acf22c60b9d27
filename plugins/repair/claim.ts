// What one record says that there must be in our tables, and what of it there is not.

import type { AttachmentRecord } from '../../cni/record.js'
import { type Element, keyText, printElement } from '../../kernel/nft/element.js'
import { encodeKey } from '../../kernel/nft/key.js'
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
  readonly value: string
}

/** By key (`keyOf`). */
export function presentFrom(elements: readonly Element[]): Map<string, Present> {
  return new Map(elements.map(one => [keyOf(one), { owner: one.comment, value: valueTextOf(one) }]))
}

/** The same for elements with the same key: its bytes. */
function keyOf({ set, key }: Element): string {
  const { first, last } = encodeKey(set, key)
  const bytes = set.flags.includes('interval')
    ? Buffer.concat([first, last])
    : Buffer.from(first.buffer, first.byteOffset, first.length)
  return bytes.toString('latin1')
}

/** Of an element of a set, nothing. */
function valueTextOf({ kind, set, key, value }: Element): string {
  return value === undefined ? '' : printElement({ kind, set, key, value })
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
    const present = presentIn(piece).get(keyOf(wanted))
    if (!present) missing.push(wanted)
    else if (!piece.shared && present.owner !== claim.owner)
      taken.push(`${wanted.set.name} ${keyText(wanted)}`)
    else if (present.value !== valueTextOf(wanted)) altered.push(wanted)
  }
  return missing.length + altered.length + taken.length === 0 ? undefined : { claim, missing, altered, taken }
}

export function remedy({ missing, altered }: Lack, tx: NftTransaction): void {
  for (const one of altered) tx.destroy(one)
  for (const one of [...altered, ...missing]) tx.add(one)
}
