// Step: the VLANs of the container's port, and the interface that carries the gateway addresses of its VLAN.
import * as v from 'valibot'
import { integer } from '../../cni/schema.js'
import type { Step } from '../../cni/steps.js'
import { isExists } from '../../kernel/error.js'
import type { Namespace } from '../../kernel/namespace.js'
import type { PortVlan } from '../../wire/route/bridge-vlan.js'
import { IFF_UP } from '../../wire/route/constants.js'
import type { Link } from '../../wire/route/link.js'
import { linkGroup, stableMac } from '../names.js'
import { type AttachState, checkFailed } from '../state.js'
import { type BridgeStepConfig, checkGateways, ensureGateways, settle } from './bridge.js'

const vlanId = () => integer(1, 4094)

export const vlanTrunkSchema = v.array(
  v.pipe(
    v.object({
      id: v.exactOptional(vlanId()),
      minID: v.exactOptional(vlanId()),
      maxID: v.exactOptional(vlanId()),
    }),
    v.check(
      ({ id, minID, maxID }) =>
        (id !== undefined || minID !== undefined) &&
        (minID === undefined) === (maxID === undefined) &&
        (minID ?? 0) <= (maxID ?? 0),
      '{ "id": n } or { "minID": n, "maxID": m } with n <= m',
    ),
  ),
)

export type VlanRange = v.InferOutput<typeof vlanTrunkSchema>[number]

export interface BridgeVlanStepConfig extends BridgeStepConfig {
  readonly vlanTrunk: readonly VlanRange[]
  readonly preserveDefaultVlan: boolean
}

export const bridgeVlanStep: Step<AttachState<BridgeVlanStepConfig>> = {
  name: 'bridge-vlan',

  wanted: state => state.config.vlanFiltering,

  apply(state) {
    const { host, config, bridge } = state
    const port = host.kernel.link.get(state.hostIfname)
    if (!port || !bridge) throw checkFailed(`host interface ${state.hostIfname} is gone`)
    if (!config.preserveDefaultVlan) removeDefaultVlan(host.kernel, bridge, port.index)
    host.kernel.bridgeVlan.add({ index: port.index, vlans: portVlans(config) })
    if (!hasVlanGateway(config)) return
    const gateway = ensureVlanInterface(host.kernel, bridge, config)
    ensureGateways(host.kernel, gateway, state.ips, config.forceAddress)
    state.moreInterfaces.push({
      name: gateway.name,
      ...(gateway.address && { mac: gateway.address.toString() }),
    })
  },

  check(state) {
    const { host, config } = state
    const port = host.kernel.link.get(state.hostIfname)
    const present = port ? (host.kernel.bridgeVlan.list().find(p => p.index === port.index)?.vlans ?? []) : []
    for (const vlan of portVlans(config)) {
      const missing = missingVlan(vlan, present)
      if (missing !== undefined) throw checkFailed(`VLAN ${missing} is gone from port ${state.hostIfname}`)
    }
    if (!hasVlanGateway(config)) return
    const name = vlanInterface(config)
    const gateway = host.kernel.link.get(name)
    if (!gateway) throw checkFailed(`interface ${name} is gone`)
    if ((gateway.flags & IFF_UP) === 0) throw checkFailed(`interface ${name} is down`)
    checkGateways(host.kernel, gateway, state.ips)
  },
}

/** What the kernel gives each new port of the bridge. */
function removeDefaultVlan(kernel: Namespace, { info }: Link, port: number): void {
  const vid = info?.bridge?.vlanDefaultPvid ?? 1
  if (vid !== 0) kernel.bridgeVlan.remove({ index: port, vlans: [{ vid }] })
}

function portVlans({ vlan, vlanTrunk }: BridgeVlanStepConfig): PortVlan[] {
  const trunk = vlanTrunk.flatMap(({ id, minID, maxID }): PortVlan[] => [
    ...(id === undefined ? [] : [{ vid: id }]),
    ...(minID === undefined ? [] : [{ vid: minID, to: maxID! }]),
  ])
  // A trunk without a VLAN of its own still needs one for untagged frames. Last, as it may be part of the trunk.
  return [...trunk, { vid: vlan || 1, pvid: true, untagged: true }]
}

/** The first VLAN of a range that does not pass, or not as it should; the kernel lists ranges as it likes. */
function missingVlan(wanted: PortVlan, present: readonly PortVlan[]): number | undefined {
  for (let vid = wanted.vid; vid <= (wanted.to ?? wanted.vid); vid++) {
    const passes = present.find(each => each.vid <= vid && (each.to ?? each.vid) >= vid)
    if (!passes || (wanted.pvid && !passes.pvid)) return vid
  }
  return undefined
}

/** True when the gateway addresses belong to `<bridge>.<vlan>`. */
export function hasVlanGateway({ vlan, isGateway }: Pick<BridgeStepConfig, 'vlan' | 'isGateway'>): boolean {
  return vlan > 0 && isGateway
}

/** The interface that carries the gateway addresses of a VLAN; its name must fit into 15 bytes. */
export function vlanInterface({ bridge, vlan }: Pick<BridgeStepConfig, 'bridge' | 'vlan'>): string {
  return `${bridge}.${vlan}`
}

/** A pair whose far end is a port of the bridge in that VLAN. Shared, so never undone. */
function ensureVlanInterface(kernel: Namespace, bridge: Link, config: BridgeVlanStepConfig): Link {
  const { vlan } = config
  const name = vlanInterface(config)
  let link = kernel.link.get(name)
  if (!link) {
    try {
      kernel.link.add({
        name,
        kind: 'veth',
        group: linkGroup,
        address: stableMac(`gateway ${name} ${bridge.address}`),
        up: true,
        peer: { name: `plg${bridge.index}.${vlan}`, group: linkGroup },
      })
      settle(kernel, name)
    } catch (error) {
      if (!isExists(error)) throw error // another ADD may have been quicker
    }
    link = kernel.link.get(name)
  }
  const port = link?.peerIndex === undefined ? undefined : kernel.link.get(link.peerIndex)
  if (!link || !port) throw checkFailed(`interface ${name} is not what was made for VLAN ${vlan}`)
  // New, or left by an earlier bridge of the same name.
  if (port.master !== bridge.index) {
    kernel.link.set({ index: port.index, master: bridge.index, up: true })
    removeDefaultVlan(kernel, bridge, port.index)
    kernel.bridgeVlan.add({ index: port.index, vlans: [{ vid: vlan, pvid: true, untagged: true }] })
  }
  if ((link.flags & IFF_UP) === 0) kernel.link.set({ index: link.index, up: true })
  return link
}
