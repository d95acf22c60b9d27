// Does a limit hold: in the first second, and over several? UDP from the host's namespace to the container (ingress, as the
// bandwidth plugin calls it) and from it (egress), more than the limit allows, counted where it arrives.
import type { Candidate } from '../candidate.js'
import { gateway } from '../configuration.js'
import { sum } from '../numbers.js'
import type { OfChain } from '../results.js'
import type { Traffic } from '../traffic.js'

/** What passed, as a share of what the limit allows: 1 is exactly as much. */
export interface Directions {
  readonly ingress: number
  readonly egress: number
}

export interface ShapingFigures {
  readonly firstSecond: {
    readonly limitBits: number
    /** Undefined: none given, ours chooses. */
    readonly burstBits?: number
    /** The worst of all attachments. */
    readonly share: OfChain<Directions>
  }[]
  readonly rates: {
    readonly limitBits: number
    /** From the first datagram on. */
    readonly seconds: number
    readonly share: OfChain<Directions>
    /** The same without the first half second, when the burst is spent. */
    readonly steady: OfChain<Directions>
  }[]
}

export interface Shaped {
  readonly candidate: Candidate
  readonly traffic: Traffic
  readonly limitBits: number
}

/** What is offered while the first second is measured. */
export const flatOutBits = 1e9

/** The first second of `attachments` fresh attachments, 100 times the limit offered. They are left in place. */
export async function measureFirstSecond(shaped: Shaped, attachments: number): Promise<Directions> {
  await shaped.candidate.prepare(attachments)
  const all: Directions[] = []
  for (let i = 0; i < attachments; i++) {
    await shaped.candidate.run('ADD', i, i + 1)
    const { ingress, egress } = await bins(shaped, i, { bits: flatOutBits, ms: 1000 })
    all.push({ ingress: share(ingress, shaped.limitBits), egress: share(egress, shaped.limitBits) })
  }
  return { ingress: worst(all.map(d => d.ingress)), egress: worst(all.map(d => d.egress)) }
}

/** The rate of a fresh attachment, twice the limit offered. */
export async function measureRate(
  shaped: Shaped,
  ms: number,
): Promise<{ share: Directions; steady: Directions }> {
  const { candidate, limitBits } = shaped
  await candidate.prepare(1)
  await candidate.run('ADD', 0, 1)
  const { ingress, egress } = await bins(shaped, 0, { bits: 2 * limitBits, ms })
  const half = (all: readonly number[]) => all.slice(5)
  return {
    share: { ingress: share(ingress, limitBits), egress: share(egress, limitBits) },
    steady: { ingress: share(half(ingress), limitBits), egress: share(half(egress), limitBits) },
  }
}

/** Bytes in every 100 ms. */
async function bins(
  { candidate, traffic }: Shaped,
  attachment: number,
  offered: { readonly bits: number; readonly ms: number },
): Promise<{ ingress: readonly number[]; egress: readonly number[] }> {
  // One call for every datagram is too slow for gigabits.
  const how = { ...offered, segments: offered.bits > flatOutBits ? 40 : 1 }
  const toContainer = { from: 'host', to: attachment, address: addressOf(candidate, attachment) }
  const fromContainer = { from: attachment, to: 'host', address: gateway }
  const ingress = await traffic.pass({ ...how, ...toContainer })
  const egress = await traffic.pass({ ...how, ...fromContainer })
  for (const { lost } of [ingress, egress])
    if (lost > 0) throw new Error(`the receiver was too slow and lost ${lost} datagrams`)
  return { ingress: ingress.bins, egress: egress.bins }
}

function addressOf(candidate: Candidate, attachment: number): string {
  const text = candidate.inside(attachment, 'ip -4 -o address show dev eth0')
  const address = / inet ([0-9.]+)\//.exec(text)?.[1]
  if (address === undefined) throw new Error(`attachment ${attachment} has no address: ${text}`)
  return address
}

const share = (bins: readonly number[], limitBits: number) =>
  (sum(bins) * 8) / (limitBits * (bins.length / 10))

/** The one farthest from 1. */
export const worst = (shares: readonly number[]) =>
  shares.reduce((a, b) => (Math.abs(b - 1) > Math.abs(a - 1) ? b : a))
