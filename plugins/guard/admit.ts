// Admission: what containers send, and what answers them, is marked on its way through the host, so that one static rule in a
// table of somebody else who drops forwarded packets lets it pass (see ../firewall/passage.ts). See ADR 8.
import { chain } from '../../kernel/nft/chain.js'
import { ct } from '../../kernel/nft/selectors/ct.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip, ip6 } from '../../kernel/nft/selectors/network.js'
import { icmpv6 } from '../../kernel/nft/selectors/transport.js'
import { set } from '../../kernel/nft/set.js'
import { assign, calculated, withBits } from '../../kernel/nft/statements/assign.js'
import { masked, match } from '../../kernel/nft/statements/match.js'
import { Ip } from '../../wire/ip.js'
import { forwardChain } from './chains.js'
import { type FixtureRule, fixture } from './fixture.js'
import type { Piece } from './piece.js'
import { inetTable } from './tables.js'

export interface AdmitFacts {
  readonly kind: 'admit'
  readonly address: string
}

/** One bit of the packet's mark, set from before the first filter of forwarded packets to behind the last. */
export const admittedMark = 0x1000
const otherMarks = 0xffffffff - admittedMark

const answers = 'established,related'
const resolution = ['nd-neighbor-solicit', 'nd-neighbor-advert']

/** Behind firewalld (10) and security (50, NF_IP_PRI_SECURITY); the bit is nobody else's business. */
const BEHIND_ALL_FILTERS = 100

const admittedChain = chain({
  table: inetTable,
  name: 'admitted',
  type: 'filter',
  hook: 'forward',
  priority: BEHIND_ALL_FILTERS,
})

function admitted(family: 4 | 6) {
  const { saddr, daddr } = family === 4 ? ip : ip6
  const addresses = set({
    table: inetTable,
    name: `allowed${family}`,
    type: family === 4 ? 'ipv4_addr' : 'ipv6_addr',
  })
  const [fromOurs, toOurs] = [match(saddr, 'in', addresses), match(daddr, 'in', addresses)]
  const isMarked = match(masked(meta('mark'), admittedMark), '==', admittedMark)
  const mark = assign(meta('mark'), withBits(meta('mark'), admittedMark))
  const unmark = assign(meta('mark'), calculated(meta('mark'), { and: otherMarks }))
  const rules: FixtureRule[] = [
    { chain: forwardChain, statements: [fromOurs, mark] },
    { chain: forwardChain, statements: [match(ct('state'), 'any', answers), toOurs, mark] },
    { chain: forwardChain, statements: [match(ct('status'), 'any', 'dnat'), toOurs, mark] },
    { chain: admittedChain, statements: [isMarked, fromOurs, unmark] },
    { chain: admittedChain, statements: [isMarked, toOurs, unmark] },
  ]
  // A neighbour that is only made sure of is asked from a link-local address, and connection tracking passes over all of that.
  if (family === 6)
    rules.push({ chain: forwardChain, statements: [match(icmpv6.type, 'in', resolution), toOurs, mark] })
  return fixture(addresses, rules)
}

const fixtureOf = { 4: admitted(4), 6: admitted(6) } as const

export function admitPieces({ address }: AdmitFacts): Piece[] {
  const ip = Ip.parse(address)
  return [{ fixture: fixtureOf[ip.family], key: [ip] }]
}
