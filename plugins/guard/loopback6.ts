// The host's own connections to a port that is published on [::1]: they are sent round the loop (localhost/loop.ts), on which the
// constants T and P stand for ::1 as destination and source, and come in like connections of others. See ADR 7.
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip6 } from '../../kernel/nft/selectors/network.js'
import { th } from '../../kernel/nft/selectors/transport.js'
import { type NftSet, set } from '../../kernel/nft/set.js'
import type { Match } from '../../kernel/nft/statements/match.js'
import { match } from '../../kernel/nft/statements/match.js'
import { dnat, masquerade, snat } from '../../kernel/nft/statements/nat.js'
import { reject } from '../../kernel/nft/statements/reject.js'
import { drop } from '../../kernel/nft/statements/verdict.js'
import { range } from '../../kernel/nft/value.js'
import { ipv6Loopback, loopFar, loopNear, loopSource, loopTarget } from '../localhost/loop.js'
import { portFields } from '../portmap/condition-values.js'
import type { Protocol } from '../portmap/mapping.js'
import { forwardChain, outputChain, postroutingChain, rawChain } from './chains.js'
import { type Fixture, fixture, fixtures } from './fixture.js'
import type { Piece } from './piece.js'
import { inetTable } from './tables.js'

export interface Loopback6Facts {
  readonly kind: 'loopback6'
  readonly protocol: Protocol
  /** Ports of the host, both included. */
  readonly first: number
  readonly last: number
}

/** The addresses on the loop are nobody else's, and ::1 is the host's alone (RFC 4291, section 2.5.3). */
const strangers = [ip6.daddr, ip6.saddr].map(address => ({
  chain: rawChain,
  statements: [
    match(meta('iifname'), 'not in', ['lo', loopNear.name, loopFar.name]),
    match(address, 'in', [ipv6Loopback, loopTarget, loopSource]),
    drop,
  ],
}))

/** Of all ports alike; there as long as anybody needs the loop. */
const loop = fixture(set({ table: inetTable, name: 'loop', type: 'ifname' }), [
  ...strangers,
  {
    chain: postroutingChain,
    statements: [
      match(meta('oifname'), '==', loopNear.name),
      match(ip6.saddr, '==', ipv6Loopback),
      snat({ address: loopSource }),
    ],
  },
  // What came in by the loop and is led to no container (the network's conditions may say so) would go round for ever.
  { chain: forwardChain, statements: [match(ip6.daddr, '==', loopTarget), reject()] },
  // To the container, they come from the host's address on its link, as those to 127.0.0.1 do: it need not know a way to P.
  { chain: postroutingChain, statements: [match(ip6.saddr, '==', loopSource), masquerade()] },
])

/** `ip6 daddr ::1 …@set dnat ip6 to T` */
function entrance(ports: NftSet, isPublished: readonly Match[]): Fixture {
  return fixture(ports, [
    {
      chain: outputChain,
      statements: [match(ip6.daddr, '==', ipv6Loopback), ...isPublished, dnat({ address: loopTarget })],
    },
  ])
}

const portSet = set({ table: inetTable, name: 'loop6', type: ['inet_proto', 'inet_service'] })

const ports = entrance(portSet, [match([meta('l4proto'), th.dport], 'in', portSet)])

const ranges = fixtures((protocol: Protocol) => {
  const rangeSet = set({
    table: inetTable,
    name: `loop6-${protocol}`,
    type: 'inet_service',
    flags: ['interval'],
  })
  return entrance(rangeSet, [match(portFields[protocol].dport, 'in', rangeSet)])
})

export function loopback6Pieces({ protocol, first, last }: Loopback6Facts): Piece[] {
  // Exclusive, as the record of an ADD that was killed before it was refused has it, too.
  const exclusive = { what: `host port ${first === last ? first : `${first}-${last}`}/${protocol}` }
  const port: Piece =
    first === last
      ? { fixture: ports, key: [protocol, first], exclusive }
      : { fixture: ranges(protocol), key: [range(first, last)], exclusive }
  return [{ fixture: loop, key: [loopNear.name], shared: true }, port]
}
