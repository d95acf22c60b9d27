// Rules as nft writes them beside the same rules made with our builders. The texts are those of the captures in
// test/golden/nft, where what nft sends for them is kept; the sets are those of the captures' setup.
import type { Family } from '../../kernel/nft/family.js'
import type { NftCase, Row } from './nft-rows.js'
import { arpFamily, bridge, ipv4, ipv6, netdev } from './nft-rows-family.js'
import { inetMatches } from './nft-rows-match.js'
import { nat } from './nft-rows-nat.js'
import { inetStatements } from './nft-rows-statement.js'

export { type NftCase, nftSets } from './nft-rows.js'

const rows: Readonly<Record<string, readonly [Family, () => readonly Row[]]>> = {
  inet: ['inet', () => [...inetMatches(), ...inetStatements()]],
  nat: ['inet', nat],
  ip: ['ip', ipv4],
  ip6: ['ip6', ipv6],
  bridge: ['bridge', bridge],
  netdev: ['netdev', netdev],
  arp: ['arp', arpFamily],
}

/** Names of the captures that have rules: files in test/golden/nft. */
export const nftSuites = Object.keys(rows)

export function nftCases(suite: string): { readonly family: Family; readonly cases: readonly NftCase[] } {
  const [family, make] = rows[suite]!
  return { family, cases: make().map(([text, statements, more = {}]) => ({ text, statements, ...more })) }
}
