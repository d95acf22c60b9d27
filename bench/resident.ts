// The resident of a run directory: where it is and how much memory it holds.
import { readdirSync, readFileSync } from 'node:fs'

export interface Memory {
  readonly rssMiB: number
  /** What is its own: shared library pages are counted by their share. */
  readonly pssMiB: number
}

/** Pids of processes that serve this run directory. */
export function processesOf(runDir: string): number[] {
  return readdirSync('/proc')
    .filter(
      name => /^\d+$/.test(name) && read(name, 'environ').split('\0').includes(`PLUMBLINE_RUN_DIR=${runDir}`),
    )
    .map(Number)
}

/** Pid of the resident, or undefined. */
export function residentOf(runDir: string): number | undefined {
  return processesOf(runDir).find(pid => read(String(pid), 'cmdline').includes('resident'))
}

export function memoryOf(pid: number): Memory {
  const kib = (file: string, key: string) =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(read(String(pid), file))?.[1] ?? Number.NaN)
  return { rssMiB: kib('status', 'VmRSS') / 1024, pssMiB: kib('smaps_rollup', 'Pss') / 1024 }
}

/** SIGKILLs whatever still serves the run directory, and waits for its end. */
export async function endProcessesOf(runDir: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const pids = processesOf(runDir)
    if (pids.length === 0) return
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // gone
      }
    }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return ''
  }
}
