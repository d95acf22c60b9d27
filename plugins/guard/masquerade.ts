// Masquerading: what a container sends to anywhere but its own subnet leaves with the host's address. See ADR 4.
import { chain } from '../../kernel/nft/chain.js'
import { rule } from '../../kernel/nft/rule.js'
import { ip, ip6 } from '../../kernel/nft/selectors/network.js'
import { set } from '../../kernel/nft/set.js'
import { match } from '../../kernel/nft/statements/match.js'
import { masquerade } from '../../kernel/nft/statements/nat.js'
import { table } from '../../kernel/nft/table.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { nftTable } from '../names.js'
import type { Entry } from './entry.js'

export const inetTable = table({ family: 'inet', name: nftTable })

/** srcnat of nft(8). */
const NF_IP_PRI_NAT_SRC = 100

export const masqueradeChain = chain({
  table: inetTable,
  name: 'postrouting', // not 'masquerade': nft takes no word of its language for a name
  type: 'nat',
  hook: 'postrouting',
  priority: NF_IP_PRI_NAT_SRC,
})

const multicast = () => ({ 4: Prefix.parse('224.0.0.0/4'), 6: Prefix.parse('ff00::/8') })

export function masqueradeEntry(subnetText: string, address: string): Entry {
  const subnet = Prefix.parse(subnetText)
  const { family } = subnet
  const sources = set({
    table: inetTable,
    name: setName(subnet),
    type: family === 4 ? 'ipv4_addr' : 'ipv6_addr',
  })
  return {
    set: sources,
    key: [Ip.parse(address)],
    ensure(tx) {
      const { saddr, daddr } = family === 4 ? ip : ip6
      tx.add(inetTable).add(masqueradeChain).create(sources)
      tx.add(
        rule({
          chain: masqueradeChain,
          statements: [
            match(saddr, 'in', sources),
            match(daddr, 'not in', [subnet, multicast()[family]]),
            masquerade(),
          ],
          comment: sources.name,
        }),
      )
    },
  }
}

/** `masq4-10.88.0.0-16`: nft takes neither ':' nor, unquoted, '/' in a name. */
function setName(subnet: Prefix): string {
  return `masq${subnet.family}-${subnet.first()}-${subnet.length}`.replaceAll(':', '_')
}
