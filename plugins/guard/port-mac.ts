// macspoofchk: a frame that comes from a guarded port must carry that port's MAC address. Guarded ports are known by
// their name (pls…), so an attachment needs one element only: its pair of port and address.
import { chain } from '../../kernel/nft/chain.js'
import { rule } from '../../kernel/nft/rule.js'
import { ether } from '../../kernel/nft/selectors/link.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { set } from '../../kernel/nft/set.js'
import { match } from '../../kernel/nft/statements/match.js'
import { drop } from '../../kernel/nft/statements/verdict.js'
import { table } from '../../kernel/nft/table.js'
import { Mac } from '../../wire/mac.js'
import { nftTable } from '../names.js'
import type { Entry } from './entry.js'

export const bridgeTable = table({ family: 'bridge', name: nftTable })

/** dstnat of the bridge family, nft(8): before everything else that looks at the frame. */
const NF_BR_PRI_NAT_DST_BRIDGED = -300

export const portMacChain = chain({
  table: bridgeTable,
  name: 'spoofed',
  type: 'filter',
  hook: 'prerouting',
  priority: NF_BR_PRI_NAT_DST_BRIDGED,
})

export const portMacs = set({ table: bridgeTable, name: 'port_macs', type: ['ifname', 'ether_addr'] })

export function portMacEntry(ifname: string, mac: string): Entry {
  return {
    set: portMacs,
    key: [ifname, Mac.parse(mac)],
    ensure(tx) {
      tx.add(bridgeTable).add(portMacChain).create(portMacs)
      tx.add(
        rule({
          chain: portMacChain,
          statements: [
            match(meta('iifname'), '==', 'pls*'),
            match([meta('iifname'), ether.saddr], 'not in', portMacs),
            drop,
          ],
          comment: portMacs.name,
        }),
      )
    },
  }
}
