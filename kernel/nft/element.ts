// Elements of sets and maps.
import { NFT_SET_ELEM_CATCHALL, NFT_SET_ELEM_INTERVAL_END } from '../../wire/nft/constants.js'
import { isVerdict } from '../../wire/nft/data.js'
import type { ElementMessage, ElementsMessage } from '../../wire/nft/element.js'
import {
  encodeUserdata,
  NFTNL_SET_ELEM_F_INTERVAL_OPEN,
  NFTNL_UDATA_COMMENT,
  NFTNL_UDATA_SET_ELEM_FLAGS,
  stringEntry,
  u32Entry,
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
import { checkComment, commentFrom, commentText, duration, quoted } from './text.js'
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
}

export interface ElementOptions {
  readonly set: NftSet
  readonly key: Value | readonly Value[]
  readonly value?: ElementValue | Scalar
  readonly comment?: string
  readonly timeout?: number
  readonly expires?: number
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

/** One message for some elements of one set. `setId` names a set made in the same batch. */
export function elementsMessage(
  set: NftSet,
  elements: readonly ElementMessage[],
  setId?: number,
): ElementsMessage {
  return {
    family: familyNumber(set.table.family),
    table: set.table.name,
    set: set.name,
    ...(setId !== undefined && { setId }),
    elements,
  }
}

/** What one element is to the kernel: in interval sets of one type, a start and mostly an end. */
export function elementMessages(element: Element): ElementMessage[] {
  const { set, timeout, expires } = element
  const { first, last } = encodeKey(set, element.key)
  const pairs = isInterval(set) && !isConcat(set)
  const end = pairs ? successor(last) : undefined
  const userdata = userdataOf(element, pairs && end === undefined)
  const start: ElementMessage = {
    key: first,
    ...(isInterval(set) && isConcat(set) && { keyEnd: last }),
    ...(timeout !== undefined && { timeout: BigInt(timeout) }),
    ...(expires !== undefined && { expiration: BigInt(expires) }),
    ...dataOf(element),
    ...(userdata && { userdata }),
  }
  return end === undefined ? [start] : [start, { flags: NFT_SET_ELEM_INTERVAL_END, key: end }]
}

/** What identifies an element, for deleting and finding it. */
export function keyMessages(element: Element): ElementMessage[] {
  return elementMessages({ kind: 'element', set: element.set, key: element.key })
}

function dataOf({ set: { data }, value }: Element): Partial<ElementMessage> {
  if (value === undefined) return {}
  if (typeof value === 'string') return { objref: value }
  if ('verdict' in value) return { data: verdictData(value) }
  return { data: encodeValues(data as readonly Datatype[], value) }
}

function userdataOf({ comment }: Element, open: boolean): Uint8Array | undefined {
  if (comment === undefined && !open) return undefined
  const entries = []
  if (comment !== undefined) entries.push(stringEntry(NFTNL_UDATA_COMMENT, comment))
  if (open) entries.push(u32Entry(NFTNL_UDATA_SET_ELEM_FLAGS, NFTNL_SET_ELEM_F_INTERVAL_OPEN))
  return encodeUserdata(entries)
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

function elementFrom(set: NftSet, message: ElementMessage, first: Uint8Array, last: Uint8Array): Element {
  const value = valueFrom(set, message)
  return {
    kind: 'element',
    set,
    key: decodeKey(set, { first, last }),
    ...(value !== undefined && { value }),
    ...commentFrom(message.userdata, NFTNL_UDATA_COMMENT),
    ...(message.timeout !== undefined && { timeout: Number(message.timeout) }),
    ...(message.expiration !== undefined && { expires: Number(message.expiration) }),
  }
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

/** `10.1.2.3 . 80 timeout 30s comment "x" : accept` */
export function printElement({ set, key, value, comment, timeout, expires }: Element): string {
  if (key.length !== set.key.length)
    throw new RangeError(`${key.length} values for the ${set.key.length} of set ${set.name}`)
  let text = key.map((part, i) => printValue(set.key[i]!, part)).join(' . ')
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
