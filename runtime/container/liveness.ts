// Which containers are alive. The kernel is asked each time: a state file may be that of a runtime that was killed.
import { netnsIdentity, sameNetns } from '../../kernel/netns.js'
import { isAlive } from './process.js'
import type { ContainerState, ContainerStore, PlannedAttachment } from './state.js'

export type Status = 'creating' | 'running' | 'attached' | 'removing' | 'exited' | 'dead'

/** True when its attachments are nobody's any more: whoever used them is gone, and so is whoever would have taken them down. */
export function isDead(state: ContainerState): boolean {
  if (state.phase === 'released') return false
  if (state.kind === 'namespace') return validAttachments(state).length === 0
  if (state.phase !== 'running') return !isAlive(state.owner)
  // Between the end of its command and the removal by the runtime that waited for it, a container is not yet dead.
  return !isAlive(state.process) && (state.detached || !isAlive(state.owner))
}

/** Attachments that are in use, or that a living runtime is working on. */
export function validAttachments(state: ContainerState): readonly PlannedAttachment[] {
  if (state.kind === 'container') return isDead(state) || state.phase === 'released' ? [] : state.attachments
  // A namespace keeps what was attached before a runtime was killed while it attached more.
  const working = state.phase !== 'running' && isAlive(state.owner)
  if (!working && !isNamespaceThere(state)) return []
  return state.attachments.filter(({ result }) => working || result !== undefined)
}

/** For people. `dead` is what was left behind by a runtime that was killed. */
export function statusOf(state: ContainerState, store: ContainerStore): Status {
  if (state.phase === 'released') return 'exited'
  if (state.phase === 'running' && state.kind === 'container' && !isAlive(state.process))
    return state.detached || store.exitCode(state.id) !== undefined ? 'exited' : 'dead'
  if (isDead(state)) return 'dead'
  return state.kind === 'namespace' && !(state.phase !== 'running' && isAlive(state.owner))
    ? 'attached'
    : state.phase
}

/** Exit status of an ended command. PID 1 leaves none when it was killed: only SIGKILL does that. */
export function exitStatus(state: ContainerState, store: ContainerStore): number | undefined {
  if (state.kind === 'namespace' || state.process === undefined || isAlive(state.process)) return undefined
  return store.exitCode(state.id) ?? 128 + 9
}

/** False also when another namespace has taken its place. */
export function isNamespaceThere({ netns }: ContainerState): boolean {
  try {
    const now = netnsIdentity(netns.path)
    return netns.identity === undefined || sameNetns(now, netns.identity)
  } catch {
    return false
  }
}
