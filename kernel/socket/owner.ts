// Whose a socket is: the process with a descriptor open on it, as /proc/PID/fd shows.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface SocketOwner {
  readonly pid: number
  /** As /proc/PID/comm has it: 15 characters at most. */
  readonly name: string
}

/**
 * The process of the lowest number that holds the socket. Undefined when none is seen: it ended, is in another PID namespace, or is
 * not found within `budgetMs`. Reads every descriptor of every process up to that one, so this is for messages, not for work.
 */
export function ownerOf(inode: number, budgetMs = 50, proc = '/proc'): SocketOwner | undefined {
  const deadline = performance.now() + budgetMs
  const target = `socket:[${inode}]`
  const pids = namesIn(proc)
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
  for (const pid of pids) {
    const directory = `${proc}/${pid}/fd`
    for (const fd of namesIn(directory)) {
      if (performance.now() > deadline) return undefined
      if (attempt(() => readlinkSync(`${directory}/${fd}`)) !== target) continue
      const name = attempt(() => readFileSync(`${proc}/${pid}/comm`, 'utf8').trimEnd())
      return { pid, name: name ?? '?' }
    }
  }
  return undefined
}

function namesIn(directory: string): string[] {
  return attempt(() => readdirSync(directory)) ?? []
}

/** Undefined when it fails: processes end while one looks at them. */
function attempt<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch {
    return undefined
  }
}
