// A piece: one element in the set of one fixture. An entry (see entry.ts) consists of one or more.
import { type Element, type ElementValue, element, keyText } from '../../kernel/nft/element.js'
import type { Value } from '../../kernel/nft/value.js'
import { type Fixture, setPath } from './fixture.js'

export interface Piece {
  readonly fixture: Fixture
  readonly key: readonly Value[]
  readonly value?: ElementValue
  /** Not this attachment's alone (the name of a bridge, say): made if missing, left by DEL; GC removes it when no record has it. */
  readonly shared?: true
  /** Somebody else's element with this key (or an overlapping one) is a conflict, not a leftover: ADD names the holder. */
  readonly exclusive?: {
    /** For the message: 'host port 8080/tcp'. */
    readonly what: string
  }
  /** Only tried: made and removed in the same batch, which fails where an element is there that it is, or overlaps with. */
  readonly probe?: true
  /** Elements of another set that this one is in conflict with, where there would be too many to try: the set is listed. */
  readonly apart?: { readonly from: Fixture; readonly isIn: (other: Element) => boolean }
}

/** The comment of shared elements. Those of an attachment have its owner (`Attached.owner`). */
export const sharedOwner = 'shared'

/** The element of a piece; with `owner` it gets the comment by which GC knows whose it is. */
export function elementOf({ fixture, key, value, shared }: Piece, owner?: string): Element {
  const comment = owner === undefined ? undefined : shared ? sharedOwner : owner
  return element({
    set: fixture.set,
    key,
    ...(value !== undefined && { value }),
    ...(comment !== undefined && { comment }),
  })
}

/** The same for pieces of the same element: set and key. */
export function pieceId({ fixture, key }: Piece): string {
  return elementId(element({ set: fixture.set, key }))
}

export function elementId(one: Element): string {
  return `${setPath(one.set)} ${keyText(one)}`
}
