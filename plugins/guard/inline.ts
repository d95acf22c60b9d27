// What an interface plugin has in our nftables tables: entries of its own keys, and those of the inline keys.
import { firewallEntries } from '../firewall/entries.js'
import type { InlineConfig } from '../inline.js'
import { publishEntries } from '../portmap/entries.js'
import type { AttachState } from '../state.js'
import type { EntryFacts } from './entry.js'

export interface GuardConfig extends InlineConfig {
  readonly ipMasq: boolean
  readonly macspoofchk: boolean
}

export function wantsGuard({ config }: AttachState<GuardConfig>): boolean {
  const { ipMasq, macspoofchk, publish, firewall } = config
  return ipMasq || macspoofchk || publish !== undefined || firewall !== undefined
}

export function inlineEntries(state: AttachState<GuardConfig>): EntryFacts[] {
  const { config, ips, hostIfname, mac } = state
  const entries: EntryFacts[] = []
  if (config.ipMasq)
    for (const { address } of ips)
      entries.push({ kind: 'masquerade', subnet: String(address.network()), address: String(address.ip) })
  if (config.macspoofchk) entries.push({ kind: 'port-mac', ifname: hostIfname, mac: String(mac) })
  if (config.publish) entries.push(...publishEntries(state, config.publish))
  return [...entries, ...firewallEntries(state)]
}
