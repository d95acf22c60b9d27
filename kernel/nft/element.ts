// Elements of sets and maps.
import { NFT_SET_ELEM_CATCHALL, NFT_SET_ELEM_INTERVAL_END } from '../../wire/nft/constants.js'
import { isVerdict } from '../../wire/nft/data.js'
import type { ElementMessage, ElementsHead } from '../../wire/nft/element.js'
import {
  encodeUserdata,
  NFTNL_SET_ELEM_F_INTERVAL_OPEN,
  NFTNL_UDATA_COMMENT,
  NFTNL_UDATA_SET_ELEM_FLAGS,
  stringEntry,
  u32Entry,
  u32In,
} from '../../wire/nft/userdata.js'
import type { Datatype } from './datatype.js'
import { familyNumber } from './family.js'
import {
  decodeKey,
  decodeValues,
  encodeKey,
  encodeValues,
  predecessor,
  printValue,
  successor,
} from './key.js'
import { isConcat, isInterval, type NftSet } from './set.js'
import { printVerdict, type Verdict, verdictData, verdictFrom } from './statements/verdict.js'
import { checkComment, commentFrom, commentText, duration, quoted, readUserdata } from './text.js'
import { describe, type Scalar, type Value } from './value.js'

/** What a map has for a key: values of its types, a verdict, or the name of an object. */
export type ElementValue = readonly Scalar[] | Verdict | string

/** Made by `element`; what `list` returns is in canonical form. */
export interface Element {
  readonly kind: 'element'
  readonly set: NftSet
  /** One value for each type of the set. */
  readonly key: readonly Value[]
  /** Of elements of maps. */
  readonly value?: ElementValue
  readonly comment?: string
  /** In milliseconds. */
  readonly timeout?: number
  /** What is left of the timeout, in milliseconds. */
  readonly expires?: number
  /** Of sets that count, what has been looked up so far. */
  readonly counter?: ElementCounter
}

export interface ElementCounter {
  readonly packets: bigint
  readonly bytes: bigint
}

export interface ElementOptions {
  readonly set: NftSet
  readonly key: Value | readonly Value[]
  readonly value?: ElementValue | Scalar
  readonly comment?: string
  readonly timeout?: number
  readonly expires?: number
  /** What to count from on, in sets that count; absent is nothing. */
  readonly counter?: ElementCounter
}

/** An element. Whether its values fit the set is found out when it is sent or printed (RangeError). */
export function element({ set, key, value, comment, ...times }: ElementOptions): Element {
  return {
    kind: 'element',
    set,
    key: isList(key) ? key : [key],
    ...(value !== undefined && { value: valueOfMap(set, value) }),
    ...(comment !== undefined && { comment: checkComment(comment) }),
    ...times,
  }
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value)
}

function valueOfMap({ name, data }: NftSet, value: ElementValue | Scalar): ElementValue {
  if (data === undefined) throw new RangeError(`a value for set ${name}, which is no map`)
  if (data === 'verdict') {
    if (typeof value !== 'object' || !('verdict' in value))
      throw new RangeError(`no verdict: ${describe(value)}`)
    return value
  }
  if (typeof data === 'string') {
    if (typeof value !== 'string') throw new RangeError(`not a name of a ${data}: ${describe(value)}`)
    return value
  }
  return isList(value as Scalar) ? (value as readonly Scalar[]) : [value as Scalar]
}

/** What a message of elements says of their set. `setId` names a set made in the same batch. */
export function elementsHead({ table, name }: NftSet, setId?: number): ElementsHead {
  const family = familyNumber(table.family)
  if (setId === undefined) return { family, table: table.name, set: name }
  return { family, table: table.name, set: name, setId }
}

/**
 * What one element is to the kernel: in interval sets of one type, a start and mostly an end. An interval up to the last key
 * has none, and the kernel (v6.18) does not notice when such a one overlaps others that start within it.
 */
export function elementMessages(element: Element): ElementMessage[] {
  const { set, comment, timeout, expires, value, counter } = element
  const { first, last } = encodeKey(set, element.key)
  const spans = isInterval(set)
  const pairs = spans && !isConcat(set)
  const end = pairs ? successor(last) : undefined
  const userdata = userdataOf(comment, pairs && end === undefined)
  const start: Writable<ElementMessage> = { key: first }
  if (spans && !pairs) start.keyEnd = last
  if (timeout !== undefined) start.timeout = BigInt(timeout)
  if (expires !== undefined) start.expiration = BigInt(expires)
  if (value !== undefined) setValue(start, set, value)
  if (counter !== undefined) start.expr = { kind: 'counter', ...counter }
  if (userdata !== undefined) start.userdata = userdata
  return end === undefined ? [start] : [start, { flags: NFT_SET_ELEM_INTERVAL_END, key: end }]
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** What identifies an element, for deleting and finding it. */
export function keyMessages(element: Element): ElementMessage[] {
  return elementMessages({ kind: 'element', set: element.set, key: element.key })
}

function setValue(message: Writable<ElementMessage>, { data }: NftSet, value: ElementValue): void {
  if (typeof value === 'string') message.objref = value
  else if ('verdict' in value) message.data = verdictData(value)
  else message.data = encodeValues(data as readonly Datatype[], value)
}

/** Elements that are made together mostly have one comment: their owner's name. */
let lastComment: { readonly text: string; readonly userdata: Uint8Array } | undefined

function userdataOf(comment: string | undefined, open: boolean): Uint8Array | undefined {
  if (open) {
    const entries = comment === undefined ? [] : [stringEntry(NFTNL_UDATA_COMMENT, comment)]
    return encodeUserdata([...entries, u32Entry(NFTNL_UDATA_SET_ELEM_FLAGS, NFTNL_SET_ELEM_F_INTERVAL_OPEN)])
  }
  if (comment === undefined) return undefined
  if (lastComment?.text !== comment)
    lastComment = { text: comment, userdata: encodeUserdata([stringEntry(NFTNL_UDATA_COMMENT, comment)]) }
  return lastComment.userdata
}

/** Whether a start says that nothing ends its interval: it goes up to the last key. */
export function isOpen({ userdata }: ElementMessage): boolean {
  const flags = u32In(readUserdata(userdata), NFTNL_UDATA_SET_ELEM_FLAGS) ?? 0
  return (flags & NFTNL_SET_ELEM_F_INTERVAL_OPEN) !== 0
}

/** The elements that the kernel describes, in the order of their keys where they are intervals. */
export function elementsFrom(set: NftSet, messages: readonly ElementMessage[]): Element[] {
  const keyed = messages.filter(
    ({ key, flags = 0 }) => key !== undefined && (flags & NFT_SET_ELEM_CATCHALL) === 0,
  )
  if (!isInterval(set) || isConcat(set))
    return keyed.map(message => elementFrom(set, message, message.key!, message.keyEnd ?? message.key!))
  // An end sorts before the start of the interval that begins there.
  const isEnd = ({ flags = 0 }: ElementMessage) => ((flags & NFT_SET_ELEM_INTERVAL_END) !== 0 ? 0 : 1)
  const sorted = keyed.toSorted((a, b) => Buffer.compare(a.key!, b.key!) || isEnd(a) - isEnd(b))
  const elements: Element[] = []
  for (let i = 0; i < sorted.length; i++) {
    const start = sorted[i]!
    if (isEnd(start) === 0) continue
    const behind = sorted[i + 1]?.key
    const last = behind === undefined ? new Uint8Array(start.key!.length).fill(0xff) : predecessor(behind)
    elements.push(elementFrom(set, start, start.key!, last ?? start.key!))
  }
  return elements
}

/** The element of a start, or of a key that stands for itself. */
export function elementFrom(
  set: NftSet,
  message: ElementMessage,
  first: Uint8Array,
  last: Uint8Array,
): Element {
  const value = valueFrom(set, message)
  return {
    kind: 'element',
    set,
    key: decodeKey(set, { first, last }),
    ...(value !== undefined && { value }),
    ...commentFrom(message.userdata, NFTNL_UDATA_COMMENT),
    ...(message.timeout !== undefined && { timeout: Number(message.timeout) }),
    ...(message.expiration !== undefined && { expires: Number(message.expiration) }),
    ...counterOf(message),
  }
}

function counterOf({ expr, exprs }: ElementMessage): { counter?: ElementCounter } {
  const found = expr?.kind === 'counter' ? expr : exprs?.find(each => each.kind === 'counter')
  return found === undefined ? {} : { counter: { packets: found.packets ?? 0n, bytes: found.bytes ?? 0n } }
}

function valueFrom({ data }: NftSet, message: ElementMessage): ElementValue | undefined {
  if (message.objref !== undefined) return message.objref
  if (message.data === undefined) return undefined
  if (isVerdict(message.data)) return verdictFrom(message.data)
  return data === undefined || typeof data === 'string' ? undefined : decodeValues(data, message.data)
}

/** `10.1.2.3 . 80`: the same for keys of the same bytes. */
export function keyText({ set, key }: Element): string {
  const canonical = decodeKey(set, encodeKey(set, key))
  return canonical.map((part, i) => printValue(set.key[i]!, part)).join(' . ')
}

/** `10.1.2.3 . 80 counter packets 5 bytes 300 timeout 30s comment "x" : accept` */
export function printElement({ set, key, value, comment, timeout, expires, counter }: Element): string {
  if (key.length !== set.key.length)
    throw new RangeError(`${key.length} values for the ${set.key.length} of set ${set.name}`)
  let text = key.map((part, i) => printValue(set.key[i]!, part)).join(' . ')
  if (counter !== undefined) text += ` counter packets ${counter.packets} bytes ${counter.bytes}`
  if (timeout !== undefined) text += ` timeout ${duration(timeout)}`
  if (expires !== undefined) text += ` expires ${duration(expires)}`
  text += commentText(comment)
  return value === undefined ? text : `${text} : ${printElementValue(set, value)}`
}

function printElementValue({ data }: NftSet, value: ElementValue): string {
  if (typeof value === 'string') return quoted(value)
  if ('verdict' in value) return printVerdict(value)
  const types = typeof data === 'string' ? undefined : data
  return value.map((part, i) => (types?.[i] ? types[i].print(part) : String(part))).join(' . ')
}
