// macspoofchk: a frame that comes from a guarded port must carry that port's MAC address. Guarded ports are known by
// their name (pls…), so an attachment needs one element only: its pair of port and address.
import { chain } from '../../kernel/nft/chain.js'
import { ether } from '../../kernel/nft/selectors/link.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { set } from '../../kernel/nft/set.js'
import { match } from '../../kernel/nft/statements/match.js'
import { drop } from '../../kernel/nft/statements/verdict.js'
import { Mac } from '../../wire/mac.js'
import { fixture } from './fixture.js'
import type { Piece } from './piece.js'
import { bridgeTable } from './tables.js'

export interface PortMacFacts {
  readonly kind: 'port-mac'
  readonly ifname: string
  readonly mac: string
}

/** dstnat of the bridge family, nft(8): before everything else that looks at the frame. */
const NF_BR_PRI_NAT_DST_BRIDGED = -300

const spoofedChain = chain({
  table: bridgeTable,
  name: 'spoofed',
  type: 'filter',
  hook: 'prerouting',
  priority: NF_BR_PRI_NAT_DST_BRIDGED,
})

const portMacs = set({ table: bridgeTable, name: 'port_macs', type: ['ifname', 'ether_addr'] })

const guardedPorts = fixture(portMacs, [
  {
    chain: spoofedChain,
    statements: [
      match(meta('iifname'), '==', 'pls*'),
      match([meta('iifname'), ether.saddr], 'not in', portMacs),
      drop,
    ],
  },
])

export function portMacPieces({ ifname, mac }: PortMacFacts): Piece[] {
  return [{ fixture: guardedPorts, key: [ifname, Mac.parse(mac)] }]
}
