// What a run writes to bench/results/latest.json.
import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, release } from 'node:os'
import type { FirstPacket } from './measure/first-packet.js'
import type { Growth } from './measure/growth.js'
import type { AddDel, Latency } from './measure/latency.js'
import type { MemoryFigures } from './measure/memory.js'
import type { ShapingFigures } from './measure/shaping.js'
import type { Throughput } from './measure/throughput.js'

/** Of the plain bridge. */
export const plainNames = ['reference', 'resident', 'oneShot'] as const
export type PlainName = (typeof plainNames)[number]

/** Of the chain: the reference's; ours, plugin by plugin; ours, all in one. Both of ours warm. */
export const chainNames = ['reference', 'chained', 'inline'] as const
export type ChainName = (typeof chainNames)[number]

export type CandidateName = PlainName | ChainName

export type OfChain<T> = Partial<Record<ChainName, T>>

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
  latency?: Partial<Record<PlainName, AddDel<Latency>>>
  throughput?: ThroughputFigures<PlainName>[]
  growth?: { resident?: Growth; reference?: Growth }
  memory?: MemoryFigures
  chain?: { latency: OfChain<AddDel<Latency>>; throughput: ThroughputFigures<ChainName>[] }
  portGrowth?: OfChain<Growth>
  firstPacket?: OfChain<FirstPacket>
  shaping?: ShapingFigures
  /** What was not measured although it was wanted, and why. */
  leftOut: string[]
}

export interface ThroughputFigures<Name extends CandidateName> {
  readonly workers: number
  readonly count: number
  readonly perSecond: Partial<Record<Name, Throughput[string]>>
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

function firstLine(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split(
      '\n',
    )[0]
  } catch {
    return undefined
  }
}
