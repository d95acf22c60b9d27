// How long does a new connection to a host port take when there are many host ports? Two hosts, one with a single mapping
// and one with many, take turns.
import type { Candidate } from '../candidate.js'
import { firstPort } from '../configuration.js'
import { quantile } from '../numbers.js'
import { makeOutside } from '../outside.js'
import type { Traffic } from '../traffic.js'

export interface FirstPacket {
  /** Mappings in place. */
  readonly few: number
  readonly many: number
  /** Fresh connections to each host. */
  readonly connections: number
  /** p50 of a TCP connect, microseconds. */
  readonly fewUs: number
  readonly manyUs: number
  /** manyUs over fewUs. */
  readonly ratio: number
  /** With many, when every connection goes to another port: what the processor's caches hold of the maps is less. */
  readonly spreadUs: number
}

export interface MappedHost {
  readonly candidate: Candidate
  readonly traffic: Traffic
  readonly attachments: number
  /** Mappings of each attachment. */
  readonly each: number
}

/**
 * Connections come from another machine and go to one port of one container: the one in the middle, where mappings are looked
 * through in order. The attachments are made here.
 */
export async function measureFirstPacket(
  pair: { readonly few: MappedHost; readonly many: MappedHost },
  connections: number,
): Promise<FirstPacket> {
  const perRound = 20
  const few = await crowd(pair.few)
  const many = await crowd(pair.many)
  const samples: Record<'few' | 'many' | 'spread', number[]> = { few: [], many: [], spread: [] }
  for (let start = 0; start < connections; start += perRound) {
    samples.few.push(...(await few.toOne(perRound)))
    samples.many.push(...(await many.toOne(perRound)))
    samples.spread.push(...(await many.toAll(start, perRound)))
  }
  const p50Us = (ns: readonly number[]) => quantile(ns, 0.5) / 1000
  const [fewUs, manyUs] = [p50Us(samples.few), p50Us(samples.many)]
  return {
    few: pair.few.attachments * pair.few.each,
    many: pair.many.attachments * pair.many.each,
    connections: samples.few.length,
    fewUs,
    manyUs,
    ratio: manyUs / fewUs,
    spreadUs: p50Us(samples.spread),
  }
}

/** Fresh connections to a container among others, nanoseconds each. */
interface Crowd {
  /** To one port. */
  readonly toOne: (count: number) => Promise<number[]>
  /** To all of its ports in turns, from the `start`-th on. */
  readonly toAll: (start: number, count: number) => Promise<number[]>
}

async function crowd({ candidate, traffic, attachments, each }: MappedHost): Promise<Crowd> {
  await candidate.prepare(attachments)
  await candidate.run('ADD', 0, attachments)
  const middle = Math.floor(attachments / 2)
  await traffic.listen(middle, 80)
  const { where, host } = makeOutside(candidate)
  const first = firstPort + middle * each
  const warmUp = 3 // neighbours are looked up, a process starts
  const connect = async (port: number, ports: number, start: number, count: number) =>
    (await traffic.connect(where, { address: host, port, ports }, { start, count: count + warmUp })).slice(
      warmUp,
    )
  return {
    toOne: count => connect(first + Math.floor(each / 2), 1, 0, count),
    toAll: (start, count) => connect(first, each, start, count),
  }
}
