// Reservations: whose a port of the host is. One element for each port or range of ports that is published, in one of two sets: a
// hash for the most common, single ports of any address, and a tree for ranges and for ports of one address. Each is tried
// in the other.
import { hash64 } from '../../cni/hash.js'
import { IP_PROTOCOLS } from '../../kernel/ip-protocol.js'
import type { Element } from '../../kernel/nft/element.js'
import { decodeKey, encodeKey } from '../../kernel/nft/key.js'
import { set } from '../../kernel/nft/set.js'
import { range, type Value } from '../../kernel/nft/value.js'
import { Ip } from '../../wire/ip.js'
import { agrees, describeMapping, isRange, type PortMapping } from '../portmap/mapping.js'
import { fixture } from './fixture.js'
import type { Piece } from './piece.js'
import { inetTable } from './tables.js'

/** Ports of any address of both families. */
const singles = fixture(set({ table: inetTable, name: 'reserved', type: ['inet_proto', 'inet_service'] }), [])

/**
 * Everything else, as spans of numbers of 128 bits: protocol (1 byte), port (2), family (1), address (12: an IPv4 address and zeros,
 * or the hash of an IPv6 address). No rule looks them up; they only may not overlap.
 */
const spans = fixture(set({ table: inetTable, name: 'held', type: 'ipv6_addr', flags: ['interval'] }), [])

/** So many ports are tried, at 20 us each; from there on all single ports are listed, at 6 us each. */
const MANY_PORTS = 500

export function reservationPieces(mapping: PortMapping): Piece[] {
  const { hostIp, hostPorts } = mapping
  const { first, last } = hostPorts
  const exclusive = { what: `host port ${describeMapping(mapping)}` }
  const all = spanOf(mapping, first, last)
  const wholeRange = isRange(mapping) && agrees(mapping) && hostIp === undefined
  if (wholeRange && last - first >= MANY_PORTS)
    return [{ fixture: spans, key: all, exclusive, apart: { from: singles, isIn: isWithin(mapping) } }]

  const anyHost = singlePieces(mapping).map(piece => ({ ...piece, exclusive }))
  if (hostIp === undefined && !wholeRange)
    return [...anyHost, { fixture: spans, key: all, exclusive, probe: true }]
  const own = wholeRange ? [all] : anyHost.map((_, i) => spanOf(mapping, first + i, first + i))
  return [
    ...own.map(key => ({ fixture: spans, key, exclusive })),
    ...anyHost.map(piece => ({ ...piece, probe: true as const })),
  ]
}

function isWithin({ protocol, hostPorts }: PortMapping): (single: Element) => boolean {
  return ({ key: [name, port] }) =>
    name === protocol && Number(port) >= hostPorts.first && Number(port) <= hostPorts.last
}

function singlePieces({ protocol, hostPorts: { first, last } }: PortMapping): Piece[] {
  const pieces: Piece[] = []
  for (let port = first; port <= last; port++) pieces.push({ fixture: singles, key: [protocol, port] })
  return pieces
}

/** The ports from `first` to `last`; of one address only a single one is a span. */
function spanOf({ protocol, hostIp }: PortMapping, first: number, last: number): readonly Value[] {
  const at = (port: number, rest: readonly number[]) =>
    new Ip(Uint8Array.of(IP_PROTOCOLS[protocol], port >>> 8, port & 0xff, ...rest))
  if (hostIp && !hostIp.isUnspecified()) return [at(first, addressBytes(hostIp))]
  const from = new Array<number>(13).fill(0x00)
  const to = new Array<number>(13).fill(0xff)
  if (hostIp) from[0] = to[0] = hostIp.family
  // As it is listed: as a prefix where it is one.
  return decodeKey(spans.set, encodeKey(spans.set, [range(at(first, from), at(last, to))]))
}

/** Family and address in 13 bytes. */
function addressBytes(ip: Ip): number[] {
  if (ip.family === 4) return [4, ...ip.bytes, ...new Array<number>(8).fill(0)]
  const words = [...hash64(`${ip}`), hash64(`${ip} again`)[0]]
  return [6, ...words.flatMap(word => [word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff])]
}
