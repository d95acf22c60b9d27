// chain: the whole chain, one attachment at a time and eight.
import { chainNames, type Results } from '../results.js'
import { allReached, atLeast, inMs, perSecond, type Row, ratio, times } from './row.js'

interface Goal {
  readonly chained: number
  readonly inline: number
}

export function chainLatencyRows(results: Results): Row[] {
  return [
    latencyRow(results, 'add', { chained: 8, inline: 25 }),
    latencyRow(results, 'del', { chained: 15, inline: 40 }),
  ]
}

export function chainThroughputRows(results: Results): Row[] {
  return [
    throughputRow(results, 'add', 8, { chained: 8, inline: 25 }),
    throughputRow(results, 'del', 8, { chained: 12, inline: 40 }),
  ]
}

function latencyRow(results: Results, verb: 'add' | 'del', goal: Goal): Row {
  const found = results.chain?.latency
  const p50 = chainNames.map(name => found?.[name]?.[verb].p50Ms)
  const [reference, chained, inline] = p50
  return {
    what: `the chain, ${verb.toUpperCase()} p50, one at a time`,
    cells: p50.map(inMs),
    ...judge(goal, ratio(reference, chained), ratio(reference, inline)),
  }
}

function throughputRow(results: Results, verb: 'add' | 'del', workers: number, goal: Goal): Row {
  const found = results.chain?.throughput.find(t => t.workers === workers)?.perSecond
  const rates = chainNames.map(name => found?.[name]?.[verb])
  const [reference, chained, inline] = rates
  return {
    what: `the chain, ${verb.toUpperCase()}, ${workers} at a time`,
    cells: rates.map(perSecond),
    ...judge(goal, ratio(chained, reference), ratio(inline, reference)),
  }
}

function judge(goal: Goal, chained: number, inline: number): Pick<Row, 'goal' | 'measured' | 'reached'> {
  return {
    goal: `chained ${goal.chained}x, inline ${goal.inline}x`,
    measured: `${times(chained)}; ${times(inline)}`,
    reached: allReached([
      [chained, atLeast(goal.chained)],
      [inline, atLeast(goal.inline)],
    ]),
  }
}
