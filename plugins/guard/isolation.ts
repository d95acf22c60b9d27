// Isolation of networks: bridges (or host ends that are on none) between which nothing is forwarded, and of those the ones
// within which nothing is forwarded either. What a bridge itself passes from port to port is the ports' business (their flag
// `isolated`); but where br_netfilter is on, and for published ports, that comes by here, too.
import { meta } from '../../kernel/nft/selectors/meta.js'
import { set } from '../../kernel/nft/set.js'
import { match } from '../../kernel/nft/statements/match.js'
import { drop } from '../../kernel/nft/statements/verdict.js'
import { forwardChain } from './chains.js'
import { fixture } from './fixture.js'
import type { Piece } from './piece.js'
import { inetTable } from './tables.js'

export interface IsolationFacts {
  readonly kind: 'isolation'
  /** Where the host's IP stack meets the container. */
  readonly ifname: string
  /** Other attachments are behind the same one: it is a bridge. */
  readonly shared: boolean
  /** Nothing is forwarded from it to itself. */
  readonly within: boolean
}

const [from, to] = [meta('iifname'), meta('oifname')]

/**
 * The elements are pairs of a name and itself. So one set tells three things: whether a packet comes from one of them, whether it
 * goes to one of them, and whether both are the same.
 */
const apart = set({ table: inetTable, name: 'apart', type: ['ifname', 'ifname'] })
const apartFixture = fixture(apart, [
  {
    chain: forwardChain,
    statements: [
      match([from, from], 'in', apart),
      match([to, to], 'in', apart),
      match([from, to], 'not in', apart),
      drop,
    ],
  },
])

const isolated = set({ table: inetTable, name: 'isolated', type: ['ifname', 'ifname'] })
const isolatedFixture = fixture(isolated, [
  { chain: forwardChain, statements: [match([from, to], 'in', isolated), drop] },
])

export function isolationPieces({ ifname, shared, within }: IsolationFacts): Piece[] {
  const key = [ifname, ifname]
  const fixtures = within ? [apartFixture, isolatedFixture] : [apartFixture]
  return fixtures.map(one => ({ fixture: one, key, ...(shared && { shared }) }))
}
