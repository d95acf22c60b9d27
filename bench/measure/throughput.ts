// How many calls a second, with several callers at once. Every round adds `count` attachments and deletes them again.
import type { Candidate } from '../candidate.js'
import type { AddDel } from './latency.js'

/** Calls per second. */
export type Throughput = Record<string, AddDel<number>>

export async function measureThroughput(
  candidates: readonly Candidate[],
  options: { readonly workers: number; readonly count: number; readonly rounds: number },
): Promise<Throughput> {
  const { workers, count, rounds } = options
  const wall = new Map(candidates.map(c => [c, { add: 0, del: 0 }]))
  for (let round = 0; round < rounds; round++) {
    for (const candidate of candidates) {
      await candidate.prepare(count)
      const times = wall.get(candidate)!
      times.add += (await candidate.run('ADD', 0, count, workers)).wallNs
      times.del += (await candidate.run('DEL', 0, count, workers)).wallNs
    }
  }
  const perSecond = (ns: number) => (count * rounds) / (ns / 1e9)
  return Object.fromEntries(
    candidates.map(c => [c.name, { add: perSecond(wall.get(c)!.add), del: perSecond(wall.get(c)!.del) }]),
  )
}
