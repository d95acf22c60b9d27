// Puts an attachment's pieces into the kernel: all of them in one batch, or none.
import type { Call } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import { CleanFailure, describeKey } from '../../cni/steps.js'
import { ignoreExists, isErrno, isExists, isNotFound } from '../../kernel/error.js'
import type { Element } from '../../kernel/nft/element.js'
import { encodeKey } from '../../kernel/nft/key.js'
import type { Nft } from '../../kernel/nft/nft.js'
import type { NftSet } from '../../kernel/nft/set.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import type { Value } from '../../kernel/nft/value.js'
import { ensureFixture, type Fixture } from './fixture.js'
import { holderOf } from './holder.js'
import { elementOf, type Piece, pieceId } from './piece.js'

/** Others make and remove sets and rules at the same time; none of them gets in between more often than this. */
const MAX_ATTEMPTS = 8

/**
 * Adds the pieces' elements, after their sets and rules where these are missing. What stands in their place is a leftover and
 * goes, but for that of an exclusive piece which another attachment has on record: CniError 106 (as a CleanFailure) names that one.
 */
export function install(nft: Nft, pieces: readonly Piece[], owner: string, call: Call): void {
  if (pieces.length === 0) return
  const leftovers = new Map<string, Element>()
  for (let attempt = 1; ; attempt++) {
    try {
      // What is looked up here must still be so when the batch is committed.
      const generation = pieces.some(piece => piece.apart) ? nft.list.generation() : undefined
      for (const piece of pieces)
        for (const other of piece.apart ?? []) {
          const present = nft.list.element(elementOf(other))
          if (present) yieldOrRefuse(call, piece, other, present, leftovers)
        }
      nft.run(batch(pieces, owner, leftovers.values()), generation === undefined ? {} : { generation })
      return
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || error instanceof CleanFailure) throw error
      if (isExists(error) || isErrno(error, 'ENOTEMPTY')) findLeftovers(nft, pieces, call, leftovers)
      else if (isNotFound(error)) for (const one of fixturesOf(pieces)) ensure(nft, one)
      else if (!isErrno(error, 'ERESTART')) throw error
    }
  }
}

function batch(pieces: readonly Piece[], owner: string, leftovers: Iterable<Element>): NftTransaction {
  const tx = new NftTransaction()
  for (const element of leftovers) tx.destroy(element)
  for (const piece of pieces) {
    const element = elementOf(piece, owner)
    if (piece.shared) tx.add(element)
    else tx.create(element)
    if (piece.probe) tx.delete(element)
  }
  return tx
}

/** Takes note of what stands in the way and nobody holds. */
function findLeftovers(
  nft: Nft,
  pieces: readonly Piece[],
  call: Call,
  leftovers: Map<string, Element>,
): void {
  for (const piece of pieces) {
    if (piece.shared) continue
    for (const present of inTheWay(nft, piece)) yieldOrRefuse(call, piece, piece, present, leftovers)
  }
}

/** The elements of a piece's set that its own one would meet. */
function inTheWay(nft: Nft, piece: Piece): Element[] {
  const { set } = piece.fixture
  if (!nft.list.set(set)) return []
  if (!set.flags.includes('interval')) {
    const present = nft.list.element(elementOf(piece))
    return present ? [present] : []
  }
  return nft.list.elements(set).filter(other => overlap(set, piece.key, other.key))
}

function overlap(set: NftSet, a: readonly Value[], b: readonly Value[]): boolean {
  const [one, other] = [encodeKey(set, a), encodeKey(set, b)]
  return Buffer.compare(one.first, other.last) <= 0 && Buffer.compare(other.first, one.last) <= 0
}

function yieldOrRefuse(
  call: Call,
  piece: Piece,
  at: Piece,
  present: Element,
  leftovers: Map<string, Element>,
): void {
  const presentPiece: Piece = { fixture: at.fixture, key: present.key }
  const holder = piece.exclusive && holderOf(call, presentPiece, present.comment)
  if (holder)
    throw new CleanFailure(
      new CniError(
        CniCode.portHeld,
        `${piece.exclusive!.what} is held by ${describeKey(holder)}`,
        'choose another port, or remove that attachment first',
      ),
    )
  leftovers.set(pieceId(presentPiece), present)
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
