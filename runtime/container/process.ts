// Processes by pid and start time: a pid alone may be another process's by now. proc(5), /proc/pid/stat

import { hasCode } from '../error.js'
import { readIfThere } from '../files.js'

export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks after boot. */
  readonly startTime: string
}

/** Identity of a living process, undefined when there is none (or only its zombie). */
export function processIdentity(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid)
  return stat === undefined ? undefined : { pid, startTime: stat.startTime }
}

export function ownIdentity(): ProcessIdentity {
  return processIdentity(process.pid) ?? { pid: process.pid, startTime: '0' }
}

export function isAlive(identity: ProcessIdentity | undefined): boolean {
  return identity !== undefined && readStat(identity.pid)?.startTime === identity.startTime
}

/** Sends SIGKILL and resolves when the process is gone. Throws when it is still there after `deadlineMs`. */
export async function killAndWait(identity: ProcessIdentity, deadlineMs = 10_000): Promise<void> {
  if (!isAlive(identity)) return
  try {
    process.kill(identity.pid, 'SIGKILL')
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
  await waitUntil(() => !isAlive(identity), `process ${identity.pid} to end`, deadlineMs)
}

/** Resolves when `condition` holds; the kernel tells of none of what is waited for here. */
export async function waitUntil(condition: () => boolean, what: string, deadlineMs: number): Promise<void> {
  const deadline = Date.now() + deadlineMs
  for (let delay = 1; !condition(); delay = Math.min(delay * 2, 50)) {
    if (Date.now() > deadline) throw new Error(`waited ${deadlineMs / 1000} s in vain for ${what}`)
    await new Promise(resolve => setTimeout(resolve, delay))
  }
}

function readStat(pid: number): { startTime: string } | undefined {
  let text: string | undefined
  try {
    text = readIfThere(`/proc/${pid}/stat`)
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
  if (text === undefined) return undefined
  // The name, field 2, is in brackets and may hold anything; field 3 is the state, field 22 the start time.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : { startTime: fields[19] ?? '' }
}
