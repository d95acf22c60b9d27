// Masquerading: what a container sends to anywhere but its own subnet leaves with the host's address. See ADR 4.
import { ip, ip6 } from '../../kernel/nft/selectors/network.js'
import { set } from '../../kernel/nft/set.js'
import { match } from '../../kernel/nft/statements/match.js'
import { masquerade } from '../../kernel/nft/statements/nat.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { postroutingChain } from './chains.js'
import { fixture, fixtures } from './fixture.js'
import type { Piece } from './piece.js'
import { inetTable } from './tables.js'

export interface MasqueradeFacts {
  readonly kind: 'masquerade'
  readonly subnet: string
  readonly address: string
}

export function masqueradePieces({ subnet, address }: MasqueradeFacts): Piece[] {
  return [{ fixture: masqueraded(subnet), key: [Ip.parse(address)] }]
}

const multicast = { 4: Prefix.parse('224.0.0.0/4'), 6: Prefix.parse('ff00::/8') } as const

const masqueraded = fixtures(text => {
  const subnet = Prefix.parse(text)
  const { family } = subnet
  const { saddr, daddr } = family === 4 ? ip : ip6
  const sources = set({
    table: inetTable,
    name: `masq${family}-${nameOf(subnet)}`,
    type: family === 4 ? 'ipv4_addr' : 'ipv6_addr',
  })
  return fixture(sources, [
    {
      chain: postroutingChain,
      statements: [
        match(saddr, 'in', sources),
        match(daddr, 'not in', [subnet, multicast[family]]),
        masquerade(),
      ],
    },
  ])
})

/** A subnet in the name of a set: nft takes neither ':' nor, unquoted, '/' there. */
export function nameOf(subnet: Prefix): string {
  return `${subnet.first()}-${subnet.length}`.replaceAll(':', '_')
}
