// Finding processes by an environment variable they were started with, and ending them.
import { readdirSync, readFileSync } from 'node:fs'

export interface FoundProcess {
  readonly pid: number
  readonly command: string
}

/** Live processes whose environment holds this exact `KEY=VALUE`. */
export function processesWithEnv(key: string, value: string): FoundProcess[] {
  const wanted = `${key}=${value}`
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => readProc(pid, 'environ').split('\0').includes(wanted))
    .map(pid => ({ pid: Number(pid), command: readProc(pid, 'cmdline').replaceAll('\0', ' ').trim() }))
}

/** SIGKILLs these processes and resolves when all of them are gone. */
export async function endProcesses(found: readonly FoundProcess[], deadlineMs = 10_000): Promise<void> {
  for (const { pid } of found) signal(pid, 'SIGKILL')
  await until(
    () => found.every(({ pid }) => !isAlive(pid)),
    `end of ${found.map(f => f.pid).join(', ')}`,
    deadlineMs,
  )
}

/** Resolves once `condition` holds; throws after the deadline, naming what was waited for. */
export async function until(condition: () => boolean, what: string, deadlineMs = 10_000): Promise<void> {
  const deadline = Date.now() + deadlineMs
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${deadlineMs} ms in vain for: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** False also for a zombie: what it held is released. */
export function isAlive(pid: number): boolean {
  const stat = readProc(String(pid), 'stat')
  return stat !== '' && !/\) [ZX] /.test(stat)
}

export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false // gone already
  }
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return ''
  }
}
