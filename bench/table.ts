// The comparison as people read it.
import type { Row } from './goals/row.js'
import { directions, rateText } from './goals/shaping.js'
import { chainRows, plainRows } from './goals.js'
import type { AddDel, Latency } from './measure/latency.js'
import { short } from './numbers.js'
import { type CandidateName, chainNames, type Results, type ThroughputFigures } from './results.js'

export function printResults(results: Results): string {
  const { chain } = results
  return [
    head(results),
    goals('The bridge alone', ['reference', 'resident', 'one-shot'], plainRows(results)),
    goals(
      'Bridge, portmap, bandwidth, firewall (limits: to the container / from it)',
      ['reference', 'chained', 'inline'],
      chainRows(results),
    ),
    spread('The bridge, one at a time (ms)', results.latency),
    throughput('The bridge, calls per second', results.throughput),
    spread('The chain, one at a time (ms)', chain?.latency),
    byPlugin(chain?.latency),
    throughput('The chain, calls per second', chain?.throughput),
    firstPackets(results),
    limits(results),
    remarks(results),
  ]
    .filter(part => part !== '')
    .join('\n\n')
}

function head({ machine, startedAt, seconds, quick }: Results): string {
  return [
    `${machine.cpus} x ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}`,
    `reference: ${machine.reference}, ${machine.iptables}`,
    `${startedAt}, ${seconds.toFixed(0)} s${quick ? ', quick run' : ''}`,
  ].join('\n')
}

/** Nothing when none of it was measured. */
function goals(title: string, columns: readonly string[], rows: readonly Row[]): string {
  if (rows.every(row => row.cells.every(cell => !/\d/.test(cell)))) return ''
  return `${title}\n${table(
    ['', ...columns, 'goal', 'measured', ''],
    rows.map(row => [
      row.what,
      ...row.cells,
      row.goal,
      row.measured,
      row.reached === undefined ? 'not measured' : row.reached ? 'reached' : 'short',
    ]),
  )}`
}

type Latencies = Partial<Record<CandidateName, AddDel<Latency>>>

function spread(title: string, latency: Latencies | undefined): string {
  if (!latency) return ''
  const lines = candidates(latency).map(([name, { add, del }]) => [
    name,
    ...[add.p50Ms, add.p99Ms, add.cpuMs, del.p50Ms, del.p99Ms, del.cpuMs].map(short),
    String(add.samples),
  ])
  const columns = ['', 'ADD p50', 'p99', 'CPU', 'DEL p50', 'p99', 'CPU', 'calls each']
  return `${title}\n${table(columns, lines)}`
}

function byPlugin(latency: Latencies | undefined): string {
  const lines = candidates(latency).flatMap(([name, { add, del }]) =>
    Object.entries(add.byPluginMs ?? {}).map(([type, p50]) => [
      `${name} ${type}`,
      short(p50),
      short(del.byPluginMs?.[type] ?? Number.NaN),
    ]),
  )
  return lines.length === 0 ? '' : `The chain by plugin, p50 (ms)\n${table(['', 'ADD', 'DEL'], lines)}`
}

function throughput(
  title: string,
  measured: readonly ThroughputFigures<CandidateName>[] | undefined,
): string {
  if (!measured || measured.length === 0) return ''
  const names = candidates(measured[0]?.perSecond).map(([name]) => name)
  const rate = (value: number) => value.toFixed(value < 10 ? 1 : 0)
  const lines = measured.map(({ workers, perSecond }) => [
    String(workers),
    ...candidates(perSecond).flatMap(([, { add, del }]) => [rate(add), rate(del)]),
  ])
  return `${title}\n${table(['at a time', ...names.flatMap(name => [`${name} ADD`, 'DEL'])], lines)}`
}

function firstPackets({ firstPacket }: Results): string {
  const lines = chainNames.flatMap(name => {
    const one = firstPacket?.[name]
    return one
      ? [
          [
            name,
            String(one.many),
            ...[one.fewUs, one.manyUs, one.spreadUs].map(short),
            String(one.connections),
          ],
        ]
      : []
  })
  const columns = ['', 'mappings', 'p50 with 1', 'with all', 'port by port', 'connections each']
  return lines.length === 0 ? '' : `A new connection to a host port (us)\n${table(columns, lines)}`
}

function limits({ shaping }: Results): string {
  if (!shaping || shaping.rates.length === 0) return ''
  const lines = shaping.rates.map(({ limitBits, share, steady }) => [
    rateText(limitBits),
    ...chainNames.flatMap(name => [directions(share[name]), directions(steady[name])]),
  ])
  const columns = chainNames.flatMap(name => [name, 'steady'])
  return `What passes of a limit: from the first packet on, and without the first half second\n${table(['', ...columns], lines)}`
}

function remarks({ driver, cpuIsComplete, leftOut }: Results): string {
  const lines = [
    driver &&
      `The driver itself: ${short(driver.p50Ms)} ms a call (p99 ${short(driver.p99Ms)}), of which ${short(driver.cpuMs)} ms are its own CPU. It is in all latencies above, and in no CPU figure.`,
    cpuIsComplete === false && 'No cgroup could be made: CPU is that of waited-for processes only.',
    ...leftOut.map(what => `Left out: ${what}`),
  ]
  return lines.filter(Boolean).join('\n')
}

function candidates<T>(of: Partial<Record<CandidateName, T>> | undefined): [string, T][] {
  return Object.entries(of ?? {}).filter((entry): entry is [string, T] => entry[1] !== undefined)
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const lines = [head, ...body]
  const widths = head.map((_, column) => Math.max(...lines.map(line => line[column]?.length ?? 0)))
  return lines
    .map(line =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
