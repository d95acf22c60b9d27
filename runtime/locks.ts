// Who must not work at the same time. Order: a container's lock before the runtime's, never the other way.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { lockFile } from '../kernel/lock.js'
import { ContainerStore } from './container/state.js'
import type { Settings } from './settings.js'

/**
 * Held by a GC for all its length, and by everybody else only while he writes down what he is about to attach or detach: so the list of
 * valid attachments that GC hands out is complete, and attachments do not wait for one another. CNI SPEC: GC excludes ADD and DEL.
 */
export function lockRuntime({ runDir }: Settings): Promise<Disposable> {
  mkdirSync(runDir, { recursive: true, mode: 0o700 })
  return lockFile(join(runDir, 'runtime.lock'))
}

/** Held while a container is created or taken down. CNI SPEC: no two operations on one container at a time. */
export function lockContainer({ runDir }: Settings, id: string): Promise<Disposable> {
  const store = new ContainerStore(runDir)
  mkdirSync(store.directory, { recursive: true, mode: 0o700 })
  return lockFile(store.lockFile(id))
}
