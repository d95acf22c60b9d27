// The resident of this network namespace, found by its pid file. It is started by the launcher, not by us.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, processIdentity, waitUntil } from '../runtime/container/process.js'
import { readIfThere } from '../runtime/files.js'
import type { Settings } from '../runtime/settings.js'

/** Undefined when none runs. */
export function residentPid(settings: Settings): number | undefined {
  const pid = Number(readIfThere(`${basePath(settings)}.pid`) ?? 0)
  if (!Number.isSafeInteger(pid) || pid <= 0 || processIdentity(pid) === undefined) return undefined
  // The file may be that of a resident that was killed, and the pid another process's by now.
  const command = readIfThere(`/proc/${pid}/cmdline`) ?? ''
  return /plumbline-resident|resident\.cjs/.test(command) ? pid : undefined
}

/** Lets it finish what it is doing, and waits until it has ended. Returns its pid, undefined when none ran. */
export async function stopResident(settings: Settings): Promise<number | undefined> {
  const pid = residentPid(settings)
  const identity = pid === undefined ? undefined : processIdentity(pid)
  if (identity === undefined) return undefined
  process.kill(identity.pid, 'SIGTERM')
  await waitUntil(() => !isAlive(identity), `the resident (pid ${identity.pid}) to end`, 60_000)
  return identity.pid
}

export function residentSocket(settings: Settings): string {
  return `${basePath(settings)}.sock`
}

function basePath({ runDir }: Settings): string {
  return join(runDir, `resident-${statSync('/proc/self/ns/net').ino}`)
}
