// Putting away what nobody uses any more: dead containers, and whatever the networks hold for attachments that are gone.
import { join } from 'node:path'
import { type AttachmentRecord, RecordStore } from '../cni/record.js'
import { netnsIdentity, removeNetns, sameNetns } from '../kernel/netns.js'
import { sweepCgroups } from './container/cgroup.js'
import { isDead, validAttachments } from './container/liveness.js'
import { isAlive } from './container/process.js'
import { type ContainerState, ContainerStore } from './container/state.js'
import { takeDown } from './container/take-down.js'
import { listIfThere } from './files.js'
import type { Attachment } from './libcni/inject.js'
import { gcNetworkList } from './libcni/network.js'
import type { NetworkList } from './libcni/network-list.js'
import { lockRuntime } from './locks.js'
import { repairNamespace } from './namespaces.js'
import { listNetworks } from './networks.js'
import { libcniOf, type Settings } from './settings.js'

/** As long as runtimes wait for a plugin. */
const longestAddMs = 120_000

export interface GcReport {
  /** Containers that were dead, by id: those that had ended in the background keep their exit code and log. */
  readonly containers: readonly string[]
  /** Namespaces and control groups that belonged to no container. */
  readonly leftovers: readonly string[]
  /** For each network how many attachments are valid, and which ones from the result cache were removed. */
  readonly networks: readonly { name: string; valid: number; removed: readonly Attachment[] }[]
  readonly errors: readonly unknown[]
}

/** Tries everything; what failed is in `errors`. */
export async function collectGarbage(settings: Settings): Promise<GcReport> {
  const errors: unknown[] = []
  const containers = await takeDownDead(settings, errors)
  const leftovers = removeLeftovers(settings, errors)
  using _lock = await lockRuntime(settings)
  const networks: GcReport['networks'][number][] = []
  for (const network of allNetworks(settings)) {
    const valid = liveAttachments(settings, network.name)
    try {
      const removed = await gcNetworkList(libcniOf(settings), network, valid)
      networks.push({
        name: network.name,
        valid: valid.length,
        removed: removed.map(({ containerId, ifname }) => ({ containerID: containerId, ifname })),
      })
    } catch (error) {
      errors.push(error)
    }
  }
  return { containers, leftovers, networks, errors }
}

/**
 * The attachments of a network that are in use, to be read under the runtime's lock: those of our containers, and those that
 * other runtimes made with our plugins, as long as their namespace is the one it was.
 */
export function liveAttachments(settings: Settings, network: string): Attachment[] {
  const states = new ContainerStore(settings.runDir).list()
  const ours = states.flatMap(state =>
    validAttachments(state)
      .filter(attachment => attachment.network === network)
      .map(({ ifname }) => ({ containerID: state.id, ifname })),
  )
  const known = new Set(states.map(({ id }) => id))
  const foreign = new RecordStore(settings.runDir)
    .listAll(network)
    .filter(record => !known.has(record.containerId) && isInUse(record) && isThere(record.netns))
    .map(({ containerId, ifname }) => ({ containerID: containerId, ifname }))
  const unique = new Map([...ours, ...foreign].map(one => [`${one.containerID}@${one.ifname}`, one]))
  return [...unique.values()]
}

/** Every network that is configured, and every one that is not any more but has attachments. */
function allNetworks(settings: Settings): NetworkList[] {
  const { networks } = listNetworks(settings)
  const names = new Set(networks.map(({ name }) => name))
  const vanished = libcniOf(settings)
    .cache.list()
    .map(({ list }) => list)
    .filter(({ name }) => !names.has(name) && names.add(name))
  return [...networks, ...vanished]
}

async function takeDownDead(settings: Settings, errors: unknown[]): Promise<string[]> {
  const done: string[] = []
  for (const state of new ContainerStore(settings.runDir).list()) {
    try {
      if (isHalfAttached(state)) await repairNamespace(settings, state.id)
      else if (
        isDead(state) &&
        (await takeDown(settings, state.id, { onlyDead: true, keepRecord: hasEnded(state) }))
      )
        done.push(state.id)
    } catch (error) {
      errors.push(error)
    }
  }
  return done
}

/** Ended by itself in the background: somebody may yet ask for its exit code. */
function hasEnded({ kind, detached, phase }: ContainerState): boolean {
  return kind === 'container' && detached && phase === 'running'
}

function isHalfAttached(state: ContainerState): boolean {
  return state.kind === 'namespace' && state.phase !== 'running' && !isAlive(state.owner) && !isDead(state)
}

function removeLeftovers(settings: Settings, errors: unknown[]): string[] {
  // The directory is read before the states: a state is written before its namespace is made.
  const directory = join(settings.runDir, 'netns')
  const present = listIfThere(directory)
  const store = new ContainerStore(settings.runDir)
  const known = new Set(store.list().map(({ id }) => id))
  const removed: string[] = []
  for (const id of present.filter(name => !known.has(name))) {
    try {
      if (removeNetns(join(directory, id))) removed.push(join(directory, id))
    } catch (error) {
      errors.push(error)
    }
  }
  return [...removed, ...sweepCgroups(known)]
}

/** Attached, or just being attached: an ADD that takes longer than this has been killed. */
function isInUse({ state, createdAt }: AttachmentRecord): boolean {
  return state === 'attached' || Date.now() - Date.parse(createdAt) < longestAddMs
}

function isThere({ path, dev, ino }: { path: string; dev: number; ino: number }): boolean {
  try {
    return sameNetns(netnsIdentity(path), { dev, ino })
  } catch {
    return false
  }
}
