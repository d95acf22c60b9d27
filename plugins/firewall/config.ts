// Keys of the firewall plugin, and those of them that interface plugins take inline.
import * as v from 'valibot'
import type { Call } from '../../cni/call.js'
import { decode, flag, oneOf, text } from '../../cni/schema.js'
import { passageChain } from './passage.js'

export interface FirewallConfig {
  readonly ingressPolicy: 'open' | 'same-bridge' | 'isolated'
  /** The administrator's chain, in tables of iptables. */
  readonly adminChain: string
  readonly firewalldZone: string
  /** Only what has one of the container's addresses as its source comes in. */
  readonly sourceGuard: boolean
}

/** What iptables takes for the name of a chain: XT_EXTENSION_MAXNAMELEN less its NUL, in letters that nft can read, too. */
const MAX_CHAIN_NAME = 28

const ownByIptables = new Set([
  ...['INPUT', 'FORWARD', 'OUTPUT', 'PREROUTING', 'POSTROUTING'],
  ...['ACCEPT', 'DROP', 'QUEUE', 'RETURN', 'REJECT', 'LOG', 'MARK', 'MASQUERADE', 'SNAT', 'DNAT'],
  passageChain,
])

function chainName() {
  const expected = `the name of a chain: at most ${MAX_CHAIN_NAME} letters, digits, "_", "." and "-", a letter first, none of iptables' own`
  return v.pipe(
    v.string(expected),
    v.check(
      name =>
        /^[A-Za-z][A-Za-z0-9_.-]*$/.test(name) && name.length <= MAX_CHAIN_NAME && !ownByIptables.has(name),
      expected,
    ),
  )
}

const schema = v.object({
  ingressPolicy: v.exactOptional(oneOf(['open', 'same-bridge', 'isolated'])),
  iptablesAdminChainName: v.optional(chainName(), 'CNI-ADMIN'),
  firewalldZone: v.optional(text(), 'trusted'),
  sourceGuard: v.optional(flag(), true),
})

/** In interface plugins, `backend` would be another plugin's. */
const chainedSchema = v.object({ backend: v.exactOptional(oneOf(['iptables', 'firewalld', 'nftables'])) })

/**
 * The keys in a document of the firewall plugin, or of an interface plugin: there only with `ingressPolicy`, else undefined. Throws
 * CniError 7.
 */
export function firewallConfig(call: Call, where: 'chained'): FirewallConfig
export function firewallConfig(call: Call, where: 'inline'): FirewallConfig | undefined
export function firewallConfig(call: Call, where: 'chained' | 'inline'): FirewallConfig | undefined {
  const { ingressPolicy, iptablesAdminChainName, ...rest } = decode(schema, call.config.raw, '')
  if (where === 'chained') decode(chainedSchema, call.config.raw, '')
  else if (ingressPolicy === undefined) return undefined
  return { ingressPolicy: ingressPolicy ?? 'open', adminChain: iptablesAdminChainName, ...rest }
}
