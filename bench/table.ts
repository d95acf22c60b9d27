// The comparison as people read it.
import { rows } from './goals.js'
import { short } from './numbers.js'
import type { CandidateName, Results } from './results.js'

export function printResults(results: Results): string {
  const { machine, driver } = results
  return [
    `${machine.cpus} x ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}`,
    `reference: ${machine.reference}, ${machine.iptables}`,
    `${results.startedAt}, ${results.seconds.toFixed(0)} s${results.quick ? ', quick run' : ''}`,
    '',
    table(
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
    ),
    '',
    'Spread and CPU, one at a time (ms)',
    table(
      ['', 'ADD p50', 'p99', 'CPU', 'DEL p50', 'p99', 'CPU', 'calls each'],
      candidates(results.latency).map(([name, { add, del }]) => [
        name,
        ...[add.p50Ms, add.p99Ms, add.cpuMs, del.p50Ms, del.p99Ms, del.cpuMs].map(short),
        String(add.samples),
      ]),
    ),
    '',
    'Throughput (calls per second)',
    table(
      [
        'at a time',
        ...candidates(results.throughput?.[0]?.perSecond).flatMap(([name]) => [`${name} ADD`, 'DEL']),
      ],
      (results.throughput ?? []).map(({ workers, perSecond }) => [
        String(workers),
        ...candidates(perSecond).flatMap(([, { add, del }]) => [add.toFixed(0), del.toFixed(0)]),
      ]),
    ),
    '',
    driver
      ? `The driver itself: ${short(driver.p50Ms)} ms a call (p99 ${short(driver.p99Ms)}), of which ${short(driver.cpuMs)} ms are its own CPU; it is in all latencies above, and in no CPU figure.`
      : '',
    results.cpuIsComplete === false
      ? 'No cgroup could be made: CPU is that of waited-for processes only.'
      : '',
  ]
    .join('\n')
    .trimEnd()
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
