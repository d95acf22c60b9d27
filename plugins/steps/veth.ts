// Step: the veth pair, with the container's end made in its namespace at once, and the host's end on the bridge.
import type { Call, JsonObject } from '../../cni/call.js'
import { runDir } from '../../cni/directories.js'
import { CniCode, CniError } from '../../cni/error.js'
import { type AttachmentRecord, RecordStore } from '../../cni/record.js'
import type { Step, Undo } from '../../cni/steps.js'
import { isErrno, isExists } from '../../kernel/error.js'
import { Namespace } from '../../kernel/namespace.js'
import type { BridgePortChange } from '../../wire/route/link.js'
import { hostIfname, isHostIfname, keyText, linkGroup } from '../names.js'
import { type AttachState, containerOf } from '../state.js'

export interface VethStepConfig {
  /** What to set on the bridge port beyond the kernel's defaults; undefined where there is nothing. */
  readonly port?: BridgePortChange
  readonly macspoofchk?: boolean
}

export const vethStep: Step<AttachState<VethStepConfig>> = {
  name: 'veth',

  plan(state) {
    return { hostIfname: state.hostIfname }
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
    // A container must not be able to configure the host by router advertisements.
    host.kernel.sysctl.setAll([[`net/ipv6/conf/${state.hostIfname}/accept_ra`, '0', { optional: true }]])
  },

  async undo(undo) {
    const { host, facts, key } = undo
    const names = facts
      ? [facts.hostIfname as string]
      : [hostIfname(key), hostIfname(key, { spoofcheck: true })]
    let removed = false
    for (const name of names) removed = (await host.reaper.removed(name)) || removed
    if (!removed && !undo.recorded) removeFromInside(undo)
  },

  check(state) {
    const { host, config, bridge, key } = state
    const link = host.kernel.link.get(state.hostIfname)
    if (!link) throw failed(`host interface ${state.hostIfname} is gone`)
    if (bridge && link.master !== bridge.index)
      throw failed(`host interface ${state.hostIfname} is not a port of ${bridge.name}`)
    if (config.port?.hairpin && !link.port?.hairpin)
      throw failed(`hairpin mode of ${state.hostIfname} is off`)
    if (config.port?.isolated && !link.port?.isolated)
      throw failed(`port isolation of ${state.hostIfname} is off`)
    const inside = containerOf(state).link.get(key.ifname)
    if (!inside) throw failed(`${key.ifname} is gone from ${state.netns.path}`)
    if (inside.kind !== 'veth') throw failed(`${key.ifname} in ${state.netns.path} is not a veth`)
    if (inside.peerIndex !== link.index)
      throw failed(`${key.ifname} in ${state.netns.path} is not the peer of ${state.hostIfname}`)
    if (inside.address && !inside.address.equals(state.mac))
      throw failed(`${key.ifname} has MAC ${inside.address}, not ${state.mac}`)
  },

  /** Host ends of this network that no record knows: left where the run directory was lost. */
  async gc(sweep) {
    const keep = new Set<string>(
      sweep.valid.flatMap(key => [hostIfname(key), hostIfname(key, { spoofcheck: true })]),
    )
    for (const name of recordedHostIfnames(sweep.call)) keep.add(name)
    const orphans = sweep.host.kernel.link
      .list({ group: linkGroup })
      .filter(link => isHostIfname(link.name, sweep.network) && !keep.has(link.name))
    await Promise.all(orphans.map(link => sweep.host.reaper.removed(link.name)))
  },
}

function makePair(state: AttachState<VethStepConfig>): void {
  const { host, key, netns, bridge } = state
  const mtu = state.mtu > 0 ? { mtu: state.mtu } : {}
  host.kernel.link.add({
    name: state.hostIfname,
    kind: 'veth',
    address: state.hostMac,
    group: linkGroup,
    ...mtu,
    ...(bridge && { master: bridge.index, up: true }),
    peer: { name: key.ifname, netnsFd: netns.fd, address: state.mac, ...mtu },
  })
}

/** Removes a host end of this attachment's name which no record knows; false when there is none. */
async function removeOrphan(state: AttachState<VethStepConfig>): Promise<boolean> {
  const { host, call, key, hostIfname } = state
  const others = recordedHostIfnames(call, record => keyText(record) !== keyText(key))
  return !others.includes(hostIfname) && host.reaper.removed(hostIfname)
}

/** All networks' records: four characters of a network's name are not proof enough to delete a link. */
function recordedHostIfnames(
  call: Call,
  which: (record: AttachmentRecord) => boolean = () => true,
): string[] {
  const records = new RecordStore(runDir(call.env))
  return records
    .networks()
    .flatMap(network => records.listAll(network))
    .filter(which)
    .flatMap(record => Object.values(record.facts))
    .map(facts => (facts as JsonObject).hostIfname)
    .filter((name): name is string => typeof name === 'string')
}

/** An attachment without a record, as another bridge plugin may have made it: take its veth away by the name inside. */
function removeFromInside(undo: Undo): void {
  if (!undo.netns) return
  using container = Namespace.open(undo.netns.fd)
  if (container.link.get(undo.key.ifname)?.kind === 'veth') container.link.remove(undo.key.ifname)
}

function explain(error: unknown, state: AttachState<VethStepConfig>): unknown {
  const { bridge, key, netns } = state
  if (isErrno(error, 'EXFULL'))
    return new CniError(
      CniCode.tryAgain,
      `bridge ${bridge?.name} is full: it takes 1023 ports`,
      'use a second bridge, or the routed plugin, which has no such limit',
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

function failed(msg: string): CniError {
  return new CniError(CniCode.checkFailed, msg)
}
