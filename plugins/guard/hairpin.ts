// Masquerading of connections to published ports whose answers would not come back by the way they went: from the container's own
// subnet (the container itself among them) and from the host's 127.0.0.0/8; and, where `masqAll` asks for it, of all.
import { ct } from '../../kernel/nft/selectors/ct.js'
import { ip, ip6 } from '../../kernel/nft/selectors/network.js'
import { set } from '../../kernel/nft/set.js'
import { match } from '../../kernel/nft/statements/match.js'
import { masquerade } from '../../kernel/nft/statements/nat.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { postroutingChain } from './chains.js'
import { fixture, fixtures } from './fixture.js'
import { nameOf } from './masquerade.js'
import type { Piece } from './piece.js'
import { inetTable } from './tables.js'

export interface HairpinFacts {
  readonly kind: 'hairpin'
  /** With the length of its subnet. */
  readonly address: string
}

export interface MasqueradeAllFacts {
  readonly kind: 'masquerade-all'
  readonly address: string
}

const mapped = match(ct('status'), 'any', 'dnat')
const loopback = Prefix.parse('127.0.0.0/8')
const selectors = { 4: ip, 6: ip6 } as const
const addressTypes = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const

const withinSubnet = fixtures(text => {
  const subnet = Prefix.parse(text)
  const { family } = subnet
  const { saddr, daddr } = selectors[family]
  const containers = set({
    table: inetTable,
    name: `hairpin${family}-${nameOf(subnet)}`,
    type: addressTypes[family],
  })
  const local = family === 4 ? match(saddr, 'in', [loopback, subnet]) : match(saddr, '==', subnet)
  return fixture(containers, [
    {
      chain: postroutingChain,
      statements: [mapped, local, match(daddr, 'in', containers), masquerade()],
    },
  ])
})

/** Where each container is a subnet of its own, a rule for each would be too many. Pairs of an address and itself. */
const toItself = fixtures<'4' | '6'>(key => {
  const family = key === '4' ? 4 : 6
  const { saddr, daddr } = selectors[family]
  const pairs = set({
    table: inetTable,
    name: `hairpin${family}-self`,
    type: [addressTypes[family], addressTypes[family]],
  })
  return fixture(pairs, [
    {
      chain: postroutingChain,
      statements: [mapped, match([saddr, daddr], 'in', pairs), masquerade()],
    },
  ])
})

const containersOf = (name: string, family: 4 | 6) =>
  set({ table: inetTable, name, type: addressTypes[family] })

const fromLoopback = containersOf('hairpin4-loopback', 4)

const loopbackOnly = fixture(fromLoopback, [
  {
    chain: postroutingChain,
    statements: [mapped, match(ip.saddr, '==', loopback), match(ip.daddr, 'in', fromLoopback), masquerade()],
  },
])

export function hairpinPieces({ address }: HairpinFacts): Piece[] {
  const prefix = Prefix.parse(address)
  const { ip, family } = prefix
  if (prefix.length < ip.bytes.length * 8)
    return [{ fixture: withinSubnet(String(prefix.network())), key: [ip] }]
  return [
    { fixture: toItself(`${family}`), key: [ip, ip] },
    ...(family === 4 ? [{ fixture: loopbackOnly, key: [ip] }] : []),
  ]
}

const masqueradedAll = fixtures<'4' | '6'>(key => {
  const family = key === '4' ? 4 : 6
  const containers = containersOf(`masqall${family}`, family)
  return fixture(containers, [
    {
      chain: postroutingChain,
      statements: [mapped, match(selectors[family].daddr, 'in', containers), masquerade()],
    },
  ])
})

export function masqueradeAllPieces({ address }: MasqueradeAllFacts): Piece[] {
  const ip = Ip.parse(address)
  return [{ fixture: masqueradedAll(`${ip.family}`), key: [ip] }]
}
