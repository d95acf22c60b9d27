// Ranges of addresses and sets of them: defaults, and the rules that make a set one to allocate from.
// A set is a pool of one family; every set of a configuration gives one address to an attachment.
import { CniCode, CniError } from '../../cni/error.js'
import type { Ip, Prefix } from '../../wire/ip.js'
import { isMapped } from '../addresses.js'

/** A range as configured; `key` is where its keys stand in the configuration, for errors: 'ipam.ranges[0][1].'. */
export interface RangeKeys {
  readonly key: string
  readonly subnet: Prefix
  readonly rangeStart?: Ip | undefined
  readonly rangeEnd?: Ip | undefined
  readonly gateway?: Ip | undefined
}

/** A part of a subnet: `start` to `end`, both included. `gateway` is never allocated. */
export interface Range {
  readonly subnet: Prefix
  readonly start: Ip
  readonly end: Ip
  readonly gateway: Ip
}

export interface RangeSet {
  readonly key: string
  readonly ranges: readonly Range[]
}

export function rangeContains(range: Range, ip: Ip): boolean {
  return ip.family === range.start.family && ip.compare(range.start) >= 0 && ip.compare(range.end) <= 0
}

/** The range of `set` that holds `ip`. */
export function rangeOf(set: RangeSet, ip: Ip): Range | undefined {
  return set.ranges.find(range => rangeContains(range, ip))
}

export function describeSet(set: RangeSet): string {
  return set.ranges.map(describe).join(', ')
}

function describe(range: Range): string {
  return `${range.start}-${range.end}`
}

/**
 * Fills in what a range leaves out: the gateway is the subnet's first address, the range goes from there (the
 * gateway is skipped) to the last address, in IPv4 to the one before the broadcast address.
 * Throws CniError 7 naming key and value.
 */
export function resolveRange(keys: RangeKeys): Range {
  const { subnet } = keys
  const network = subnet.first()
  if (!subnet.ip.equals(network))
    throw invalid(`${keys.key}subnet`, `${subnet} has host bits set, the network is ${subnet.network()}`)
  if (isMapped(network)) throw invalid(`${keys.key}subnet`, `${subnet} is IPv4 mapped into IPv6`)
  if (subnet.length > network.bytes.length * 8 - 2)
    throw invalid(`${keys.key}subnet`, `Network ${subnet} too small to allocate from`)

  const inside = (key: string, ip: Ip | undefined): void => {
    if (ip !== undefined && !subnet.contains(ip))
      throw invalid(keys.key + key, `${ip} is not in network ${subnet}`)
  }
  inside('rangeStart', keys.rangeStart)
  inside('rangeEnd', keys.rangeEnd)
  // A link-local gateway is on-link everywhere (169.254.1.1, fe80::1): the one kind that may stand outside.
  if (keys.gateway?.family !== subnet.family || !keys.gateway.isLinkLocal()) inside('gateway', keys.gateway)

  const start = keys.rangeStart ?? network.add(1)
  const end = keys.rangeEnd ?? (subnet.family === 4 ? subnet.last().add(-1) : subnet.last())
  if (start.compare(end) > 0) {
    const key = keys.rangeStart === undefined ? 'rangeEnd' : 'rangeStart'
    throw invalid(keys.key + key, `the range would start at ${start} and end before it, at ${end}`)
  }
  return { subnet, start, end, gateway: keys.gateway ?? network.add(1) }
}

/** Refuses empty sets, mixed families and overlaps, within a set and between sets. Throws CniError 7. */
export function checkRangeSets(sets: readonly RangeSet[]): void {
  for (const set of sets) checkRangeSet(set)
  for (const [i, a] of sets.entries())
    for (const [j, b] of sets.slice(0, i).entries()) {
      const clash = firstOverlap(b.ranges, a.ranges)
      if (clash)
        throw invalid(
          a.key,
          `range set ${j} overlaps with ${i}: ${b.key} has ${describe(clash[0])}, ${a.key} has ${describe(clash[1])}`,
        )
    }
}

function checkRangeSet(set: RangeSet): void {
  const first = set.ranges[0]
  if (first === undefined) throw invalid(set.key, 'empty range set')
  for (const [i, range] of set.ranges.entries()) {
    if (range.subnet.family !== first.subnet.family)
      throw invalid(set.key, `mixed address families: ${first.subnet} and ${range.subnet}`)
    const clash = firstOverlap(set.ranges.slice(0, i), [range])
    if (clash) throw invalid(set.key, `subnets ${describe(clash[0])} and ${describe(clash[1])} overlap`)
  }
}

function firstOverlap(some: readonly Range[], others: readonly Range[]): [Range, Range] | undefined {
  for (const a of some)
    for (const b of others)
      if (a.start.family === b.start.family && a.start.compare(b.end) <= 0 && b.start.compare(a.end) <= 0)
        return [a, b]
  return undefined
}

function invalid(key: string, why: string): CniError {
  return new CniError(CniCode.invalidConfig, `invalid value for ${JSON.stringify(key)}: ${why}`)
}
