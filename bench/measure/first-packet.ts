// How long does a new connection to a host port take when there are many host ports? Two hosts, one with a single mapping
// and one with many, take turns.
import type { Candidate } from '../candidate.js'
import { firstPort } from '../configuration.js'
import { quantile } from '../numbers.js'
import { makeOutside, type Outside } from '../outside.js'
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
  readonly ratio: number
}

export interface MappedHost {
  readonly candidate: Candidate
  readonly traffic: Traffic
  readonly attachments: number
  /** Mappings of each attachment. */
  readonly each: number
}

/** Connections go to all of a host's ports evenly, from another machine. The attachments are made here. */
export async function measureFirstPacket(
  pair: { readonly few: MappedHost; readonly many: MappedHost },
  connections: number,
): Promise<FirstPacket> {
  const perRound = 50
  const hosts = [await crowd(pair.few), await crowd(pair.many)] as const
  const samples: [number[], number[]] = [[], []]
  for (let start = 0; start < connections; start += perRound)
    for (const side of [0, 1] as const) samples[side].push(...(await hosts[side](start, perRound)))
  const [fewUs, manyUs] = samples.map(ns => quantile(ns, 0.5) / 1000) as [number, number]
  return {
    few: pair.few.attachments * pair.few.each,
    many: pair.many.attachments * pair.many.each,
    connections: samples[0].length,
    fewUs,
    manyUs,
    ratio: manyUs / fewUs,
  }
}

type Connect = (start: number, count: number) => Promise<number[]>

async function crowd({ candidate, traffic, attachments, each }: MappedHost): Promise<Connect> {
  await candidate.prepare(attachments)
  await candidate.run('ADD', 0, attachments)
  for (let i = 0; i < attachments; i++) await traffic.listen(i, 80)
  const outside: Outside = makeOutside(candidate)
  const to = { address: outside.host, port: firstPort, ports: attachments * each }
  const warmUp = 3 // neighbours are looked up, a process starts
  return async (start, count) =>
    (await traffic.connect(outside.where, to, { start, count: count + warmUp })).slice(warmUp)
}
