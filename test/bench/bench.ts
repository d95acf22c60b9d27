// The bench measures what it says: the driver's calls, the figures made of them, and the table.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t from 'tap'
import { Driver } from '../../bench/driver.js'
import { rows } from '../../bench/goals.js'
import { quantile, short } from '../../bench/numbers.js'
import { readOptions } from '../../bench/options.js'
import type { Results } from '../../bench/results.js'
import { printResults } from '../../bench/table.js'
import { needs } from '../helpers/needs.js'

t.test('the driver', { skip: needs('root', 'nsenter') || noCompiler() }, async t => {
  const dir = mkdtempSync(`${tmpdir()}/plumbline-test-driver-`)
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  execFileSync('node', [
    '--input-type=module',
    '-e',
    "import { buildDriver } from './tools/bench/driver.mjs'; buildDriver()",
  ])
  const plugin = `${dir}/plugin`
  // Writes down what it was given; ADD answers with its own number, DEL of container 2 fails.
  writeFileSync(
    plugin,
    `#!/bin/sh
cat > ${dir}/$CNI_COMMAND.$CNI_CONTAINERID
echo "$CNI_NETNS $CNI_IFNAME $CNI_PATH $GIVEN" >> ${dir}/$CNI_COMMAND.$CNI_CONTAINERID
[ $CNI_COMMAND = ADD ] && echo '{"me":"'$CNI_CONTAINERID'"}'
[ $CNI_COMMAND.$CNI_CONTAINERID = DEL.bench2 ] && echo '{"code":7,"msg":"a \\"quoted\\" failure"}' && exit 1
exit 0
`,
  )
  chmodSync(plugin, 0o755)
  writeFileSync(`${dir}/conf`, '{"name":"x", "ipam":{}}\n')
  const driver = new Driver({
    driver: `${process.cwd()}/dist/bench/driver`,
    hostNetns: '/proc/self/ns/net',
    plugin,
    confFile: `${dir}/conf`,
    netnsPrefix: `${dir}/c`,
    env: { PATH: process.env.PATH ?? '', CNI_PATH: '/a:/b', GIVEN: 'given' },
  })
  t.after(() => driver.close())

  await driver.makeNetns(0, 3)
  t.after(() => driver.removeNetns(0, 3))
  t.match(readFileSync('/proc/self/mountinfo', 'utf8'), `${dir}/c2`, 'namespaces are there')
  const added = await driver.run('ADD', 0, 3, 2)
  t.equal(added.latencyNs.length, 3)
  t.ok(
    added.latencyNs.every(ns => ns > 0 && ns <= added.wallNs),
    'latencies lie within the whole',
  )
  t.equal(readFileSync(`${dir}/ADD.bench1`, 'utf8'), `{"name":"x", "ipam":{}}${dir}/c1 eth0 /a:/b given\n`)
  await driver.run('DEL', 0, 1)
  t.match(readFileSync(`${dir}/DEL.bench0`, 'utf8'), '{"name":"x", "ipam":{},"prevResult":{"me":"bench0"}\n}')
  await t.rejects(driver.run('DEL', 1, 3), /1 of 2 DEL failed: .*a \\+"quoted\\+" failure/)
  t.equal((await driver.noop(`${process.cwd()}/dist/bench/noop`, 5, 2)).failed, 0)
  await t.rejects(driver.makeNetns(0, 1), /errno 17/)
})

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
  t.match(readOptions([]), { quick: false, sizes: { many: 1000, pairs: 10_000 } })
  t.match(readOptions(['--quick', '--only', 'growth', '--ours', '/x']), {
    quick: true,
    ours: '/x',
    wanted: new Set(['growth']),
  })
  t.throws(() => readOptions(['--only', 'speed']), /'speed' is none of latency/)
  t.throws(() => readOptions(['--fast']))
})

const machine = { kernel: '6', cpu: 'x', cpus: 2, node: 'v20', reference: 'r', iptables: 'i' }
const empty: Results = { format: 1, startedAt: 'then', seconds: 1, quick: true, machine }
const same = (p50Ms: number, cpuMs = p50Ms) => ({ samples: 1, p50Ms, p99Ms: p50Ms, cpuMs })

t.test('the table', async t => {
  t.ok(
    rows(empty).every(row => row.reached === undefined),
    'what was not measured is neither reached nor short',
  )
  t.match(printResults(empty), /not measured/)
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
    rows(full).map(row => row.reached),
    [true, false, true, true, false, false, true, false, true, true],
    'ADD, DEL (17x), throughput at 8 and at 32, CPU, growth, memory',
  )
  t.match(
    printResults(full),
    /ADD p50, one at a time +30\.0 ms +3\.00 ms +30\.0 ms .*resident 10x; one-shot 1\.0x +reached/,
  )
})

function noCompiler(): false | string {
  return spawnSync(process.env.CC ?? 'cc', ['--version']).status === 0 || existsSync('dist/bench/driver')
    ? false
    : 'no compiler'
}
