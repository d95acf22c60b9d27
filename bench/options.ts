// Command line of `npm run bench`.
import { parseArgs } from 'node:util'
import { type CandidateName, chainNames, plainNames } from './results.js'
import { full, quick, type Sizes } from './sizes.js'

export const parts = [
  'latency',
  'throughput',
  'growth',
  'memory',
  'chain',
  'portgrowth',
  'firstpacket',
  'shaping',
] as const
export type Part = (typeof parts)[number]

const candidateNames = [...new Set<CandidateName>([...plainNames, ...chainNames])]

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
  readonly traffic: string
}

export const help = `npm run bench -- [--quick] [--only PART,...] [--candidates NAME,...] [--reference-many N]
                 [--ours DIR] [--reference DIR] [--out FILE]
  parts:      ${parts.join(', ')}
  candidates: ${candidateNames.join(', ')}`

/** Throws on anything it does not know. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: parts.join() },
      candidates: { type: 'string', default: candidateNames.join() },
      'reference-many': { type: 'string' },
      ours: { type: 'string', default: 'dist/cni' },
      reference: { type: 'string', default: '/usr/lib/cni' },
      help: { type: 'boolean', default: false },
      out: { type: 'string', default: 'bench/results/latest.json' },
    },
  })
  if (values.help) throw new Error(help)
  const absolute = (path: string) => (path.startsWith('/') ? path : `${process.cwd()}/${path}`)
  const sizes = values.quick ? quick : full
  return {
    quick: values.quick,
    ours: absolute(values.ours),
    reference: absolute(values.reference),
    candidates: among(values.candidates, candidateNames),
    wanted: new Set(among(values.only, parts)),
    sizes: { ...sizes, referenceMany: count(values['reference-many'], sizes.many) ?? sizes.referenceMany },
    out: absolute(values.out),
    driver: absolute('dist/bench/driver'),
    noop: absolute('dist/bench/noop'),
    traffic: absolute('dist/bench/traffic'),
  }
}

function among<T extends string>(text: string, known: readonly T[]): T[] {
  const words = text.split(',').map(word => word.trim())
  const strange = words.find(word => !known.includes(word as T))
  if (strange !== undefined) throw new Error(`'${strange}' is none of ${known.join(', ')}\n${help}`)
  return words as T[]
}

function count(text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d+$/.test(text) || Number(text) > most)
    throw new Error(`'${text}' is no number from 0 to ${most}\n${help}`)
  return Number(text)
}
