// shaping: does a limit hold, in its first second and over several.
import { type Directions, worst } from '../measure/shaping.js'
import { chainNames, type OfChain, type Results } from '../results.js'
import { allReached, type Row } from './row.js'

export function shapingRows(results: Results): Row[] {
  const { firstSecond = [], rates = [] } = results.shaping ?? {}
  const limit = firstSecond[0]?.limitBits ?? 10e6
  return [
    row(
      `first second of a ${rateText(limit)} limit, the runtimes' burst`,
      firstSecond.find(one => one.burstBits !== undefined)?.share,
      0.15,
    ),
    row(
      `first second of a ${rateText(limit)} limit, no burst given`,
      firstSecond.find(one => one.burstBits === undefined)?.share,
      0.15,
    ),
    ...(rates.length > 0
      ? rates.map(({ limitBits, seconds, share }) =>
          row(`${rateText(limitBits)} over ${seconds} s`, share, 0.03),
        )
      : [row('shaped rate over 5 s', undefined, 0.03)]),
  ]
}

/** All shares are of what the limit allows. */
function row(what: string, share: OfChain<Directions> | undefined, tolerance: number): Row {
  const ours = share?.chained ?? share?.inline
  const farthest = ours ? worst([ours.ingress, ours.egress]) : Number.NaN
  return {
    what,
    cells: chainNames.map(name => directions(share?.[name])),
    goal: `within ${(tolerance * 100).toFixed(0)} %`,
    measured: Number.isNaN(farthest)
      ? '-'
      : `${farthest >= 1 ? '+' : ''}${((farthest - 1) * 100).toFixed(1)} %`,
    reached: allReached([[farthest, value => Math.abs(value - 1) <= tolerance]]),
  }
}

/** To the container, and from it. */
export function directions(of: Directions | undefined): string {
  const text = (share: number) => (share < 10 ? `${(share * 100).toFixed(1)} %` : `${share.toFixed(0)}x`)
  return of ? `${text(of.ingress)} / ${text(of.egress)}` : '-'
}

export function rateText(bits: number): string {
  return bits >= 1e9 ? `${bits / 1e9} Gbit/s` : `${bits / 1e6} Mbit/s`
}
