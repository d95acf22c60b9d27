// Step: the bridge is there, up, and carries the gateway addresses. Shared by all attachments, so it is never undone;
// what it changes beyond its own bridge is forwarding, which a gateway needs.
import { CniCode, CniError } from '../../cni/error.js'
import type { ResultIp } from '../../cni/result.js'
import type { Step } from '../../cni/steps.js'
import { isErrno, isExists } from '../../kernel/error.js'
import type { Namespace } from '../../kernel/namespace.js'
import { Prefix } from '../../wire/ip.js'
import { IFF_PROMISC, IFF_UP } from '../../wire/route/constants.js'
import type { Link } from '../../wire/route/link.js'
import { linkGroup, stableMac } from '../names.js'
import { type AttachState, checkFailed, checkLink } from '../state.js'
import { checkForwarding, enableForwarding } from './forwarding.js'

export interface BridgeStepConfig {
  readonly bridge: string
  readonly isGateway: boolean
  readonly forceAddress: boolean
  readonly promiscMode: boolean
  /** True when ports get VLANs: the bridge is then made with VLAN filtering. */
  readonly vlanFiltering: boolean
  /** VLAN of the gateway, 0 for none: its addresses then belong to `<bridge>.<vlan>`. */
  readonly vlan: number
}

export const bridgeStep: Step<AttachState<BridgeStepConfig>> = {
  name: 'bridge',

  apply(state) {
    const { host, config } = state
    state.bridge = ensureBridge(host.kernel, config, state.mtu, state.ips)
    if (!config.isGateway) return
    if (config.vlan === 0) ensureGateways(host.kernel, state.bridge, state.ips, config.forceAddress)
    for (const family of families(state.ips)) enableForwarding(host.kernel, family)
  },

  check(state) {
    const { host, config, call } = state
    const bridge = host.kernel.link.get(config.bridge)
    if (bridge?.kind !== 'bridge')
      throw checkFailed(`bridge ${config.bridge} ${bridge ? 'is no bridge' : 'is gone'}`)
    state.bridge = bridge
    if ((bridge.flags & IFF_UP) === 0) throw checkFailed(`bridge ${config.bridge} is down`)
    if (config.promiscMode && (bridge.flags & IFF_PROMISC) === 0)
      throw checkFailed(`bridge ${config.bridge} is not promiscuous`)
    checkLink(call, bridge, 'host')
    if (!config.isGateway) return
    if (config.vlan === 0) checkGateways(host.kernel, bridge, state.ips)
    for (const family of families(state.ips)) checkForwarding(host.kernel, family)
  },
}

/** Finds or makes the bridge. One that exists is used as it is, brought up and made promiscuous if asked. */
function ensureBridge(
  kernel: Namespace,
  config: BridgeStepConfig,
  mtu: number,
  ips: readonly ResultIp[],
): Link {
  const { bridge: name } = config
  let link = kernel.link.get(name) ?? makeBridge(kernel, config, mtu, ips)
  if (link.kind !== 'bridge')
    throw new CniError(
      CniCode.invalidConfig,
      `"${name}" exists and is no bridge${link.kind ? ` but a ${link.kind}` : ''}`,
      'choose another name under the key "bridge"',
    )
  if (config.vlanFiltering) requireVlanFiltering(link)
  const up = (link.flags & IFF_UP) !== 0
  const promisc = (link.flags & IFF_PROMISC) !== 0
  if (!up || (config.promiscMode && !promisc)) {
    kernel.link.set({ index: link.index, up: true, ...(config.promiscMode && { promisc: true }) })
    link = { ...link, flags: link.flags | IFF_UP }
  }
  return link
}

/**
 * Multicast snooping saves nothing on a bridge without a querier, and makes the kernel set timers of all ports whenever one is added
 * (br_multicast_enable_port). With IPv6, whose members report themselves, it keeps those reports from all ports.
 */
function makeBridge(
  kernel: Namespace,
  config: BridgeStepConfig,
  mtu: number,
  ips: readonly ResultIp[],
): Link {
  const ipv4Only = ips.length > 0 && ips.every(ip => ip.address.family === 4)
  const { bridge: name, vlanFiltering } = config
  try {
    // A MAC of its own: a bridge without one takes that of some port and changes it as ports come and go.
    kernel.link.add({
      name,
      kind: 'bridge',
      group: linkGroup,
      address: stableMac(`bridge ${name} ${Date.now()} ${Math.random()}`),
      ...(mtu > 0 && { mtu }),
      bridge: { ...(vlanFiltering && { vlanFiltering }), ...(ipv4Only && { mcastSnooping: false }) },
    })
    settle(kernel, name)
  } catch (error) {
    if (vlanFiltering && isErrno(error, 'EOPNOTSUPP')) throw noVlanFiltering()
    if (!isExists(error)) throw error // another ADD may have been quicker
  }
  const link = kernel.link.get(name)
  if (!link) throw new CniError(CniCode.tryAgain, `bridge ${name} vanished while it was made`)
  return link
}

/** Settings of a link that we have just made for gateways. It does not stay without them. */
export function settle(kernel: Namespace, name: string): void {
  const v6 = `net/ipv6/conf/${name}`
  try {
    kernel.sysctl.setAll([
      // Routers behind it are our containers: never let one configure the host.
      [`${v6}/accept_ra`, '0', { optional: true }],
      // Nobody else has its link-local address. While that is tentative, nothing is forwarded to this link.
      [`${v6}/accept_dad`, '0', { optional: true }],
    ])
  } catch (error) {
    kernel.link.remove(name)
    throw error
  }
}

function requireVlanFiltering({ name, info }: Link): void {
  const { vlanProtocol, vlanFiltering } = info?.bridge ?? {}
  // A kernel without it says that it is off, and nothing of the protocol (br_fill_info, net/bridge/br_netlink.c).
  if (vlanProtocol === undefined) throw noVlanFiltering()
  if (!vlanFiltering)
    throw new CniError(
      CniCode.invalidConfig,
      `bridge "${name}" exists without VLAN filtering`,
      `turn it on (ip link set ${name} type bridge vlan_filtering 1), or choose another name under the key "bridge"`,
    )
}

function noVlanFiltering(): CniError {
  return new CniError(
    CniCode.notAvailable,
    'the kernel has no VLAN filtering on bridges (CONFIG_BRIDGE_VLAN_FILTERING)',
    'leave out "vlan" and "vlanTrunk", or use another kernel',
  )
}

/** Throws CniError 100 unless the link carries the gateway of every address. */
export function checkGateways(kernel: Namespace, link: Link, ips: readonly ResultIp[]): void {
  const present = kernel.addr.list({ index: link.index })
  for (const gateway of gatewayPrefixes(ips))
    if (!present.some(a => a.address.equals(gateway)))
      throw checkFailed(`${link.name} lacks the gateway address ${gateway}`)
}

/** Puts the gateway of every address on the bridge (or its VLAN interface), or explains why that can't be. */
export function ensureGateways(
  kernel: Namespace,
  link: Link,
  ips: readonly ResultIp[],
  forceAddress: boolean,
): void {
  const gateways = gatewayPrefixes(ips)
  if (gateways.length === 0) return
  const present = kernel.addr.list({ index: link.index })
  for (const gateway of gateways) {
    if (present.some(a => a.address.equals(gateway))) continue
    for (const other of present) {
      if (other.address.family !== gateway.family || other.address.ip.isLinkLocal()) continue
      // IPv6 interfaces have many addresses by nature: only an overlapping subnet is a conflict there.
      if (gateway.family === 6 && !other.address.overlaps(gateway)) continue
      if (gateways.some(g => g.equals(other.address))) continue
      if (!forceAddress)
        throw new CniError(
          CniCode.invalidConfig,
          `"${link.name}" already has an IP address different from ${gateway}`,
          `it has ${other.address}; set "forceAddress": true to replace it`,
        )
      kernel.addr.remove({ index: link.index, address: other.address })
    }
    try {
      kernel.addr.add({ index: link.index, address: gateway, noDad: true })
    } catch (error) {
      if (!isExists(error)) throw error
    }
  }
}

/** Gateways as interface addresses: with the prefix length of the subnet they serve; each one once. */
export function gatewayPrefixes(ips: readonly ResultIp[]): Prefix[] {
  const prefixes: Prefix[] = []
  for (const { gateway, address } of ips) {
    if (!gateway) continue
    const prefix = new Prefix(gateway, address.length)
    if (!prefixes.some(p => p.equals(prefix))) prefixes.push(prefix)
  }
  return prefixes
}

export function families(ips: readonly ResultIp[]): Set<4 | 6> {
  return new Set(ips.map(ip => ip.address.family))
}
