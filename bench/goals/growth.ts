// growth and portgrowth: ADD with few attachments in place, and with many.
import type { Growth } from '../measure/growth.js'
import { chainNames, type Results } from '../results.js'
import { allReached, atLeast, atMost, inMs, type Row, ratio, times } from './row.js'

const flat = 1.2

export function growthRow(results: Results): Row {
  const { resident, reference } = results.growth ?? {}
  const counts = resident ?? reference
  return {
    what: `ADD p50 at ${counts?.many ?? 1000} attachments over at ${counts?.few ?? 10}`,
    cells: [text(reference), text(resident), '-'],
    goal: `at most ${flat}`,
    measured: resident ? resident.ratio.toFixed(2) : '-',
    reached: allReached([[resident?.ratio ?? Number.NaN, atMost(flat)]]),
  }
}

/** Both ways, the chain and all in one, have to be there and to be flat. */
export function portGrowthRows(results: Results): Row[] {
  const grown = results.portGrowth ?? {}
  const faster = 30
  const ours = [grown.chained, grown.inline]
  const factors = ours.map(one => ratio(grown.reference?.addManyMs, one?.addManyMs))
  const many = (grown.chained ?? grown.inline ?? grown.reference)?.many ?? 1000
  const other = grown.reference && grown.reference.many !== many ? ` at ${grown.reference.many}` : ''
  return [
    {
      what: `bridge + portmap, ADD p50 at ${many} over at the first`,
      cells: chainNames.map(name => text(grown[name]) + (name === 'reference' ? other : '')),
      goal: `at most ${flat}`,
      measured: ours.map(one => one?.ratio.toFixed(2) ?? '-').join('; '),
      reached: allReached(ours.map(one => [one?.ratio ?? Number.NaN, atMost(flat)])),
    },
    {
      what: `bridge + portmap, ADD p50 at ${many}`,
      cells: chainNames.map(name => inMs(grown[name]?.addManyMs) + (name === 'reference' ? other : '')),
      goal: `${faster}x faster`,
      measured: factors.map(times).join('; '),
      reached: allReached(factors.map(factor => [factor, atLeast(faster)])),
    },
  ]
}

const text = (growth: Growth | undefined) =>
  growth ? `${inMs(growth.addFewMs)} -> ${inMs(growth.addManyMs)} (${growth.ratio.toFixed(2)})` : '-'
