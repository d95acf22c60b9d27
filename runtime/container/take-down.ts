// Taking a container down: its process, its attachments, its namespace, its control groups, its files. Repeatable after any failure.
import { removeNetns } from '../../kernel/netns.js'
import { detachAll } from '../attach.js'
import { RuntimeError } from '../error.js'
import { lockContainer, lockRuntime } from '../locks.js'
import { libcniOf, type Settings } from '../settings.js'
import { removeCgroups } from './cgroup.js'
import { isDead } from './liveness.js'
import { killAndWait, ownIdentity } from './process.js'
import { type ContainerState, ContainerStore } from './state.js'

export interface TakeDownOptions {
  /** Leaves the state, the log and the exit code. */
  readonly keepRecord?: boolean
  /** Only when it is dead by the time it is our turn. */
  readonly onlyDead?: boolean
}

/** Takes a container down, whatever state it is in. False when there was none, or it is alive and only dead ones are meant. */
export async function takeDown(
  settings: Settings,
  id: string,
  options: TakeDownOptions = {},
): Promise<boolean> {
  using _lock = await lockContainer(settings, id)
  return await takeDownLocked(settings, id, options)
}

/** The same for the holder of the container's lock. */
export async function takeDownLocked(
  settings: Settings,
  id: string,
  { keepRecord = false, onlyDead = false }: TakeDownOptions = {},
): Promise<boolean> {
  const store = new ContainerStore(settings.runDir)
  const state = store.read(id)
  if (state === undefined || (onlyDead && !isDead(state))) {
    if (state === undefined) store.remove(id) // the lock file that we have just made
    return false
  }
  const released = state.phase === 'released' ? state : await release(settings, store, state)
  if (keepRecord) {
    store.removeMounted(id)
    store.write(released)
  } else store.remove(id)
  return true
}

async function release(
  settings: Settings,
  store: ContainerStore,
  state: ContainerState,
): Promise<ContainerState> {
  const removing: ContainerState = { ...state, phase: 'removing', owner: ownIdentity() }
  {
    using _lock = await lockRuntime(settings)
    store.write(removing)
  }
  if (state.process !== undefined) await killAndWait(state.process)
  const detached = await detachAll(libcniOf(settings, state.cniPath), store, removing)
  if (state.netns.ours) removeNetns(state.netns.path)
  await removeCgroups(state.cgroups)
  return { ...detached, phase: 'released' }
}

/** Throws when the container's command is running. */
export function requireEnded(state: ContainerState): void {
  if (state.kind === 'namespace' || isDead(state) || state.phase === 'released') return
  const name = state.name ?? state.id
  throw new RuntimeError(`container ${name} is running`, `end it first, or: plumbline rm --force ${name}`)
}
