// The figures to reach, and whether a run reached them. Ratios are ours against the reference in the same run.
import { chainLatencyRows, chainThroughputRows } from './goals/chain.js'
import { firstPacketRow } from './goals/first-packet.js'
import { growthRow, portGrowthRows } from './goals/growth.js'
import { cpuRow, latencyRows } from './goals/latency.js'
import { memoryRows } from './goals/memory.js'
import type { Row } from './goals/row.js'
import { shapingRows } from './goals/shaping.js'
import { throughputRows } from './goals/throughput.js'
import type { Results } from './results.js'

/** The plain bridge; cells: reference, resident, one-shot. */
export function plainRows(results: Results): Row[] {
  return [
    ...latencyRows(results),
    ...throughputRows(results),
    cpuRow(results),
    growthRow(results),
    ...memoryRows(results),
  ]
}

/** The chain; cells: reference, chained, inline. */
export function chainRows(results: Results): Row[] {
  return [
    ...chainLatencyRows(results),
    ...chainThroughputRows(results),
    ...portGrowthRows(results),
    firstPacketRow(results),
    ...shapingRows(results),
  ]
}
