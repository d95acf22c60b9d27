// What an attachment has in our nftables tables on account of its firewall, inline or chained.
import { CniCode, CniError } from '../../cni/error.js'
import type { Attached } from '../attached.js'
import type { EntryFacts } from '../guard/entry.js'
import type { FirewallConfig } from './config.js'

export type Firewalled = Attached & { readonly config: { readonly firewall?: FirewallConfig } }

/**
 * None without `firewall`. Behind a plugin that leaves no end on the host (macvlan, say) there is nothing to guard here: then addresses
 * are admitted only. Throws CniError 7 when that is not all that was asked for.
 */
export function firewallEntries(state: Firewalled): EntryFacts[] {
  const { firewall } = state.config
  if (!firewall) return []
  const addresses = state.ips.map(({ address }) => String(address.ip))
  return [
    ...addresses.map(address => ({ kind: 'admit', address }) as const),
    ...isolation(state, firewall),
    ...sources(state, firewall, addresses),
  ]
}

function isolation(state: Firewalled, { ingressPolicy }: FirewallConfig): EntryFacts[] {
  if (ingressPolicy === 'open') return []
  const { l3Ifname, bridged } = state
  // A container may always come back to itself through the host: where there is no bridge, nobody else is behind the same end.
  const within = ingressPolicy === 'isolated' && bridged
  return [{ kind: 'isolation', ifname: l3Ifname, shared: bridged, within }]
}

function sources(
  state: Firewalled,
  { sourceGuard }: FirewallConfig,
  addresses: readonly string[],
): EntryFacts[] {
  if (!sourceGuard || addresses.length === 0) return []
  try {
    return [{ kind: 'source', ifname: state.hostIfname, bridged: state.bridged, addresses }]
  } catch (error) {
    if (error instanceof CniError && error.code === CniCode.invalidConfig) return []
    throw error
  }
}
