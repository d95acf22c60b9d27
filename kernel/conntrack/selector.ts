// Which entries of the connection tracking table are meant, as we say it, as the kernel takes it, and compared by ourselves.
import type { ConntrackFilter } from '../../wire/conntrack/entry.js'
import type { Flow } from '../../wire/conntrack/flow.js'
import type { Tuple } from '../../wire/conntrack/tuple.js'
import type { Family, Ip } from '../../wire/ip.js'
import { familyOf } from '../../wire/route/family.js'
import { IP_PROTOCOLS, type TransportProtocol } from '../ip-protocol.js'
import { hasPort, type Ports, portRange } from '../port-range.js'

/** All that is given must hold. */
export interface ConntrackSelector {
  /** By default that of the addresses, else both. */
  readonly family?: Family | undefined
  readonly protocol?: TransportProtocol | undefined
  /** The port that was asked for, before any translation: the host's, of a mapped one. Needs a protocol. */
  readonly origPort?: Ports | undefined
  /** The address that was asked for, before any translation. */
  readonly origDst?: Ip | undefined
  /** Who answers: the container, where the connection was mapped to one. */
  readonly replySrc?: Ip | undefined
}

/** RangeError for what cannot be meant: nothing at all (which would be everything), a port of no protocol, two families. */
export function checkSelector(selector: ConntrackSelector): void {
  const { protocol, origPort, origDst, replySrc } = selector
  if (protocol === undefined && origDst === undefined && replySrc === undefined)
    throw new RangeError('a conntrack selector without a protocol or an address')
  if (origPort !== undefined && protocol === undefined)
    throw new RangeError(`a conntrack selector with port ${JSON.stringify(origPort)} and no protocol`)
  if (new Set(familiesNamed(selector)).size > 1)
    throw new RangeError(`a conntrack selector of two families: ${familiesNamed(selector).join(', ')}`)
}

/** Whether the entry is meant. */
export function selects(selector: ConntrackSelector, flow: Flow): boolean {
  const { protocol, origPort, origDst, replySrc } = selector
  const family = familyIn(selector)
  if (family !== undefined && familyOf(flow.family) !== family) return false
  if (protocol !== undefined && flow.protocol !== IP_PROTOCOLS[protocol]) return false
  if (origPort !== undefined && !hasPort(origPort, flow.origPort)) return false
  return isAddress(origDst, flow.origDst) && isAddress(replySrc, flow.replySrc)
}

/**
 * Filters by which the kernel finds exactly the entries that are meant. Undefined when it cannot: it compares the ports of TCP and UDP,
 * and of other protocols takes any port for the right one; and it takes every IPv6 address for the right one but that which is asked
 * for. A range takes a filter for every port.
 */
export function exactFilters(selector: ConntrackSelector, most: number): ConntrackFilter[] | undefined {
  const { protocol, origPort, origDst, replySrc } = selector
  const family = familyIn(selector)
  if (family === 6 && (origDst !== undefined || replySrc !== undefined)) return undefined
  const families: Family[] = family === undefined ? [4, 6] : [family]
  if (origPort === undefined) return families.map(family => filterOf(selector, family))
  if (protocol === 'sctp') return undefined
  const { from, to } = portRange(origPort)
  if ((to - from + 1) * families.length > most) return undefined
  const filters: ConntrackFilter[] = []
  for (let port = from; port <= to; port++)
    for (const family of families) filters.push(filterOf(selector, family, port))
  return filters
}

/**
 * Filters for dumps that together let pass all that is meant, and little else. Where more than one family is meant that is one dump of
 * everything, or with `apart` one for each family: the kernel takes nothing but a family where there is none.
 */
export function commonFilters(selectors: readonly ConntrackSelector[], apart: boolean): ConntrackFilter[] {
  const family = shared(selectors, familyIn)
  if (family === undefined && !apart) return [{}]
  const protocol = shared(selectors, ({ protocol }) => protocol)
  const port = shared(selectors, ({ origPort }) => (typeof origPort === 'number' ? origPort : undefined))
  const comparable = (ip: Ip | undefined) => (ip?.family === 4 ? ip : undefined)
  const common = {
    protocol,
    origDst: shared(selectors, ({ origDst }) => comparable(origDst), isSame),
    replySrc: shared(selectors, ({ replySrc }) => comparable(replySrc), isSame),
  }
  const families: Family[] = family === undefined ? [4, 6] : [family]
  return families.map(family => filterOf(common, family, protocol === 'sctp' ? undefined : port))
}

function filterOf(selector: ConntrackSelector, family: Family, port?: number): ConntrackFilter {
  const { protocol, origDst, replySrc } = selector
  const orig: Tuple = {
    ip: origDst && { dst: origDst },
    protocol: protocol && { number: IP_PROTOCOLS[protocol], dstPort: port },
  }
  return {
    family,
    orig: origDst || protocol ? orig : undefined,
    reply: replySrc && { ip: { src: replySrc } },
  }
}

function familyIn(selector: ConntrackSelector): Family | undefined {
  return selector.family ?? selector.origDst?.family ?? selector.replySrc?.family
}

function familiesNamed({ family, origDst, replySrc }: ConntrackSelector): Family[] {
  return [family, origDst?.family, replySrc?.family].filter(each => each !== undefined)
}

/** What `of` gives for each of them, if it is the same; else undefined. */
function shared<T>(
  selectors: readonly ConntrackSelector[],
  of: (selector: ConntrackSelector) => T | undefined,
  same: (a: T, b: T) => boolean = Object.is,
): T | undefined {
  const [first, ...others] = selectors.map(of)
  return first !== undefined && others.every(other => other !== undefined && same(first, other))
    ? first
    : undefined
}

function isSame(a: Ip, b: Ip): boolean {
  return a.equals(b)
}

function isAddress(wanted: Ip | undefined, bytes: Buffer | undefined): boolean {
  return wanted === undefined || bytes?.equals(wanted.bytes) === true
}
