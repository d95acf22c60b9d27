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
import { elementId, elementOf, type Piece, pieceId } from './piece.js'

/** So often sets are made, or what stands in the way is looked at. */
const MAX_ATTEMPTS = 8
/** So often somebody else changes the ruleset in between; each time one of them has got on. */
const MAX_RESTARTS = 1000
/** From so many keys on, a set is listed whole: each look-up takes 15 us. */
const MANY_KEYS = 100

/** A piece, and an element that stands in its way. */
type Obstacle = readonly [piece: Piece, element: Element]

/**
 * Adds the pieces' elements, after their sets and rules where these are missing. What stands in their place is a leftover and
 * goes, but for that of an exclusive piece which another attachment has on record: CniError 106 (as a CleanFailure) names that one.
 */
export function install(nft: Nft, pieces: readonly Piece[], owner: string, call: Call): void {
  if (pieces.length === 0) return
  const tx = batch(pieces, owner)
  const asking = pieces.filter(piece => piece.apart)
  let blocked = false
  for (let attempt = 1, restarts = 0; ; ) {
    try {
      // What is looked up must still be so when the batch is committed.
      const generation = blocked || asking.length > 0 ? nft.list.generation() : undefined
      const obstacles = [
        ...asking.flatMap(piece => apartOf(nft, piece)),
        ...(blocked ? inPlace(nft, pieces) : []),
      ]
      if (obstacles.length > 0) removeLeftovers(nft, obstacles, call, generation)
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
  for (const piece of pieces) {
    const element = elementOf(piece, owner)
    if (piece.shared) tx.add(element)
    else tx.create(element)
    if (piece.probe) tx.delete(element)
  }
  return tx
}

/** The elements of other sets that a piece is in conflict with. */
function apartOf(nft: Nft, piece: Piece): Obstacle[] {
  const apart = piece.apart ?? []
  const [first] = apart
  if (first === undefined) return []
  if (apart.length < MANY_KEYS)
    return apart
      .map(other => nft.list.element(elementOf(other)))
      .flatMap((present): Obstacle[] => (present ? [[piece, present]] : []))
  const ids = new Set(apart.map(pieceId))
  return elementsIn(nft, first.fixture.set)
    .filter(present => ids.has(elementId(present)))
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

/** In a batch before: nf_tables does not find an interval again that was made around one which goes in the same batch. */
function removeLeftovers(
  nft: Nft,
  obstacles: readonly Obstacle[],
  call: Call,
  generation: number | undefined,
): void {
  for (const [piece, present] of obstacles) refuseHeld(call, piece, present)
  const leftovers = new Map(obstacles.map(([, present]) => [elementId(present), present]))
  const tx = new NftTransaction()
  for (const { set, key } of leftovers.values()) tx.destroy(element({ set, key }))
  nft.run(tx, generation === undefined ? {} : { generation })
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
  return new Set(pieces.flatMap(piece => [piece, ...(piece.apart ?? [])]).map(piece => piece.fixture))
}

/** Makes a fixture unless it is there; several ADDs may try at once, and one of them succeeds. */
export function ensure(nft: Nft, one: Fixture): void {
  const tx = new NftTransaction()
  ensureFixture(tx, one)
  ignoreExists(() => nft.run(tx))
}
