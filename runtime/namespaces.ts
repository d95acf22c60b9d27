// Attaching network namespaces that others made (or that are made for it), without a container.
import { closeSync, statSync } from 'node:fs'
import { basename, isAbsolute, join, normalize } from 'node:path'
import { shortHash } from '../cni/hash.js'
import { isNotFound } from '../kernel/error.js'
import { netnsIdentity, openNetns, ownNetns, removeNetns, sameNetns } from '../kernel/netns.js'
import { attachAll, detachAll, failedAttach } from './attach.js'
import { makeNetns } from './container/create.js'
import { isDead } from './container/liveness.js'
import { isAlive, ownIdentity } from './container/process.js'
import { type ContainerState, ContainerStore, type PlannedAttachment } from './container/state.js'
import { RuntimeError } from './error.js'
import { lockContainer, lockRuntime } from './locks.js'
import { requireName } from './names.js'
import { libcniOf, type Settings } from './settings.js'

const namedNetns = '/run/netns'

/** Path of a namespace given by path, or by its name in /run/netns as `ip netns` has them. */
export function netnsPath(reference: string): string {
  if (!isAbsolute(reference)) return join(namedNetns, requireName('network namespace', reference))
  if (normalize(reference) === reference && !reference.endsWith('/')) return reference
  throw new RuntimeError(`${reference} is no plain path`, 'give the path without "..", "." and "//"')
}

/** The container ID under which a namespace is attached: the same for the same path. */
export function namespaceId(path: string): string {
  const name = basename(path).replaceAll(/[^a-zA-Z0-9_-]/g, '')
  return `ns-${name === '' ? '' : `${name.slice(0, 40)}-`}${shortHash(path, 6)}`
}

export interface AttachOptions {
  readonly attachments: readonly PlannedAttachment[]
  /** Makes the namespace when it is not there. */
  readonly create?: boolean
}

/** Attaches the namespace at `path` to more networks. Rejects, with none of them attached, when one of them fails. */
export async function attachNamespace(
  settings: Settings,
  path: string,
  { attachments, create = false }: AttachOptions,
  signal?: AbortSignal,
): Promise<ContainerState> {
  const id = namespaceId(path)
  const store = new ContainerStore(settings.runDir)
  using _lock = await lockContainer(settings, id)
  const planned = (attachment: PlannedAttachment) => attachments.some(other => isSame(attachment, other))
  let state: ContainerState | undefined
  try {
    state = await register(settings, store, path, attachments, create)
    if (state.netns.ours && state.netns.identity === undefined)
      state = { ...state, netns: { ...state.netns, identity: makeNetns(path) } }
    state = { ...(await attachAll(libcniOf(settings), store, state, signal)), phase: 'running' }
    store.write(state)
    return state
  } catch (error) {
    if (state === undefined) {
      if (store.read(id) === undefined) store.remove(id) // the lock file that we have just made
      throw error
    }
    const cleanup = await detachLocked(settings, store, store.read(id) ?? state, planned).then(
      () => undefined,
      failure => failure,
    )
    throw failedAttach(error, cleanup, id)
  }
}

/** Detaches the namespace from some or all of its networks; one that was made for it goes with the last of them. */
export async function detachNamespace(
  settings: Settings,
  path: string,
  networks: readonly string[],
): Promise<PlannedAttachment[]> {
  const id = namespaceId(path)
  const store = new ContainerStore(settings.runDir)
  using _lock = await lockContainer(settings, id)
  const state = store.read(id)
  const which = ({ network }: PlannedAttachment) => networks.length === 0 || networks.includes(network)
  if (state === undefined) {
    store.remove(id) // the lock file that we have just made
    throw new RuntimeError(`${path} is not attached to any network`, 'list attachments with: plumbline ps')
  }
  const missing = networks.find(network => !state.attachments.some(other => other.network === network))
  if (missing !== undefined)
    throw new RuntimeError(
      `${path} is not attached to network "${missing}"`,
      `it is attached to: ${state.attachments.map(({ network }) => network).join(', ')}`,
    )
  await detachLocked(settings, store, state, which)
  return state.attachments.filter(which)
}

/** Drops what a killed runtime had begun to attach; what was attached before stays. False when there was nothing of the kind. */
export async function repairNamespace(settings: Settings, id: string): Promise<boolean> {
  const store = new ContainerStore(settings.runDir)
  using _lock = await lockContainer(settings, id)
  const state = store.read(id)
  if (state?.kind !== 'namespace' || state.phase === 'running' || isAlive(state.owner) || isDead(state)) {
    if (state === undefined) store.remove(id)
    return false
  }
  await detachLocked(settings, store, state, ({ result }) => result === undefined)
  return true
}

async function detachLocked(
  settings: Settings,
  store: ContainerStore,
  state: ContainerState,
  which: (planned: PlannedAttachment) => boolean,
): Promise<void> {
  const removing: ContainerState = { ...state, phase: 'removing', owner: ownIdentity() }
  {
    using _lock = await lockRuntime(settings)
    store.write(removing)
  }
  const left = await detachAll(libcniOf(settings, state.cniPath), store, removing, which)
  if (left.attachments.length > 0) {
    store.write({ ...left, phase: 'running' })
    return
  }
  if (state.netns.ours) removeNetns(state.netns.path)
  store.remove(state.id)
}

async function register(
  settings: Settings,
  store: ContainerStore,
  path: string,
  attachments: readonly PlannedAttachment[],
  create: boolean,
): Promise<ContainerState> {
  const id = namespaceId(path)
  using _lock = await lockRuntime(settings)
  const before = store.read(id)
  for (const attachment of attachments)
    if (before?.attachments.some(other => isSame(attachment, other)))
      throw new RuntimeError(
        `${path} is attached to network "${attachment.network}" as ${attachment.ifname} already`,
        'give another --ifname, or detach it first with: plumbline detach',
      )
  const there = statSync(path, { throwIfNoEntry: false }) !== undefined
  if (!there && !create)
    throw new RuntimeError(`there is no network namespace ${path}`, 'add --create to have it made')
  const state: ContainerState = {
    format: 1,
    id,
    kind: 'namespace',
    createdAt: before?.createdAt ?? new Date().toISOString(),
    phase: 'creating',
    owner: ownIdentity(),
    detached: true,
    command: [],
    netns: before?.netns ?? { path, ours: !there, ...(there && { identity: requireForeign(path) }) },
    cniPath: [...new Set([...settings.cniPath, ...(before?.cniPath ?? [])])],
    cgroups: [],
    attachments: [...(before?.attachments ?? []), ...attachments],
  }
  store.write(state)
  return state
}

/** The identity of somebody else's namespace: attaching our own would turn the machine's network upside down. */
function requireForeign(path: string) {
  let fd: number
  try {
    fd = openNetns(path)
  } catch (error) {
    const what = isNotFound(error) ? 'there is no network namespace' : 'this is no network namespace:'
    throw new RuntimeError(`${what} ${path}`, 'make one with: ip netns add NAME')
  }
  try {
    const identity = netnsIdentity(fd)
    if (!sameNetns(identity, ownNetns())) return identity
  } finally {
    closeSync(fd)
  }
  throw new RuntimeError(
    `${path} is the network namespace of this machine itself`,
    'make one with: ip netns add NAME',
  )
}

function isSame(a: PlannedAttachment, b: PlannedAttachment): boolean {
  return a.network === b.network && a.ifname === b.ifname
}
