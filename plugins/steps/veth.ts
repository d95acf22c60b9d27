// Step: the veth pair, with the container's end made in its namespace at once, and the host's end on the bridge.
import { CniCode, CniError } from '../../cni/error.js'
import type { Step, Undo } from '../../cni/steps.js'
import { isErrno, isExists } from '../../kernel/error.js'
import { Namespace } from '../../kernel/namespace.js'
import type { SysctlSetting } from '../../kernel/sysctl.js'
import { IFF_UP } from '../../wire/route/constants.js'
import type { BridgePortChange } from '../../wire/route/link.js'
import type { BandwidthConfig } from '../bandwidth/config.js'
import { hostIfnames, ifbIfname, isHostIfname, keyText, linkGroup } from '../names.js'
import { recordedHostIfnames } from '../recorded.js'
import {
  type AttachState,
  birthName,
  type CommonConfig,
  checkFailed,
  checkLink,
  containerOf,
  previousInterface,
} from '../state.js'

export interface VethStepConfig extends CommonConfig {
  /** What to set on the bridge port beyond the kernel's defaults; undefined where there is nothing. */
  readonly port?: BridgePortChange
  readonly macspoofchk?: boolean
  /** Where there are limits, the step that makes them brings the host end up. */
  readonly bandwidth?: BandwidthConfig | undefined
}

export const vethStep: Step<AttachState<VethStepConfig>> = {
  name: 'veth',

  plan({ hostIfname, key, config }) {
    return { hostIfname, ...(config.bandwidth?.egress && { ifb: ifbIfname(key) }) }
  },

  async apply(state) {
    const { host, config, bridge } = state
    try {
      makePair(state)
    } catch (error) {
      if (!isExists(error) || !(await removeOrphan(state))) throw explain(error, state)
      makePair(state)
    }
    if (bridge && config.port) host.kernel.link.set({ name: state.hostIfname, port: config.port })
    host.kernel.sysctl.setAll(hostSettings(state))
  },

  async undo(undo) {
    const { host, facts, key } = undo
    // The ifb of its limits goes with it: several links take no longer than one.
    const { hostIfname, ifb } = (facts ?? {}) as { hostIfname?: string; ifb?: string }
    const names = hostIfname === undefined ? hostIfnames(key) : [hostIfname]
    const ifbs = ifb ?? (facts ? [] : ifbIfname(key))
    const removed = await host.reaper.removedAll(names.concat(ifbs))
    if (!removed.slice(0, names.length).includes(true) && !undo.recorded) removeFromInside(undo)
  },

  check(state) {
    const { call, host, config, bridge, key } = state
    const link = host.kernel.link.get(state.hostIfname)
    if (!link) throw checkFailed(`host interface ${state.hostIfname} is gone`)
    if ((link.flags & IFF_UP) === 0) throw checkFailed(`host interface ${state.hostIfname} is down`)
    if (bridge && link.master !== bridge.index)
      throw checkFailed(`host interface ${state.hostIfname} is not a port of ${bridge.name}`)
    if (config.port?.hairpin && !link.port?.hairpin)
      throw checkFailed(`hairpin mode of ${state.hostIfname} is off`)
    if (config.port?.isolated && !link.port?.isolated)
      throw checkFailed(`port isolation of ${state.hostIfname} is off`)
    checkLink(call, link, 'host')
    const inside = containerOf(state).link.get(key.ifname)
    if (!inside) throw checkFailed(`${key.ifname} is gone from ${state.netns.path}`)
    if (inside.kind !== 'veth') throw checkFailed(`${key.ifname} in ${state.netns.path} is not a veth`)
    if (inside.peerIndex !== link.index)
      throw checkFailed(`${key.ifname} in ${state.netns.path} is not the peer of ${state.hostIfname}`)
    checkLink(call, inside, 'container')
  },

  /** Host ends of this network that no record knows: left where the run directory was lost. */
  async gc(sweep) {
    const keep = new Set([...sweep.valid.flatMap(hostIfnames), ...recordedHostIfnames(sweep.call)])
    const orphans = sweep.host.kernel.link
      .list({ group: linkGroup })
      .filter(link => isHostIfname(link.name, sweep.network) && !keep.has(link.name))
    await Promise.all(orphans.map(link => sweep.host.reaper.removed(link.name)))
  },
}

function makePair(state: AttachState<VethStepConfig>): void {
  const { host, netns, bridge, config } = state
  const mtu = state.mtu > 0 ? { mtu: state.mtu } : {}
  host.kernel.link.add({
    name: state.hostIfname,
    kind: 'veth',
    address: state.hostMac,
    group: linkGroup,
    queues: 1,
    ...mtu,
    up: config.bandwidth === undefined,
    ...(bridge && { master: bridge.index }),
    peer: { name: birthName(state), netnsFd: netns.fd, address: state.mac, queues: 1, ...mtu },
  })
}

function hostSettings({ hostIfname, bridge, ips }: AttachState<unknown>): SysctlSetting[] {
  const v6 = `net/ipv6/conf/${hostIfname}`
  // A container must not be able to configure the host by router advertisements.
  const settings: SysctlSetting[] = [[`${v6}/accept_ra`, '0', { optional: true }]]
  // Without a bridge this is where neighbours are asked for, which takes a link-local address that is no longer tentative.
  if (!bridge && ips.some(ip => ip.address.family === 6))
    settings.push([`${v6}/accept_dad`, '0', { optional: true }])
  return settings
}

/** Removes a host end of this attachment's name which no record knows; false when there is none. */
async function removeOrphan(state: AttachState<VethStepConfig>): Promise<boolean> {
  const { host, call, key, hostIfname } = state
  const others = recordedHostIfnames(call, record => keyText(record) !== keyText(key))
  return !others.includes(hostIfname) && host.reaper.removed(hostIfname)
}

/**
 * An attachment without a record may be one that another bridge plugin has made: then ADD's result names the link inside.
 * Where nothing says that the link is of this attachment, it is left alone: it may be why the ADD was refused.
 */
function removeFromInside({ netns, key, call }: Undo): void {
  if (!netns || !previousInterface(call, key.ifname, 'container')) return
  using container = Namespace.open(netns.fd)
  if (container.link.get(key.ifname)?.kind === 'veth') container.link.remove(key.ifname)
}

function explain(error: unknown, state: AttachState<VethStepConfig>): unknown {
  const { bridge, key, netns } = state
  if (isErrno(error, 'EXFULL'))
    return new CniError(
      CniCode.tryAgain,
      `bridge ${bridge?.name} is full: it takes 1023 ports`,
      'use a second bridge, or ptp, which has no such limit',
      { cause: error },
    )
  if (isExists(error))
    return new CniError(
      CniCode.alreadyAttached,
      `interface ${key.ifname} exists already in ${netns.path}`,
      `or ${state.hostIfname} on the host; delete it, or give CNI_IFNAME another name`,
      { cause: error },
    )
  return error
}
