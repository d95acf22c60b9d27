// The comparison as people read it.
import { rows } from './goals.js'
import { short } from './numbers.js'
import type { CandidateName, Results } from './results.js'

export function printResults(results: Results): string {
  return [head(results), goals(results), spread(results), throughput(results), remarks(results)]
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

function goals(results: Results): string {
  return table(
    ['', 'reference', 'resident', 'one-shot', 'goal', 'measured', ''],
    rows(results).map(row => [
      row.what,
      row.reference,
      row.resident,
      row.oneShot,
      row.goal,
      row.measured,
      row.reached === undefined ? 'not measured' : row.reached ? 'reached' : 'short',
    ]),
  )
}

function spread({ latency }: Results): string {
  if (!latency) return ''
  const lines = candidates(latency).map(([name, { add, del }]) => [
    name,
    ...[add.p50Ms, add.p99Ms, add.cpuMs, del.p50Ms, del.p99Ms, del.cpuMs].map(short),
    String(add.samples),
  ])
  const columns = ['', 'ADD p50', 'p99', 'CPU', 'DEL p50', 'p99', 'CPU', 'calls each']
  return `One at a time (ms)\n${table(columns, lines)}`
}

function throughput({ throughput: measured }: Results): string {
  if (!measured) return ''
  const names = candidates(measured[0]?.perSecond).map(([name]) => name)
  const lines = measured.map(({ workers, perSecond }) => [
    String(workers),
    ...candidates(perSecond).flatMap(([, { add, del }]) => [add.toFixed(0), del.toFixed(0)]),
  ])
  return `Calls per second\n${table(['at a time', ...names.flatMap(name => [`${name} ADD`, 'DEL'])], lines)}`
}

function remarks({ driver, cpuIsComplete }: Results): string {
  const lines = [
    driver &&
      `The driver itself: ${short(driver.p50Ms)} ms a call (p99 ${short(driver.p99Ms)}), of which ${short(driver.cpuMs)} ms are its own CPU. It is in all latencies above, and in no CPU figure.`,
    cpuIsComplete === false && 'No cgroup could be made: CPU is that of waited-for processes only.',
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
