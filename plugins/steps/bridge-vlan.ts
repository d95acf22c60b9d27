// Step: the VLANs of the container's port, and the interface that carries the gateway addresses of its VLAN.
import * as v from 'valibot'
import { CniCode, CniError } from '../../cni/error.js'
import { integer } from '../../cni/schema.js'
import type { Step } from '../../cni/steps.js'
import { isExists } from '../../kernel/error.js'
import type { Namespace } from '../../kernel/namespace.js'
import type { PortVlan } from '../../wire/route/bridge-vlan.js'
import type { Link } from '../../wire/route/link.js'
import { linkGroup, stableMac } from '../names.js'
import type { AttachState } from '../state.js'
import { type BridgeStepConfig, ensureGateways } from './bridge.js'

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
    if (!port || !bridge) throw failed(`host interface ${state.hostIfname} is gone`)
    setPortVlans(host.kernel, port.index, config)
    if (config.vlan === 0 || !config.isGateway) return
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
    for (const wanted of portVlans(config))
      if (!present.some(p => p.vid <= wanted.vid && (p.to ?? p.vid) >= (wanted.to ?? wanted.vid)))
        throw failed(`VLAN ${wanted.vid} is gone from port ${state.hostIfname}`)
  },
}

function setPortVlans(kernel: Namespace, index: number, config: BridgeVlanStepConfig): void {
  if (!config.preserveDefaultVlan) kernel.bridgeVlan.remove({ index, vlans: [{ vid: 1 }] })
  kernel.bridgeVlan.add({ index, vlans: portVlans(config) })
}

function portVlans({ vlan, vlanTrunk }: BridgeVlanStepConfig): PortVlan[] {
  // A trunk without a VLAN of its own still needs one for untagged frames.
  const own: PortVlan = { vid: vlan || 1, pvid: true, untagged: true }
  return [
    own,
    ...vlanTrunk.flatMap(({ id, minID, maxID }): PortVlan[] => [
      ...(id === undefined ? [] : [{ vid: id }]),
      ...(minID === undefined ? [] : [{ vid: minID, to: maxID! }]),
    ]),
  ]
}

/** `<bridge>.<vlan>`: a pair whose far end is a port of the bridge in that VLAN. Shared, so never undone. */
function ensureVlanInterface(kernel: Namespace, bridge: Link, { vlan }: BridgeVlanStepConfig): Link {
  const name = `${bridge.name}.${vlan}`
  const present = kernel.link.get(name)
  if (present) return present
  const portName = `plg${bridge.index}.${vlan}`
  try {
    kernel.link.add({
      name,
      kind: 'veth',
      group: linkGroup,
      address: stableMac(`gateway ${name} ${bridge.address}`),
      peer: { name: portName },
    })
  } catch (error) {
    if (!isExists(error)) throw error // another ADD may have been quicker
  }
  const port = kernel.link.get(portName)
  if (port) {
    kernel.link.set({ index: port.index, master: bridge.index, up: true })
    kernel.bridgeVlan.remove({ index: port.index, vlans: [{ vid: 1 }] })
    kernel.bridgeVlan.add({ index: port.index, vlans: [{ vid: vlan, pvid: true, untagged: true }] })
  }
  kernel.link.set({ name, up: true })
  const link = kernel.link.get(name)
  if (!link) throw failed(`interface ${name} vanished while it was made`)
  return link
}

function failed(msg: string): CniError {
  return new CniError(CniCode.checkFailed, msg)
}
