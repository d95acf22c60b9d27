// The figures to reach, and whether a run reached them. Ratios are ours against the reference in the same run.
import type { Results } from './results.js'

export interface Row {
  readonly what: string
  readonly reference: string
  readonly resident: string
  readonly oneShot: string
  readonly goal: string
  readonly measured: string
  /** Undefined when this run did not measure it. */
  readonly reached: boolean | undefined
}

const times = (factor: number) => (Number.isFinite(factor) ? `${factor.toFixed(factor < 10 ? 1 : 0)}x` : '-')
const inMs = (value: number | undefined) =>
  value === undefined ? '-' : `${value.toFixed(value < 10 ? 2 : 1)} ms`
const perSecond = (value: number | undefined) => (value === undefined ? '-' : `${value.toFixed(0)}/s`)
const mib = (value: number | undefined) => (value === undefined ? '-' : `${value.toFixed(0)} MiB`)

export function rows(results: Results): Row[] {
  return [
    latencyRow(results, 'add', { resident: 10, oneShot: 1 }),
    latencyRow(results, 'del', { resident: 20, oneShot: 2 }),
    ...throughputRows(results, 8, { add: 7, del: 20 }),
    ...throughputRows(results, 32, { add: 9, del: 30 }),
    cpuRow(results),
    growthRow(results),
    ...memoryRows(results),
  ]
}

function latencyRow(results: Results, verb: 'add' | 'del', goal: { resident: number; oneShot: number }): Row {
  const { reference, resident, oneShot } = results.latency ?? {}
  const [of, mine, cold] = [reference?.[verb].p50Ms, resident?.[verb].p50Ms, oneShot?.[verb].p50Ms]
  const [warmFactor, coldFactor] = [ratio(of, mine), ratio(of, cold)]
  return {
    what: `${verb.toUpperCase()} p50, one at a time`,
    reference: inMs(of),
    resident: inMs(mine),
    oneShot: inMs(cold),
    goal: `resident ${goal.resident}x faster; one-shot ${goal.oneShot === 1 ? 'no slower' : `${goal.oneShot}x`}`,
    measured: `resident ${times(warmFactor)}; one-shot ${times(coldFactor)}`,
    reached: both(warmFactor, goal.resident, coldFactor, goal.oneShot),
  }
}

function throughputRows(results: Results, workers: number, goal: { add: number; del: number }): Row[] {
  const found = results.throughput?.find(t => t.workers === workers)?.perSecond
  return (['add', 'del'] as const).map(verb => {
    const factor = ratio(found?.resident?.[verb], found?.reference?.[verb])
    return {
      what: `${verb.toUpperCase()} throughput, ${workers} at a time`,
      reference: perSecond(found?.reference?.[verb]),
      resident: perSecond(found?.resident?.[verb]),
      oneShot: perSecond(found?.oneShot?.[verb]),
      goal: `${goal[verb]}x`,
      measured: times(factor),
      reached: Number.isFinite(factor) ? factor >= goal[verb] : undefined,
    }
  })
}

function cpuRow(results: Results): Row {
  const { reference, resident, oneShot } = results.latency ?? {}
  const share = ratio(resident?.add.cpuMs, reference?.add.cpuMs)
  return {
    what: "CPU per ADD, the resident's included",
    reference: inMs(reference?.add.cpuMs),
    resident: inMs(resident?.add.cpuMs),
    oneShot: inMs(oneShot?.add.cpuMs),
    goal: 'a tenth',
    measured: Number.isFinite(share) ? `1/${(1 / share).toFixed(1)}` : '-',
    reached: Number.isFinite(share) ? share <= 0.1 : undefined,
  }
}

function growthRow(results: Results): Row {
  const { resident, reference } = results.growth ?? {}
  const counts = resident ?? reference
  const text = (growth: typeof resident) =>
    growth ? `${inMs(growth.addFewMs)} -> ${inMs(growth.addManyMs)} (${growth.ratio.toFixed(2)})` : '-'
  return {
    what: `ADD p50 at ${counts?.many ?? 1000} attachments over at ${counts?.few ?? 10}`,
    reference: text(reference),
    resident: text(resident),
    oneShot: '-',
    goal: 'at most 1.2',
    measured: resident ? resident.ratio.toFixed(2) : '-',
    reached: resident ? resident.ratio <= 1.2 : undefined,
  }
}

function memoryRows(results: Results): Row[] {
  const memory = results.memory
  const many = memory?.withMany?.rssMiB
  const last = memory?.over.at(-1)?.rssMiB
  const grown = memory?.growthMiB
  return [
    {
      what: `resident memory with ${results.growth?.resident?.many ?? 1000} attachments`,
      reference: '-',
      resident: mib(many),
      oneShot: '-',
      goal: 'under 120 MiB',
      measured: mib(many),
      reached: many === undefined ? undefined : many < 120,
    },
    {
      what: `its growth over ${memory?.pairs ?? 10_000} ADD/DEL`,
      reference: '-',
      resident: `${mib(memory?.over[0]?.rssMiB)} -> ${mib(last)}`,
      oneShot: '-',
      goal: 'none (noise of 10 % allowed)',
      measured:
        grown === undefined || Number.isNaN(grown) ? '-' : `${grown >= 0 ? '+' : ''}${grown.toFixed(1)} MiB`,
      reached:
        grown === undefined || last === undefined || Number.isNaN(grown)
          ? undefined
          : grown <= 0.1 * last && last < 120,
    },
  ]
}

/** NaN when one of them was not measured. */
function ratio(a: number | undefined, b: number | undefined): number {
  return a === undefined || b === undefined ? Number.NaN : a / b
}

function both(a: number, goalA: number, b: number, goalB: number): boolean | undefined {
  return Number.isFinite(a) && Number.isFinite(b) ? a >= goalA && b >= goalB : undefined
}
