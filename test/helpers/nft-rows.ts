// What the tables of rules in nft-rows-*.ts have in common.
import type { Family } from '../../kernel/nft/family.js'
import { map, type NftSet, set } from '../../kernel/nft/set.js'
import type { Statement } from '../../kernel/nft/statement.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'

export interface NftCase {
  /** What follows `add rule FAMILY t CHAIN`. */
  readonly text: string
  readonly statements: readonly Statement[]
  readonly comment?: string
  readonly chain?: string
  /** The kernel on which the captures were made refuses it. */
  readonly refused?: true
}

export type Row = readonly [
  text: string,
  statements: readonly Statement[],
  more?: Omit<NftCase, 'text' | 'statements'>,
]

export const a = (text: string) => Ip.parse(text)
export const p = (text: string) => Prefix.parse(text)
export const mac = Mac.parse('02:00:00:00:00:01')

/** The sets of the captures' setup. */
export function nftSets(family: Family) {
  const table = { family, name: 't' }
  const pair = ['ipv4_addr', 'inet_service']
  const triple = ['ipv4_addr', 'inet_proto', 'inet_service']
  return {
    addrs: set({ table, name: 'addrs', type: family === 'ip6' ? 'ipv6_addr' : 'ipv4_addr' }),
    addrs6: set({ table, name: 'addrs6', type: 'ipv6_addr' }),
    ports: set({ table, name: 'ports', type: 'inet_service' }),
    nets: set({
      table,
      name: 'nets',
      type: family === 'ip6' ? 'ipv6_addr' : 'ipv4_addr',
      flags: ['interval'],
    }),
    marks: set({ table, name: 'marks', type: 'mark', flags: ['interval'] }),
    macs: set({ table, name: 'macs', type: 'ether_addr' }),
    ifs: set({ table, name: 'ifs', type: 'ifname' }),
    pairs: set(
      family === 'ip6'
        ? { table, name: 'pairs', type: ['ipv6_addr', 'inet_service'], flags: ['interval'] }
        : { table, name: 'pairs', type: pair },
    ),
    ifmacs: set({ table, name: 'ifmacs', type: ['ifname', 'ether_addr'] }),
    netports: set({ table, name: 'netports', type: triple, flags: ['interval'] }),
    dyn: set({ table, name: 'dyn', type: 'ipv4_addr', flags: ['dynamic', 'timeout'], timeout: 60_000 }),
    dyn2: set({ table, name: 'dyn2', type: pair, flags: ['dynamic'] }),
    addrmap: map({ table, name: 'addrmap', type: 'inet_service', data: 'ipv4_addr' }),
    pairmap: map({ table, name: 'pairmap', type: 'inet_service', data: pair }),
    hostmap: map({ table, name: 'hostmap', type: triple, data: pair }),
    markmap: map({ table, name: 'markmap', type: 'ifname', data: 'mark' }),
    verdicts: map({ table, name: 'verdicts', type: 'ipv4_addr', data: 'verdict' }),
    ifverdicts: map({ table, name: 'ifverdicts', type: ['ifname', 'ipv4_addr'], data: 'verdict' }),
    counters: map({ table, name: 'counters', type: 'ipv4_addr', data: 'counter' }),
  } satisfies Record<string, NftSet>
}
