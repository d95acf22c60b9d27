// What an interface plugin has in our nftables tables: entries of its own keys, and those of the inline keys.
import type { AttachState } from '../state.js'
import type { EntryFacts } from './entry.js'

export interface GuardConfig {
  readonly ipMasq: boolean
  readonly macspoofchk: boolean
}

export function wantsGuard({ config }: AttachState<GuardConfig>): boolean {
  return config.ipMasq || config.macspoofchk
}

export function inlineEntries({ config, ips, hostIfname, mac }: AttachState<GuardConfig>): EntryFacts[] {
  const entries: EntryFacts[] = []
  if (config.ipMasq)
    for (const { address } of ips)
      entries.push({ kind: 'masquerade', subnet: String(address.network()), address: String(address.ip) })
  if (config.macspoofchk) entries.push({ kind: 'port-mac', ifname: hostIfname, mac: String(mac) })
  return entries
}
