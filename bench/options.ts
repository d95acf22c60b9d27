// Command line of `npm run bench`.
import { parseArgs } from 'node:util'
import type { CandidateName } from './results.js'

export type Part = 'latency' | 'throughput' | 'growth' | 'memory'

export interface Sizes {
  readonly warmUp: number
  readonly rounds: number
  readonly perRound: number
  readonly noops: number
  readonly throughputRounds: number
  readonly throughputCount: number
  readonly few: number
  readonly many: number
  /** 0: the reference's growth is not measured. */
  readonly referenceMany: number
  readonly pairs: number
}

export interface Options {
  readonly quick: boolean
  readonly ours: string
  readonly reference: string
  readonly candidates: readonly CandidateName[]
  readonly wanted: ReadonlySet<Part>
  readonly sizes: Sizes
  readonly out: string
  readonly driver: string
  readonly noop: string
}

/** One bridge takes 1023 ports: 1000 attachments and the probes beside them. */
const full: Sizes = {
  warmUp: 4,
  rounds: 30,
  perRound: 10,
  noops: 2000,
  throughputRounds: 4,
  throughputCount: 128,
  few: 10,
  many: 1000,
  referenceMany: 1000,
  pairs: 10_000,
}

const quick: Sizes = {
  ...full,
  warmUp: 2,
  rounds: 6,
  noops: 500,
  throughputRounds: 1,
  throughputCount: 64,
  many: 300,
  referenceMany: 0,
  pairs: 1000,
}

export const help = `npm run bench -- [--quick] [--only latency,throughput,growth,memory] [--candidates reference,resident,oneShot]
                 [--ours DIR] [--reference DIR] [--out FILE]`

/** Throws on anything it does not know. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: 'latency,throughput,growth,memory' },
      candidates: { type: 'string', default: 'reference,resident,oneShot' },
      ours: { type: 'string', default: 'dist/cni' },
      reference: { type: 'string', default: '/usr/lib/cni' },
      help: { type: 'boolean', default: false },
      out: { type: 'string', default: 'bench/results/latest.json' },
    },
  })
  if (values.help) throw new Error(help)
  const absolute = (path: string) => (path.startsWith('/') ? path : `${process.cwd()}/${path}`)
  return {
    quick: values.quick,
    ours: absolute(values.ours),
    reference: absolute(values.reference),
    candidates: among(values.candidates, ['reference', 'resident', 'oneShot'] as const),
    wanted: new Set(among(values.only, ['latency', 'throughput', 'growth', 'memory'] as const)),
    sizes: values.quick ? quick : full,
    out: absolute(values.out),
    driver: absolute('dist/bench/driver'),
    noop: absolute('dist/bench/noop'),
  }
}

function among<T extends string>(text: string, known: readonly T[]): T[] {
  const words = text.split(',').map(word => word.trim())
  const strange = words.find(word => !known.includes(word as T))
  if (strange !== undefined) throw new Error(`'${strange}' is none of ${known.join(', ')}\n${help}`)
  return words as T[]
}
