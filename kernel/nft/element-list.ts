// Elements of one set, in as few messages as they fit: an attribute's length is 16 bits wide (linux/netlink.h: struct
// nlattr), and a list of elements is one attribute.
import type { NlWriter } from '../../wire/netlink/attr.js'
import { type ElementMessage, type ElementsHead, encodeElementList } from '../../wire/nft/element.js'

/** A message is full at this length; what is left of 64 KiB has room for any one element with its end. */
const FULL = 60 * 1024

/** Where elements went: for each, its message's sequence number, and its offset in the message, counted from the header. */
export class ElementPlaces {
  readonly #seqs: number[] = []
  readonly #offsets: number[] = []

  add(seq: number, offset: number): void {
    this.#seqs.push(seq)
    this.#offsets.push(offset)
  }

  /** Which element something in a message belongs to; -1 when it comes before the elements. */
  at(seq: number, offset: number): number {
    let found = -1
    for (let i = this.#seqs.indexOf(seq); i >= 0 && this.#seqs[i] === seq && this.#offsets[i]! <= offset; i++)
      found = i
    return found
  }
}

/**
 * Writes the messages, of a netlink type and with NLM_F_* `flags`. `entriesOf` says what an element is to the kernel; what
 * belongs together stays in one message.
 */
export function writeElementList(
  w: NlWriter,
  type: number,
  flags: number,
  head: ElementsHead,
  count: number,
  entriesOf: (index: number) => readonly ElementMessage[],
  places?: ElementPlaces,
): void {
  for (let next = 0; next < count; ) {
    const start = w.length
    const seq = w.nextSeq
    w.message(type, flags, inner =>
      encodeElementList(inner, head, add => {
        do {
          places?.add(seq, w.length - start)
          for (const entry of entriesOf(next)) add(entry)
          next++
        } while (next < count && w.length - start < FULL)
      }),
    )
  }
}
