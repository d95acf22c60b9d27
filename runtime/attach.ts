// Attaching a container to its networks, and detaching it from them.

import { performance } from 'node:perf_hooks'
import { isNamespaceThere } from './container/liveness.js'
import type { ContainerState, ContainerStore, PlannedAttachment } from './container/state.js'
import { combined, messageOf, RuntimeError } from './error.js'
import type { CachedAttachment } from './libcni/cache.js'
import {
  addNetworkList,
  delNetworkList,
  type Libcni,
  type RuntimeConf,
  runtimeConf,
} from './libcni/network.js'
import { type NetworkList, parseConflist } from './libcni/network-list.js'

/**
 * Runs ADD for every planned attachment in order and writes each result down. Stops when `signal` is aborted. After a rejection
 * `detachAll` must follow, which is also what the SPEC asks for after a failed ADD.
 */
export async function attachAll(
  cni: Libcni,
  store: ContainerStore,
  state: ContainerState,
  signal?: AbortSignal,
): Promise<ContainerState> {
  let current = state
  for (const planned of state.attachments) {
    if (planned.result !== undefined) continue
    signal?.throwIfAborted()
    const rt = { ...rtOf(state, planned), netns: state.netns.path }
    const start = performance.now()
    const result = await addNetworkList(cni, listOf(planned), rt)
    const attached = { ...planned, result, attachMs: Math.round((performance.now() - start) * 100) / 100 }
    current = replace(current, planned, attached)
    store.write(current)
  }
  return current
}

/**
 * Runs DEL for the attachments, the last one first, and forgets each that is gone. One that fails keeps none of the others from
 * being detached; in the end all failures are thrown as one.
 */
export async function detachAll(
  cni: Libcni,
  store: ContainerStore,
  state: ContainerState,
  which: (planned: PlannedAttachment) => boolean = () => true,
): Promise<ContainerState> {
  const errors: unknown[] = []
  let current = state
  for (const planned of [...state.attachments].reverse().filter(which)) {
    try {
      await detach(cni, state, planned)
      current = replace(current, planned)
      store.write(current)
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw combined('detaching failed', errors)
  return current
}

/** The error of an ADD, with what became of the DEL that followed. */
export function failedAttach(error: unknown, cleanup: unknown, id: string): unknown {
  if (cleanup === undefined) return error
  return new RuntimeError(
    `${messageOf(error)}; and taking it down again failed: ${messageOf(cleanup)}`,
    `when the cause is gone, finish with: plumbline rm --force ${id}`,
    { cause: error },
  )
}

/** The network as it was when it was attached. */
export function listOf(planned: PlannedAttachment): NetworkList {
  return parseConflist(JSON.stringify(planned.config), `network ${planned.network}`)
}

/** How a state's attachment is handed to DEL and CHECK; the namespace is left out when it is gone. */
export function rtOf(state: ContainerState, planned: PlannedAttachment): RuntimeConf {
  const { ifname, args, capabilityArgs } = planned
  const netns = isNamespaceThere(state) ? state.netns.path : ''
  return { containerId: state.id, netns, ifname, args, capabilityArgs }
}

async function detach(cni: Libcni, state: ContainerState, planned: PlannedAttachment): Promise<void> {
  const cached = readCache(cni, state, planned)
  const rt = rtOf(state, planned)
  if (cached) await delNetworkList(cni, cached.list, { ...runtimeConf(cached), netns: rt.netns })
  else await delNetworkList(cni, listOf(planned), rt)
}

function readCache(
  cni: Libcni,
  state: ContainerState,
  planned: PlannedAttachment,
): CachedAttachment | undefined {
  try {
    return cni.cache.read({ network: planned.network, containerId: state.id, ifname: planned.ifname })
  } catch {
    return undefined // broken: what was planned must do
  }
}

function replace(state: ContainerState, old: PlannedAttachment, by?: PlannedAttachment): ContainerState {
  const same = (other: PlannedAttachment) => other.network === old.network && other.ifname === old.ifname
  return {
    ...state,
    attachments: state.attachments.flatMap(other => (same(other) ? (by ? [by] : []) : [other])),
  }
}
