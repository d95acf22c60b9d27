// The keys of the chained plugins that interface plugins take themselves, so that one exec makes the whole attachment.
import type { Call } from '../cni/call.js'
import { type BandwidthConfig, bandwidthConfig } from './bandwidth/config.js'
import { type FirewallConfig, firewallConfig } from './firewall/config.js'
import { type PublishConfig, publishConfig } from './portmap/config.js'
import { type SysctlConfig, sysctlConfig } from './tuning/sysctl-config.js'

export interface InlineConfig {
  readonly publish?: PublishConfig
  readonly firewall?: FirewallConfig
  readonly sysctl?: SysctlConfig
  readonly bandwidth?: BandwidthConfig
}

/** Only what is asked for; what is not costs a look at the keys. Throws CniError 7 that names key and value. */
export function inlineConfig(call: Call): InlineConfig {
  const { raw, runtimeConfig } = call.config
  const keys = new Set([...Object.keys(raw), ...Object.keys(runtimeConfig)].map(key => key.toLowerCase()))
  const publish = keys.has('portmappings') && publishConfig(call, 'inline')
  const firewall = keys.has('ingresspolicy') && firewallConfig(call, 'inline')
  const sysctl = keys.has('sysctl') && sysctlConfig(call)
  const bandwidth = keys.has('bandwidth') && bandwidthConfig(call, 'inline')
  return {
    ...(publish && { publish }),
    ...(firewall && { firewall }),
    ...(sysctl && { sysctl }),
    ...(bandwidth && { bandwidth }),
  }
}

/** What the host end needs as a port of a bridge, on account of these keys. */
export function inlinePort({ publish, firewall }: InlineConfig): { hairpin?: true; isolated?: true } {
  return {
    ...(publish?.snat && { hairpin: true }),
    ...(firewall?.ingressPolicy === 'isolated' && { isolated: true }),
  }
}
