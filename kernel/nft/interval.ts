// The interval around a key, found by the kernel in its tree, as nft's `get element` asks for it.
// net/netfilter/nft_set_rbtree.c (v6.18), __nft_rbtree_get: a key finds the start at or below it, unless an end comes
// between; with NFT_SET_ELEM_INTERVAL_END it finds the end above it. A key at which one interval ends and another starts
// finds either end, as the tree happens to lie: only keys inside an interval are asked for its end.
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
  const next = successor(key)
  const keys = next === undefined ? [key] : [key, next]
  const wanted = keys.flatMap((key): ElementMessage[] => [{ key }, { key, flags: NFT_SET_ELEM_INTERVAL_END }])
  const head = elementsHead(set)
  const { firstSeq, replies } = connection.batch('nft get element', path(set), w => {
    for (const one of wanted)
      w.message(nftType(NFT_MSG_GETSETELEM), NLM_F_REQUEST, inner =>
        encodeElements(inner, { ...head, elements: [one] }),
      )
  })
  const answers = wanted.map((_, i) => found(set, replies, firstSeq + i))
  const generations = new Set(answers.flatMap(answer => answer?.generation ?? []))
  if (generations.size > 1) return 'unsure'
  const [start, end, nextStart, nextEnd] = answers.map(answer => answer?.entry)
  if (start === undefined) return end !== undefined && isAbove(end, key) ? 'unsure' : undefined
  const first = start.key!
  const made = (last: Uint8Array) => elementFrom(set, start, first, last)
  // The end that a key inside the interval finds; none is above the last key.
  const upTo = (end: ElementMessage | undefined) => {
    if (end !== undefined) return isAbove(end, key) ? made(predecessor(end.key!)!) : 'unsure'
    return isOpen(start) ? made(new Uint8Array(first.length).fill(0xff)) : 'unsure'
  }
  if (!isAt(start, key)) return upTo(end)
  // At the start itself: the next key is inside the same interval, or it is behind it, where another may start.
  if (next === undefined) return made(key)
  if (nextStart === undefined) return nextEnd !== undefined && isAt(nextEnd, next) ? made(key) : 'unsure'
  return isAt(nextStart, next) ? made(key) : upTo(nextEnd)
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

function isAt({ key }: ElementMessage, at: Uint8Array): boolean {
  return Buffer.compare(key!, at) === 0
}

function isAbove(end: ElementMessage, key: Uint8Array): boolean {
  return Buffer.compare(end.key!, key) > 0
}
