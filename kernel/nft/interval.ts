// The interval around a key, found by the kernel in its tree as for nft's `get element`.
// net/netfilter/nft_set_rbtree.c (v6.18), __nft_rbtree_get: a key finds the start at or below it, unless an end comes
// between; with NFT_SET_ELEM_INTERVAL_END it finds the end at or above it, unless a start comes between, but also a start that
// is at the key itself.
import { NLM_F_REQUEST, NLMSG_ERROR } from '../../wire/netlink/constants.js'
import { decodeError } from '../../wire/netlink/error.js'
import type { NlMessage } from '../../wire/netlink/message.js'
import { NFT_MSG_GETSETELEM, NFT_SET_ELEM_INTERVAL_END } from '../../wire/nft/constants.js'
import { decodeElements, type ElementMessage, encodeElements } from '../../wire/nft/element.js'
import { nftType, resIdOf } from '../../wire/nft/message.js'
import { KernelError } from '../error.js'
import type { NetlinkConnection } from '../netlink/connection.js'
import { type Element, elementFrom, elementsHead, isOpen } from './element.js'
import { path } from './family.js'
import { predecessor, successor } from './key.js'
import type { NftSet } from './set.js'

const ENOENT = 2

/**
 * The element with `key` in it, of a set of intervals of one type; undefined when there is none, or no set. 'unsure' when the
 * answers do not fit together: a transaction was under way (its elements are in the tree, but hidden), or elements expire.
 */
export function intervalAround(
  connection: NetlinkConnection,
  set: NftSet,
  key: Uint8Array,
): Element | undefined | 'unsure' {
  const behind = successor(key)
  const wanted: ElementMessage[] = [{ key }]
  if (behind !== undefined) wanted.push({ key: behind, flags: NFT_SET_ELEM_INTERVAL_END })
  const head = elementsHead(set)
  const { firstSeq, replies } = connection.batch('nft get element', path(set), w => {
    for (const one of wanted)
      w.message(nftType(NFT_MSG_GETSETELEM), NLM_F_REQUEST, inner =>
        encodeElements(inner, { ...head, elements: [one] }),
      )
  })
  const [start, end] = wanted.map((_, i) => found(set, replies, firstSeq + i))
  if (start === undefined) return end !== undefined && isEnd(end.entry) ? 'unsure' : undefined
  const first = start.entry.key!
  if (end === undefined)
    return isOpen(start.entry) ? elementFrom(set, start.entry, first, lastKey(first.length)) : 'unsure'
  if (start.generation !== end.generation) return 'unsure'
  return elementFrom(set, start.entry, first, predecessor(end.entry.key!)!)
}

interface Found {
  readonly entry: ElementMessage
  /** Of the ruleset, modulo 2^16. */
  readonly generation: number
}

/** What was answered to a request; undefined when there is no such thing. */
function found(set: NftSet, replies: readonly NlMessage[], seq: number): Found | undefined {
  const reply = replies.find(each => each.seq === seq)
  if (reply?.type === NLMSG_ERROR) {
    const { errno, extack } = decodeError(reply)
    if (errno === ENOENT) return undefined
    throw new KernelError('nft get element', path(set), errno, { extack: extack?.message })
  }
  const entry = reply && decodeElements(reply.payload).elements?.[0]
  return entry?.key && { entry, generation: resIdOf(reply!.payload) }
}

function isEnd({ flags = 0 }: ElementMessage): boolean {
  return (flags & NFT_SET_ELEM_INTERVAL_END) !== 0
}

function lastKey(length: number): Uint8Array {
  return new Uint8Array(length).fill(0xff)
}
