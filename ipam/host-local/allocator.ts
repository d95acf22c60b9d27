// Which address is next: round robin from the last one reserved, over the ranges of a set. Pure.
//
// Addresses are looked at 65,536 at a time: those that differ in their last two bytes only are a *chunk*.
import { Ip } from '../../wire/ip.js'
import { type Range, type RangeSet, rangeContains } from './range.js'

/** What is taken, asked by chunk. `chunk` is the chunk's first address (last two bytes zero). */
export interface Occupancy {
  /** The first free place from `low` to `high` (both included, 0..65535), or -1. */
  firstFree(chunk: Ip, low: number, high: number): number
}

export interface Candidate {
  readonly ip: Ip
  readonly range: Range
}

/**
 * The first free address after `last`, going through the ranges in order, around at their end, and up to `last`
 * itself. Without a `last` inside the set it begins with the first range. Gateways of the set are passed over.
 * Undefined when the set is exhausted.
 */
export function nextFree(set: RangeSet, last: Ip | undefined, occupancy: Occupancy): Candidate | undefined {
  for (const [range, from, to] of segments(set.ranges, last)) {
    const ip = firstFreeBetween(set, from, to, occupancy)
    if (ip !== undefined) return { ip, range }
  }
  return undefined
}

/** The set's ranges in the order of search, the one that holds `last` cut in two. */
function segments(ranges: readonly Range[], last: Ip | undefined): [Range, Ip, Ip][] {
  const at = last === undefined ? -1 : ranges.findIndex(range => rangeContains(range, last))
  const cut = ranges[at]
  if (last === undefined || cut === undefined) return ranges.map(range => [range, range.start, range.end])
  const whole = [...ranges.slice(at + 1), ...ranges.slice(0, at)]
  const order: [Range, Ip, Ip][] = whole.map(range => [range, range.start, range.end])
  if (!last.equals(cut.end)) order.unshift([cut, last.add(1), cut.end])
  order.push([cut, cut.start, last])
  return order
}

function firstFreeBetween(set: RangeSet, from: Ip, to: Ip, occupancy: Occupancy): Ip | undefined {
  const lastChunk = chunkOf(to)
  let low = placeOf(from)
  for (let chunk = chunkOf(from); ; chunk = chunk.add(0x10000), low = 0) {
    const isLast = chunk.equals(lastChunk)
    const high = isLast ? placeOf(to) : 0xffff
    while (low <= high) {
      const place = occupancy.firstFree(chunk, low, high)
      if (place < 0) break
      const ip = at(chunk, place)
      if (!set.ranges.some(range => range.gateway.equals(ip))) return ip
      low = place + 1
    }
    if (isLast) return undefined
  }
}

/** The chunk of an address, as its first address. */
export function chunkOf(ip: Ip): Ip {
  return at(ip, 0)
}

/** An address's place in its chunk, 0..65535. */
export function placeOf(ip: Ip): number {
  const { bytes } = ip
  return (bytes[bytes.length - 2]! << 8) | bytes[bytes.length - 1]!
}

function at(chunk: Ip, place: number): Ip {
  const bytes = Uint8Array.from(chunk.bytes)
  bytes[bytes.length - 2] = place >> 8
  bytes[bytes.length - 1] = place & 0xff
  return new Ip(bytes)
}
