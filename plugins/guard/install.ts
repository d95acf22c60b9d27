// Puts an attachment's pieces into the kernel: all of them in one batch, or none.
import type { Call } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import { CleanFailure, describeKey } from '../../cni/steps.js'
import { ignoreExists, isErrno, isExists, isNotFound } from '../../kernel/error.js'
import { type Element, element } from '../../kernel/nft/element.js'
import { encodeKey } from '../../kernel/nft/key.js'
import type { Nft } from '../../kernel/nft/nft.js'
import type { NftSet } from '../../kernel/nft/set.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import type { Value } from '../../kernel/nft/value.js'
import { ensureFixture, type Fixture } from './fixture.js'
import { holderOf } from './holder.js'
import { elementId, elementOf, type Piece } from './piece.js'

/** So often sets are made, or what stands in the way is looked at. */
const MAX_ATTEMPTS = 8
/** So often somebody else changes the ruleset while it is looked at; each time one of them has got on. */
const MAX_RESTARTS = 1000

/** A piece, and an element that stands in its way. */
type Obstacle = readonly [piece: Piece, element: Element]

/**
 * Adds the pieces' elements, after their sets and rules where these are missing. What stands in their place is a leftover and
 * goes, but for that of an exclusive piece which another attachment has on record: CniError 106 (as a CleanFailure) names that one.
 */
export function install(nft: Nft, pieces: readonly Piece[], owner: string, call: Call): void {
  if (pieces.length === 0) return
  const tx = batch(pieces, owner)
  const asking = pieces.filter(({ apart }) => apart)
  let blocked = false
  for (let attempt = 1, restarts = 0; ; ) {
    try {
      // What is looked for must still not be there when the batch is committed.
      const generation = blocked || asking.length > 0 ? nft.list.generation() : undefined
      const obstacles = [
        ...asking.flatMap(piece => apartOf(nft, piece)),
        ...(blocked ? inPlace(nft, pieces) : []),
      ]
      if (obstacles.length > 0) removeLeftovers(nft, obstacles, call, generation!)
      else {
        nft.run(tx, generation === undefined ? {} : { generation })
        return
      }
    } catch (error) {
      if (error instanceof CleanFailure) throw error
      if (isErrno(error, 'ERESTART') && restarts++ < MAX_RESTARTS) continue
      if (attempt++ === MAX_ATTEMPTS) throw error
      if (isExists(error) || isErrno(error, 'ENOTEMPTY')) blocked = true
      else if (isNotFound(error)) for (const one of fixturesOf(pieces)) ensure(nft, one)
      else throw error
    }
  }
}

function batch(pieces: readonly Piece[], owner: string): NftTransaction {
  const tx = new NftTransaction()
  for (const piece of pieces)
    if (piece.shared) tx.add(elementOf(piece, owner))
    else tx.create(elementOf(piece, owner))
  for (const piece of pieces) if (piece.probe) tx.delete(elementOf(piece))
  return tx
}

/** The elements of another set that a piece is in conflict with. */
function apartOf(nft: Nft, piece: Piece): Obstacle[] {
  const { from, isIn } = piece.apart!
  return elementsIn(nft, from.set)
    .filter(isIn)
    .map((present): Obstacle => [piece, present])
}

/** What stands where the pieces' own elements go. */
function inPlace(nft: Nft, pieces: readonly Piece[]): Obstacle[] {
  return pieces
    .filter(({ shared }) => !shared)
    .flatMap(piece => inTheWay(nft, piece).map((present): Obstacle => [piece, present]))
}

/** The elements of a piece's set that its own one would meet. */
function inTheWay(nft: Nft, piece: Piece): Element[] {
  const { set } = piece.fixture
  if (set.flags.includes('interval'))
    return elementsIn(nft, set).filter(other => overlap(set, piece.key, other.key))
  const present = nft.list.element(elementOf(piece))
  return present ? [present] : []
}

function elementsIn(nft: Nft, set: NftSet): Element[] {
  return nft.list.set(set) ? nft.list.elements(set) : []
}

function overlap(set: NftSet, a: readonly Value[], b: readonly Value[]): boolean {
  const [one, other] = [encodeKey(set, a), encodeKey(set, b)]
  return Buffer.compare(one.first, other.last) <= 0 && Buffer.compare(other.first, one.last) <= 0
}

/**
 * In a batch of its own: nf_tables does not find an interval again that was made around one which goes in the same batch. Only if
 * nobody came in between (ERESTART): what was a leftover when it was looked at may have an owner now.
 */
function removeLeftovers(nft: Nft, obstacles: readonly Obstacle[], call: Call, generation: number): void {
  for (const [piece, present] of obstacles) refuseHeld(call, piece, present)
  const leftovers = new Map(obstacles.map(([, present]) => [elementId(present), present]))
  const tx = new NftTransaction()
  for (const { set, key } of leftovers.values()) tx.destroy(element({ set, key }))
  nft.run(tx, { generation })
}

function refuseHeld(call: Call, { exclusive }: Piece, present: Element): void {
  const holder = exclusive && holderOf(call, present)
  if (holder)
    throw new CleanFailure(
      new CniError(
        CniCode.portHeld,
        `${exclusive!.what} is held by ${describeKey(holder)}`,
        'choose another port, or remove that attachment first',
      ),
    )
}

function fixturesOf(pieces: readonly Piece[]): Set<Fixture> {
  return new Set(pieces.map(({ fixture }) => fixture))
}

/** Makes a fixture unless it is there; several ADDs may try at once, and one of them succeeds. */
export function ensure(nft: Nft, one: Fixture): void {
  const tx = new NftTransaction()
  ensureFixture(tx, one)
  ignoreExists(() => nft.run(tx))
}
