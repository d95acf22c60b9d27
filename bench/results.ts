// What a run writes to bench/results/latest.json.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release } from 'node:os'
import type { Growth } from './measure/growth.js'
import type { AddDel, Latency } from './measure/latency.js'
import type { MemoryFigures } from './measure/memory.js'
import type { Throughput } from './measure/throughput.js'

export type CandidateName = 'reference' | 'resident' | 'oneShot'

export interface Results {
  readonly format: 1
  /** RFC 3339. */
  readonly startedAt: string
  seconds: number
  readonly quick: boolean
  readonly machine: Machine
  /** One call of a program that does nothing, through the driver. */
  driver?: { readonly p50Ms: number; readonly p99Ms: number; readonly cpuMs: number }
  /** False when CPU figures are those of waited-for processes only. */
  cpuIsComplete?: boolean
  latency?: Partial<Record<CandidateName, AddDel<Latency>>>
  throughput?: {
    readonly workers: number
    readonly count: number
    readonly perSecond: Partial<Record<CandidateName, Throughput[string]>>
  }[]
  growth?: { resident?: Growth; reference?: Growth }
  memory?: MemoryFigures
}

export interface Machine {
  readonly kernel: string
  readonly cpu: string
  readonly cpus: number
  readonly node: string
  /** Version of Debian's package, or the directory when it is another. */
  readonly reference: string
  readonly iptables: string
}

export function describeMachine(referenceDir: string): Machine {
  return {
    kernel: release(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: availableParallelism(),
    node: process.version,
    reference:
      firstLine('dpkg-query', ['-W', 'containernetworking-plugins'])?.replace('\t', ' ') ?? referenceDir,
    iptables: firstLine('iptables', ['--version']) ?? 'none',
  }
}

export function readResults(path: string): Results {
  return JSON.parse(readFileSync(path, 'utf8')) as Results
}

function firstLine(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split(
      '\n',
    )[0]
  } catch {
    return undefined
  }
}
