// What the bench makes of its figures: quantiles, options, the table of goals.
import t from 'tap'
import { chainRows, plainRows } from '../../bench/goals.js'
import { quantile, short } from '../../bench/numbers.js'
import { readOptions } from '../../bench/options.js'
import type { Results } from '../../bench/results.js'
import { printResults } from '../../bench/table.js'

t.test('figures', async t => {
  t.equal(quantile([3, 1, 2], 0.5), 2)
  t.equal(quantile([5], 0.99), 5)
  t.ok(Number.isNaN(quantile([], 0.5)))
  t.strictSame([0.1234, 4.567, 23.45, 105.4, Number.NaN, 0].map(short), [
    '0.123',
    '4.57',
    '23.4',
    '105',
    '-',
    '0',
  ])
})

t.test('options', async t => {
  t.match(readOptions([]), { quick: false, sizes: { many: 1000, pairs: 10_000, referenceMany: 1000 } })
  t.match(readOptions(['--quick', '--only', 'growth,shaping', '--ours', '/x', '--candidates', 'inline']), {
    quick: true,
    ours: '/x',
    wanted: new Set(['growth', 'shaping']),
    candidates: ['inline'],
  })
  t.equal(readOptions(['--reference-many', '50']).sizes.referenceMany, 50)
  t.throws(() => readOptions(['--reference-many', '1001']), /'1001' is no number from 0 to 1000/)
  t.throws(() => readOptions(['--only', 'speed']), /'speed' is none of latency/)
  t.throws(() => readOptions(['--fast']))
})

const machine = { kernel: '6', cpu: 'x', cpus: 2, node: 'v20', reference: 'r', iptables: 'i' }
const empty: Results = { format: 1, startedAt: 'then', seconds: 1, quick: true, machine, leftOut: [] }
const same = (p50Ms: number, cpuMs = p50Ms) => ({ samples: 1, p50Ms, p99Ms: p50Ms, cpuMs })

t.test('the table', async t => {
  t.ok(
    [...plainRows(empty), ...chainRows(empty)].every(row => row.reached === undefined),
    'what was not measured is neither reached nor short',
  )
  t.notMatch(printResults(empty), /reached|short|not measured/, 'nor printed, when it is all')
  const memory = (rssMiB: number) => ({ rssMiB, pssMiB: rssMiB })
  const full: Results = {
    ...empty,
    latency: {
      reference: { add: same(30), del: same(100) },
      resident: { add: same(3), del: same(6) },
      oneShot: { add: same(30), del: same(50) },
    },
    throughput: [8, 32].map(workers => ({
      workers,
      count: 1,
      perSecond: { reference: { add: 50, del: 20 }, resident: { add: 400, del: 500 } },
    })),
    growth: {
      resident: { few: 10, many: 1000, addFewMs: 2, addManyMs: 2.5, delFewMs: 1, delManyMs: 1, ratio: 1.25 },
    },
    memory: { withMany: memory(90), over: [memory(80), memory(81)], pairs: 10_000, growthMiB: 1 },
  }
  t.strictSame(
    plainRows(full).map(row => row.reached),
    [true, false, true, true, false, false, true, false, true, true],
    'ADD, DEL (17x), throughput at 8 and at 32, CPU, growth, memory',
  )
  t.match(
    printResults(full),
    /ADD p50, one at a time +30\.0 ms +3\.00 ms +30\.0 ms .*resident 10x; one-shot 1\.0x +reached/,
  )
})

t.test('the table of the chain', async t => {
  const pair = (ms: number) => ({ add: same(ms), del: same(2 * ms) })
  const grown = (addFewMs: number, addManyMs: number, many = 1000) => ({
    ...{ few: 1, many, addFewMs, addManyMs, delFewMs: 1, delManyMs: 1 },
    ratio: addManyMs / addFewMs,
  })
  const packets = (fewUs: number, manyUs: number, many: number) => ({
    ...{ few: 1, many, connections: 100, fewUs, manyUs, spreadUs: 60 },
    ratio: manyUs / fewUs,
  })
  const both = (share: number) => ({ ingress: share, egress: 1 })
  const full: Results = {
    ...empty,
    chain: {
      latency: { reference: pair(100), chained: pair(10), inline: pair(5) },
      throughput: [
        {
          workers: 8,
          count: 64,
          perSecond: {
            reference: { add: 8, del: 6 },
            chained: { add: 80, del: 90 },
            inline: { add: 210, del: 230 },
          },
        },
      ],
    },
    portGrowth: { reference: grown(70, 400, 500), chained: grown(5, 5.5), inline: grown(4, 5) },
    firstPacket: { reference: packets(50, 100, 1000), chained: packets(50, 54, 10_000) },
    shaping: {
      firstSecond: [
        { limitBits: 10e6, burstBits: 2 ** 31 - 1, share: { reference: both(100), chained: both(1.1) } },
        { limitBits: 10e6, share: { chained: both(1.2) } },
      ],
      rates: [{ limitBits: 5e9, seconds: 5, share: { chained: both(0.96) }, steady: {} }],
    },
    leftOut: ['something'],
  }
  t.strictSame(
    chainRows(full).map(row => row.reached),
    [false, false, true, false, false, true, true, true, false, false],
    'ADD (10x, 20x), DEL, 8 at a time, flat (1.25 inline), 30x, first packet, first seconds, rate',
  )
  t.equal(
    chainRows({ ...full, portGrowth: { chained: grown(5, 5.5) } })[4]?.reached,
    undefined,
    'one of two measured, and good: not yet',
  )
  const printed = printResults(full)
  t.match(printed, /ADD p50, one at a time +100.0 ms +10.0 ms +5.00 ms .*10x; 20x +short/)
  t.match(printed, /10000 mappings over 1 +50 -> 100 us \(2.00\) at 1000 +50 -> 54 us \(1.08\)/)
  t.match(printed, /runtimes' burst +100x \/ 100.0 % +110.0 % \/ 100.0 % .*\+10.0 % +reached/)
  t.match(printed, /5 Gbit\/s over 5 s .*-4.0 % +short/)
  t.match(printed, /Left out: something/)
})
