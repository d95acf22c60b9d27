// ADD and DEL one at a time: the candidates take turns in short rounds, so that drift of the machine meets all of them.
import type { Candidate, Measured } from '../candidate.js'
import { ms, quantile, sum } from '../numbers.js'

export interface Latency {
  readonly samples: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** CPU per call, the resident's and its helpers' included. */
  readonly cpuMs: number
  /** p50 of each plugin of a chain. */
  readonly byPluginMs?: Readonly<Record<string, number>>
}

export interface AddDel<T> {
  readonly add: T
  readonly del: T
}

export async function measureLatency(
  candidates: readonly Candidate[],
  options: { readonly rounds: number; readonly perRound: number },
): Promise<Record<string, AddDel<Latency>>> {
  const { rounds, perRound } = options
  const adds = new Map<Candidate, Measured[]>(candidates.map(c => [c, []]))
  const dels = new Map<Candidate, Measured[]>(candidates.map(c => [c, []]))
  for (const candidate of candidates) await candidate.prepare(perRound)
  for (let round = 0; round < rounds; round++) {
    for (const candidate of candidates) {
      adds.get(candidate)!.push(await candidate.run('ADD', 0, perRound))
      dels.get(candidate)!.push(await candidate.run('DEL', 0, perRound))
    }
  }
  return Object.fromEntries(
    candidates.map(c => [
      c.name,
      { add: latency(adds.get(c)!, c.types), del: latency(dels.get(c)!, c.types) },
    ]),
  )
}

function latency(batches: readonly Measured[], types: readonly string[]): Latency {
  const samples = batches.flatMap(batch => batch.latencyNs)
  return {
    samples: samples.length,
    p50Ms: ms(quantile(samples, 0.5)),
    p99Ms: ms(quantile(samples, 0.99)),
    cpuMs: sum(batches.map(batch => batch.cpuUs)) / samples.length / 1000,
    ...(types.length < 2 ? {} : { byPluginMs: byPlugin(batches, types) }),
  }
}

function byPlugin(batches: readonly Measured[], types: readonly string[]): Record<string, number> {
  const p50 = (plugin: number) =>
    ms(
      quantile(
        batches.flatMap(batch => batch.pluginNs[plugin]!),
        0.5,
      ),
    )
  return Object.fromEntries(types.map((type, plugin) => [type, p50(plugin)]))
}
