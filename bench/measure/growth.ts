// Does an ADD take longer when there are many attachments already? Two hosts of the same kind, one with few and one
// with many, take turns.
import type { Candidate } from '../candidate.js'
import { measureLatency } from './latency.js'

export interface Growth {
  readonly few: number
  readonly many: number
  readonly addFewMs: number
  readonly addManyMs: number
  readonly delFewMs: number
  readonly delManyMs: number
  /** ADD p50 with many over ADD p50 with few. */
  readonly ratio: number
}

/** `few` and `many` are left with that many attachments, which `fillers` callers (2) make at once. */
export async function measureGrowth(
  pair: { readonly few: Candidate; readonly many: Candidate },
  counts: { readonly few: number; readonly many: number },
  options: { readonly rounds: number; readonly perRound: number; readonly fillers?: number },
): Promise<Growth> {
  const { few, many } = pair
  for (const candidate of [few, many]) {
    const count = candidate === few ? counts.few : counts.many
    await candidate.prepare(options.perRound + count)
    await candidate.run('ADD', options.perRound, options.perRound + count, options.fillers ?? 2)
  }
  await measureLatency([few, many], { rounds: Math.ceil(options.rounds / 4), perRound: options.perRound })
  const measured = await measureLatency([few, many], options)
  const [a, b] = [measured[few.name]!, measured[many.name]!]
  return {
    ...counts,
    addFewMs: a.add.p50Ms,
    addManyMs: b.add.p50Ms,
    delFewMs: a.del.p50Ms,
    delManyMs: b.del.p50Ms,
    ratio: b.add.p50Ms / a.add.p50Ms,
  }
}
