// Published ports: maps from a port of the host to an address and port of a container, looked up for the first packet of a
// connection to an address of the host. Never for one that only passes through (CVE-2025-67499).
import { shortHash } from '../../cni/hash.js'
import { mapped } from '../../kernel/nft/mapped.js'
import type { Selector } from '../../kernel/nft/selector.js'
import { fib } from '../../kernel/nft/selectors/fib.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip, ip6 } from '../../kernel/nft/selectors/network.js'
import { th } from '../../kernel/nft/selectors/transport.js'
import { map, type NftSet } from '../../kernel/nft/set.js'
import type { Statement } from '../../kernel/nft/statement.js'
import { match } from '../../kernel/nft/statements/match.js'
import { dnat, type Nat } from '../../kernel/nft/statements/nat.js'
import { range } from '../../kernel/nft/value.js'
import { Ip } from '../../wire/ip.js'
import { ipv6Loopback, loopFar } from '../localhost/loop.js'
import { portFields } from '../portmap/condition-values.js'
import { parseConditions } from '../portmap/conditions.js'
import { agrees, describeMapping, isRange, type PortMapping, type Protocol } from '../portmap/mapping.js'
import { outputChain, preroutingChain } from './chains.js'
import { type FixtureRule, fixture, fixtures } from './fixture.js'
import { type Piece, pieceId } from './piece.js'
import { placeOf } from './port-place.js'
import { reservationPieces } from './reservation.js'
import { inetTable } from './tables.js'
import { trafficPieces } from './traffic.js'

export interface PortMapFacts {
  readonly kind: 'port-map'
  readonly mappings: readonly MappingFacts[]
  /** The container's address, where it has one of the family. */
  readonly to: { readonly 4?: string; readonly 6?: string }
  /** Where the network has any: whose they are, and their tokens. */
  readonly conditions?: {
    readonly network: string
    readonly 4?: readonly string[]
    readonly 6?: readonly string[]
  }
}

/** A PortMapping in JSON. */
export interface MappingFacts {
  readonly protocol: Protocol
  readonly hostIp?: string
  readonly hostPorts: { readonly first: number; readonly last: number }
  readonly containerPort: number
}

export function mappingFrom({ hostIp, ...rest }: MappingFacts): PortMapping {
  return { ...rest, ...(hostIp !== undefined && { hostIp: Ip.parse(hostIp) }) }
}

export function mappingFacts({ hostIp, ...rest }: PortMapping): MappingFacts {
  return { ...rest, ...(hostIp !== undefined && { hostIp: String(hostIp) }) }
}

/** The containers' addresses that a mapping leads to, in order of family. */
export function targetsOf({ hostIp }: PortMapping, { to }: Pick<PortMapFacts, 'to'>): Ip[] {
  return ([4, 6] as const)
    .filter(family => hostIp === undefined || hostIp.family === family)
    .map(family => to[family])
    .filter(text => text !== undefined)
    .map(text => Ip.parse(text))
}

/**
 * Reservations of both families, and the maps of those in which the container has an address. What is looked up by a port is
 * exclusive: an ADD that was killed before it was refused has elements on record that are another's.
 */
export function portMapPieces(facts: PortMapFacts): Piece[] {
  const pieces = facts.mappings.flatMap(each => {
    const mapping = mappingFrom(each)
    const exclusive = { what: `host port ${describeMapping(mapping)}` }
    return [
      ...reservationPieces(mapping),
      ...targetsOf(mapping, facts)
        .flatMap(target => [...mapPieces(mapping, target, facts), ...trafficPieces(mapping, target)])
        .map(piece => ({ ...piece, exclusive })),
    ]
  })
  return withoutRepeats(pieces)
}

/** Ports of several addresses of the host that lead to one of the container are counted together. */
function withoutRepeats(pieces: readonly Piece[]): Piece[] {
  return [...new Map(pieces.map(piece => [pieceId(piece), piece])).values()]
}

function mapPieces(mapping: PortMapping, target: Ip, { conditions }: PortMapFacts): Piece[] {
  const { protocol, hostPorts, containerPort } = mapping
  const { family } = target
  const place = placeOf(mapping)
  const tokens = conditions?.[family]
  const limits = tokens ? { network: conditions!.network, tokens } : undefined
  if (isRange(mapping) && agrees(mapping)) {
    const ranges = mapOf({ shape: 'ranges', family, protocol, ...(place && { place: `${place}` }), limits })
    return [{ fixture: ranges, key: [range(hostPorts.first, hostPorts.last)], value: [target] }]
  }
  const ports = mapOf({ shape: place ? 'hostports' : 'ports', family, limits })
  const pieces: Piece[] = []
  for (let port = hostPorts.first; port <= hostPorts.last; port++)
    pieces.push({
      fixture: ports,
      key: place ? [protocol, place, port] : [protocol, port],
      value: [target, containerPort + port - hostPorts.first],
    })
  return pieces
}

interface MapName {
  readonly shape: 'ports' | 'hostports' | 'ranges'
  readonly family: 4 | 6
  /** Of ranges. */
  readonly protocol?: Protocol
  readonly place?: string
  /** Conditions that all connections must meet which the map is looked up for. */
  readonly limits: { readonly network: string; readonly tokens: readonly string[] } | undefined
}

const mapOf = (name: MapName) => fixtureOf(JSON.stringify(name))

const fixtureOf = fixtures(text => {
  const { shape, family, protocol, place, limits } = JSON.parse(text) as MapName
  const conditions = limits && parseConditions(limits.tokens, family)
  const matches = conditions?.statements ?? []
  const suffix = conditions ? `-${shortHash(`${limits.network} ${conditions.text}`, 8)}` : ''
  const address = family === 4 ? 'ipv4_addr' : 'ipv6_addr'
  const { daddr } = family === 4 ? ip : ip6
  const rules = (statements: readonly Statement[], key: readonly Selector[], source: NftSet) =>
    rulesOf(family, statements, dnat({ family: family === 4 ? 'ip' : 'ip6', map: mapped(key, source) }))

  if (shape === 'ranges') {
    const ranges = map({
      table: inetTable,
      name: `ranges-${protocol}${family}${place ? `-${place.replaceAll(':', '_')}` : ''}${suffix}`,
      type: 'inet_service',
      flags: ['interval'],
      data: address,
    })
    // Conditions that are about another protocol never hold.
    if (conditions?.protocol !== undefined && conditions.protocol !== protocol) return fixture(ranges, [])
    const { dport } = portFields[protocol!]
    const toPlace = place ? [match(daddr, '==', Ip.parse(place))] : []
    return fixture(ranges, rules([...toPlace, ...matches], [dport], ranges))
  }

  const withPlace = shape === 'hostports'
  const ports = map({
    table: inetTable,
    name: `${shape}${family}${suffix}`,
    type: ['inet_proto', ...(withPlace ? [address] : []), 'inet_service'],
    data: [address, 'inet_service'],
  })
  // Where conditions are about one protocol, nft calls the field by its name.
  const { dport } = conditions?.protocol ? portFields[conditions.protocol] : th
  return fixture(ports, rules(matches, [meta('l4proto'), ...(withPlace ? [daddr] : []), dport], ports))
})

/** For what comes in, for what the host sends, and for its connections to [::1] when they come in by the loop. */
function rulesOf(family: 4 | 6, conditions: readonly Statement[], nat: Nat): FixtureRule[] {
  const ofFamily = match(meta('nfproto'), '==', family === 4 ? 'ipv4' : 'ipv6')
  const toHost = match(fib('daddr', 'type'), '==', 'local')
  const rules: FixtureRule[] = [
    { chain: preroutingChain, statements: [ofFamily, toHost, ...conditions, nat] },
  ]
  if (family === 4)
    return [...rules, { chain: outputChain, statements: [ofFamily, toHost, ...conditions, nat] }]
  const notLooped = match(ip6.daddr, '!=', ipv6Loopback)
  const looped = match(meta('iifname'), '==', loopFar.name)
  return [
    ...rules,
    { chain: outputChain, statements: [notLooped, toHost, ...conditions, nat] },
    { chain: preroutingChain, statements: [ofFamily, looped, ...conditions, nat] },
  ]
}
