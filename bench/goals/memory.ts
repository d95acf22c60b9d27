// memory: what the resident holds.
import type { Results } from '../results.js'
import { allReached, atMost, type Row } from './row.js'

const mib = (value: number | undefined) => (value === undefined ? '-' : `${value.toFixed(0)} MiB`)

export function memoryRows(results: Results): Row[] {
  const memory = results.memory
  const many = memory?.withMany?.rssMiB
  const last = memory?.over.at(-1)?.rssMiB
  const grown = memory?.growthMiB ?? Number.NaN
  return [
    {
      what: `resident memory with ${results.growth?.resident?.many ?? 1000} attachments`,
      cells: ['-', mib(many), '-'],
      goal: 'under 120 MiB',
      measured: mib(many),
      reached: allReached([[many ?? Number.NaN, value => value < 120]]),
    },
    {
      what: `its growth over ${memory?.pairs ?? 10_000} ADD/DEL`,
      cells: ['-', `${mib(memory?.over[0]?.rssMiB)} -> ${mib(last)}`, '-'],
      goal: 'none (noise of 10 % allowed)',
      measured: Number.isNaN(grown) ? '-' : `${grown >= 0 ? '+' : ''}${grown.toFixed(1)} MiB`,
      reached: allReached([
        [grown, atMost(0.1 * (last ?? 0))],
        [last ?? Number.NaN, value => value < 120],
      ]),
    },
  ]
}
