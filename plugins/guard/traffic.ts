// Counters of published ports: packets and bytes in both directions, of all connections that were led to the container.
import { chain } from '../../kernel/nft/chain.js'
import type { Element } from '../../kernel/nft/element.js'
import { ct } from '../../kernel/nft/selectors/ct.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { type NftSet, set } from '../../kernel/nft/set.js'
import { match } from '../../kernel/nft/statements/match.js'
import { range } from '../../kernel/nft/value.js'
import { Ip } from '../../wire/ip.js'
import { ipv6Loopback } from '../localhost/loop.js'
import { agrees, isRange, type PortMapping, type Protocol } from '../portmap/mapping.js'
import { type Fixture, type FixtureRule, fixture, fixtures } from './fixture.js'
import type { Piece } from './piece.js'
import { placeOf } from './port-place.js'
import { inetTable } from './tables.js'

/** NF_IP_PRI_FILTER (linux/netfilter_ipv4.h): after destinations are rewritten, before sources are. */
const NF_IP_PRI_FILTER = 0

/** What leaves the host, or goes on to a container: to the container, and its answers to others. */
const leaving = chain({
  table: inetTable,
  name: 'leaving',
  type: 'filter',
  hook: 'postrouting',
  priority: NF_IP_PRI_FILTER,
})

/** Answers to the host itself. */
const arriving = chain({
  table: inetTable,
  name: 'arriving',
  type: 'filter',
  hook: 'input',
  priority: NF_IP_PRI_FILTER,
})

/** Of a connection, as conntrack calls it: `original` is towards the container. */
export const directions = ['original', 'reply'] as const

export type Direction = (typeof directions)[number]

const nfproto = { 4: 'ipv4', 6: 'ipv6' } as const
const mapped = match(ct('status'), 'any', 'dnat')
const publishedPort = ct('proto-dst', 'original')

const everywhere = (statements: FixtureRule['statements']): FixtureRule[] =>
  [leaving, arriving].map(chain => ({ chain, statements }))

/** Direction, protocol, host port, container: of single ports. */
function singles(family: 4 | 6): Fixture {
  const addressType = family === 4 ? 'ipv4_addr' : 'ipv6_addr'
  const counters = set({
    table: inetTable,
    name: `traffic${family}`,
    type: ['ct_dir', 'inet_proto', 'inet_service', addressType],
    counter: true,
  })
  const container = ct(family === 4 ? 'ip saddr' : 'ip6 saddr', 'reply')
  return fixture(
    counters,
    everywhere([
      mapped,
      match(meta('nfproto'), '==', nfproto[family]),
      match([ct('direction'), meta('l4proto'), publishedPort, container], 'in', counters),
    ]),
  )
}

const singleTraffic = { 4: singles(4), 6: singles(6) } as const

/** Ranges of host ports, of one protocol and direction, of one address or any: `tcp 4 original`, `udp 6 reply 2001:db8::1` */
const rangeTraffic = fixtures(text => {
  const [protocol, family, direction, hostIp] = text.split(' ') as [Protocol, '4' | '6', Direction, string?]
  const counters = set({
    table: inetTable,
    name: `traffic-${protocol}${family}-${direction}${hostIp ? `-${hostIp.replaceAll(':', '_')}` : ''}`,
    type: 'inet_service',
    flags: ['interval'],
    counter: true,
  })
  const original = ct(family === '4' ? 'ip daddr' : 'ip6 daddr', 'original')
  return fixture(
    counters,
    everywhere([
      mapped,
      match(meta('nfproto'), '==', nfproto[family]),
      match(meta('l4proto'), '==', protocol),
      match(ct('direction'), '==', direction),
      ...(hostIp ? [match(original, '==', Ip.parse(hostIp))] : []),
      // On their way over the loop, local connections to [::1] come by twice.
      ...(family === '6' && !hostIp ? [match(original, '!=', ipv6Loopback)] : []),
      match(publishedPort, 'in', counters),
    ]),
  )
})

/** The counters of a mapping to a container. */
export function trafficPieces(mapping: PortMapping, container: Ip): Piece[] {
  return directions.flatMap(direction =>
    isRange(mapping) && agrees(mapping)
      ? [rangePiece(mapping, direction, container.family, placeOf(mapping))]
      : singlePieces(mapping, direction, container),
  )
}

function rangePiece(
  { protocol, hostPorts }: PortMapping,
  direction: Direction,
  family: 4 | 6,
  place: Ip | undefined,
): Piece {
  const name = `${protocol} ${family} ${direction}${place ? ` ${place}` : ''}`
  return { fixture: rangeTraffic(name), key: [range(hostPorts.first, hostPorts.last)] }
}

function singlePieces({ protocol, hostPorts }: PortMapping, direction: Direction, container: Ip): Piece[] {
  const pieces: Piece[] = []
  for (let port = hostPorts.first; port <= hostPorts.last; port++)
    pieces.push({ fixture: singleTraffic[container.family], key: [direction, protocol, port, container] })
  return pieces
}

/** Whether a set holds counters of published ports. */
export function isTrafficSet({ name }: NftSet): boolean {
  return /^traffic[46]$|^traffic-/.test(name)
}

/** Which way an element of a traffic set counts. */
export function directionOf({ set, key }: Element): Direction {
  const direction = set.key.length > 1 ? key[0] : set.name.split('-')[2]
  return direction === 'reply' ? 'reply' : 'original'
}
