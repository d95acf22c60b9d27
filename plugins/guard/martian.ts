// 127.0.0.0/8 belongs to the host alone (RFC 1122, section 3.2.1.3): what comes from anywhere but `lo` with such an address is dropped.
// That must be so before an interface gets route_localnet, and for ports that are published on 127.0.0.1: see ADR 7.
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip } from '../../kernel/nft/selectors/network.js'
import { type NftSet, set } from '../../kernel/nft/set.js'
import { match } from '../../kernel/nft/statements/match.js'
import { drop } from '../../kernel/nft/statements/verdict.js'
import { Prefix } from '../../wire/ip.js'
import { rawChain } from './chains.js'
import { fixture } from './fixture.js'
import type { Piece } from './piece.js'
import { inetTable } from './tables.js'

export interface MartianFacts {
  readonly kind: 'martian'
  /** The interface towards the container. */
  readonly ifname: string
  /** It is this attachment's alone. */
  readonly own?: true
  /** We have turned on route_localnet, which was off; GC turns it off again. */
  readonly switched?: true
}

const loopbackNet = Prefix.parse('127.0.0.0/8')

/** The guard is there as long as this set has an interface, and holds for all interfaces. */
const guarded = fixture(
  set({ table: inetTable, name: 'localhost4', type: 'ifname' }),
  [ip.daddr, ip.saddr].map(address => ({
    chain: rawChain,
    statements: [match(meta('iifname'), '!=', 'lo'), match(address, '==', loopbackNet), drop],
  })),
)

/** The interfaces on which route_localnet is to be turned off when nobody needs it. */
export const switchedSet: NftSet = set({ table: inetTable, name: 'route-localnet', type: 'ifname' })

const switches = fixture(switchedSet, [])

export function martianPieces({ ifname, own, switched }: MartianFacts): Piece[] {
  const whose = own ? {} : { shared: true as const }
  return [guarded, ...(switched ? [switches] : [])].map(one => ({ fixture: one, key: [ifname], ...whose }))
}
