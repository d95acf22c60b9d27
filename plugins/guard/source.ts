// Source guard: a container may send from its own addresses only, and be neither a router nor somebody else to its neighbours.
// Behind a bridge that is looked at where frames enter it, else where packets enter the host. See ADR 8; RFC 826 (ARP),
// RFC 4861 (ND), RFC 6105 (RA guard).
import { type Chain, chain } from '../../kernel/nft/chain.js'
import type { Selector } from '../../kernel/nft/selector.js'
import { arp } from '../../kernel/nft/selectors/link.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip, ip6 } from '../../kernel/nft/selectors/network.js'
import { icmpv6 } from '../../kernel/nft/selectors/transport.js'
import { set } from '../../kernel/nft/set.js'
import type { Statement } from '../../kernel/nft/statement.js'
import { match } from '../../kernel/nft/statements/match.js'
import { drop, jump } from '../../kernel/nft/statements/verdict.js'
import type { Table } from '../../kernel/nft/table.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { rawChain } from './chains.js'
import { type Fixture, type FixtureRule, fixture } from './fixture.js'
import type { Piece } from './piece.js'
import { bridgeTable, inetTable } from './tables.js'

export interface SourceFacts {
  readonly kind: 'source'
  /** The host end. */
  readonly ifname: string
  /** It is a port of a bridge. */
  readonly bridged: boolean
  readonly addresses: readonly string[]
}

/** Beside its addresses, what a container sends from before it has one: ARP probes (RFC 5227), DHCP, DAD (RFC 4862). */
const unspecified = [Ip.parse('0.0.0.0'), Ip.parse('::')]

const linkLocal = Prefix.parse('fe80::/10')
const port = meta('iifname')

/** NF_BR_PRI_NAT_DST_BRIDGED (linux/netfilter_bridge.h): before everything else that looks at the frame. */
const enteringChain = chain({
  table: bridgeTable,
  name: 'entering',
  type: 'filter',
  hook: 'prerouting',
  priority: -300,
})

interface SourceFixtures {
  /** Names of the guarded host ends. */
  readonly ports: Fixture
  /** Pairs of a host end and an address. */
  readonly sources: { readonly 4: Fixture; readonly 6: Fixture }
}

function sourceFixtures(table: Table, entering: Chain): SourceFixtures {
  const spoof = chain({ table, name: 'spoof' })
  const ports = set({ table, name: 'guarded', type: 'ifname' })
  const sources4 = set({ table, name: 'sources4', type: ['ifname', 'ipv4_addr'] })
  const sources6 = set({ table, name: 'sources6', type: ['ifname', 'ipv6_addr'] })
  const dropped = (...statements: Statement[]): FixtureRule => ({
    chain: spoof,
    statements: [...statements, drop],
  })
  const foreign = (selector: Selector) =>
    match([port, selector], 'not in', selector.type === arp.saddrIp.type ? sources4 : sources6)
  const bridged = table.family === 'bridge'
  // `meta protocol` sees through one VLAN tag, which a priority tag (VID 0) may be. Two would hide what is in the frame.
  const is = (protocol: string) => (bridged ? [match(meta('protocol'), '==', protocol)] : [])
  const advertises = match(icmpv6.type, '==', 'nd-neighbor-advert')
  const routes = match(icmpv6.type, 'in', ['nd-router-advert', 'nd-redirect'])

  const guard = fixture(ports, [
    { chain: entering, statements: [match(port, 'in', ports), jump(spoof)] },
    dropped(...is('ip6'), routes),
    ...(bridged ? [dropped(match(meta('protocol'), 'in', ['vlan', '8021ad']))] : []),
  ])
  return {
    ports: { ...guard, chains: [spoof, entering] },
    sources: {
      4: fixture(sources4, [
        dropped(foreign(ip.saddr)),
        ...(bridged ? [dropped(...is('arp'), foreign(arp.saddrIp))] : []),
      ]),
      6: fixture(sources6, [
        dropped(match(ip6.saddr, '!=', linkLocal), foreign(ip6.saddr)),
        dropped(...is('ip6'), advertises, match(icmpv6.taddr, '!=', linkLocal), foreign(icmpv6.taddr)),
      ]),
    },
  }
}

const onBridge = sourceFixtures(bridgeTable, enteringChain)
const onHost = sourceFixtures(inetTable, rawChain)

export function sourcePieces({ ifname, bridged, addresses }: SourceFacts): Piece[] {
  const { ports, sources } = bridged ? onBridge : onHost
  // Both families in any case: who has no address of one must not send from any.
  const own = [...unspecified, ...addresses.map(text => Ip.parse(text))]
  return [
    ...own.map(ip => ({ fixture: sources[ip.family], key: [ifname, ip] })),
    { fixture: ports, key: [ifname] },
  ]
}
