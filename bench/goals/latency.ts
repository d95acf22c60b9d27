// latency: ADD and DEL of the plain bridge one at a time, and their CPU.
import type { Results } from '../results.js'
import { allReached, atLeast, atMost, inMs, type Row, ratio, times } from './row.js'

export function latencyRows(results: Results): Row[] {
  return [
    latencyRow(results, 'add', { resident: 10, oneShot: 1 }),
    latencyRow(results, 'del', { resident: 20, oneShot: 2 }),
  ]
}

function latencyRow(results: Results, verb: 'add' | 'del', goal: { resident: number; oneShot: number }): Row {
  const { reference, resident, oneShot } = results.latency ?? {}
  const [of, mine, cold] = [reference?.[verb].p50Ms, resident?.[verb].p50Ms, oneShot?.[verb].p50Ms]
  const [warmFactor, coldFactor] = [ratio(of, mine), ratio(of, cold)]
  return {
    what: `${verb.toUpperCase()} p50, one at a time`,
    cells: [inMs(of), inMs(mine), inMs(cold)],
    goal: `resident ${goal.resident}x faster; one-shot ${goal.oneShot === 1 ? 'no slower' : `${goal.oneShot}x`}`,
    measured: `resident ${times(warmFactor)}; one-shot ${times(coldFactor)}`,
    reached: allReached([
      [warmFactor, atLeast(goal.resident)],
      [coldFactor, atLeast(goal.oneShot)],
    ]),
  }
}

export function cpuRow(results: Results): Row {
  const { reference, resident, oneShot } = results.latency ?? {}
  const share = ratio(resident?.add.cpuMs, reference?.add.cpuMs)
  return {
    what: "CPU per ADD, the resident's included",
    cells: [inMs(reference?.add.cpuMs), inMs(resident?.add.cpuMs), inMs(oneShot?.add.cpuMs)],
    goal: 'a tenth',
    measured: Number.isFinite(share) ? `1/${(1 / share).toFixed(1)}` : '-',
    reached: allReached([[share, atMost(0.1)]]),
  }
}
