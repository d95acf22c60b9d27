// The parts that measure the chain, at their smallest: figures come out, and nothing stays, also when it is interrupted.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t, { type Test } from 'tap'
import { Bench } from '../../bench/bench.js'
import { readOptions } from '../../bench/options.js'
import { compareChains } from '../../bench/parts/chain.js'
import { timeFirstPackets } from '../../bench/parts/first-packet.js'
import { growPorts } from '../../bench/parts/port-growth.js'
import { shape } from '../../bench/parts/shaping.js'
import { describeMachine, type Results } from '../../bench/results.js'
import type { Sizes } from '../../bench/sizes.js'
import { printResults } from '../../bench/table.js'
import { buildNatives, noNatives } from '../helpers/bench-natives.js'
import { distDir, needs } from '../helpers/needs.js'

const lacking = ['portmap', 'bandwidth', 'firewall'].filter(type => !existsSync(`${distDir}/cni/${type}`))
const ofOurs = noNatives || needs('iproute') || (lacking.length > 0 && `not built: ${lacking.join(', ')}`)
const ofReference = noNatives || needs('iproute', 'iptables', 'reference-plugins')

if (noNatives === false) buildNatives()

const tiny: Partial<Sizes> = {
  ...{ warmUp: 1, chainRounds: 1, perRound: 1, chainThroughputRounds: 1, chainThroughputCount: 2 },
  ...{ many: 5, portGrowthRounds: 1 },
  mappings: { attachments: 2, each: 20 },
  referenceMappings: { attachments: 2, each: 3 },
  connections: 40,
  firstSeconds: 1,
  shapedRates: [],
}

/** Where the bench makes its directories; after the test it must be as empty as it was. */
function scratch(t: Test): string {
  const dir = mkdtempSync(`${tmpdir()}/plumbline-test-bench-`)
  const before = process.env.TMPDIR
  process.env.TMPDIR = dir
  t.after(() => {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

function nothingIn(t: Test, dir: string): void {
  t.strictSame(readdirSync(dir), [])
  t.notMatch(readFileSync('/proc/self/mountinfo', 'latin1'), dir)
}

function bench(candidates: string): Bench {
  const options = readOptions(['--quick', '--candidates', candidates])
  const results: Results = {
    ...{ format: 1, startedAt: 'now', seconds: 0, quick: true, leftOut: [] },
    machine: describeMachine(options.reference),
  }
  const made = new Bench({ ...options, sizes: { ...options.sizes, ...tiny } }, results)
  made.say = () => undefined
  return made
}

type Part = (bench: Bench) => Promise<void>

async function measured(t: Test, candidates: string, parts: readonly Part[]): Promise<Results> {
  const dir = scratch(t)
  const made = bench(candidates)
  t.after(() => made.closeAll())
  for (const part of parts) {
    await part(made)
    await made.closeAll()
  }
  nothingIn(t, dir)
  t.strictSame(made.results.leftOut, [])
  return made.results
}

t.test('the reference', { skip: ofReference }, async t => {
  const results = await measured(t, 'reference', [compareChains, timeFirstPackets, shape])
  const { chain, firstPacket, shaping } = results
  t.strictSame(Object.keys(chain?.latency.reference?.add.byPluginMs ?? {}), [
    'bridge',
    'portmap',
    'bandwidth',
    'firewall',
  ])
  t.match(firstPacket?.reference, { few: 1, many: 6, connections: 40 })
  const { ingress, egress } = shaping!.firstSecond[0]!.share.reference!
  t.ok(ingress > 5 && egress > 5, 'with a huge burst its limits do not hold in the first second')
  t.match(printResults(results), /the chain, ADD p50, one at a time +[\d.]+ ms +- +-/)
})

t.test('ours', { skip: ofOurs }, async t => {
  const parts = [compareChains, growPorts, timeFirstPackets, shape]
  const { chain, portGrowth, firstPacket, shaping } = await measured(t, 'chained,inline', parts)
  t.strictSame(Object.keys(chain?.latency ?? {}), ['chained', 'inline'])
  t.strictSame(Object.keys(portGrowth ?? {}), ['chained', 'inline'])
  t.match(firstPacket?.chained, { few: 1, many: 40 })
  for (const { share } of shaping!.firstSecond)
    t.ok(
      Object.values(share.chained!).every(one => one > 0.5 && one < 5),
      'a limit is a limit',
    )
})

t.test('a candidate that is not there, or does nothing, is left out', { skip: noNatives }, async t => {
  const dir = scratch(t)
  const made = bench('chained,inline')
  t.after(() => made.closeAll())
  const lazy = mkdtempSync(`${dir}/lazy-`)
  writeFileSync(`${lazy}/bridge`, '#!/bin/sh\necho "{}"\n', { mode: 0o755 })
  Object.assign(made.options, { ours: lazy })
  await compareChains(made)
  t.match(made.results.leftOut, [
    /^chained .*has no portmap, bandwidth, firewall/,
    /^inline .*a host port does not lead to the container/,
  ])
  t.equal(made.results.chain, undefined)
  rmSync(lazy, { recursive: true })
  nothingIn(t, dir)
})

t.test('interrupted', { skip: ofReference }, async t => {
  const dir = scratch(t)
  const args = ['--quick', '--only', 'chain', '--candidates', 'reference', '--out', `${dir}/out.json`]
  const script = `import { main } from '${distDir}/lib/bench/main.js'; await main(${JSON.stringify(args)})`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise<number | null>(resolve => child.on('exit', resolve))
  for await (const line of child.stderr) if (String(line).includes('one at a time')) child.kill('SIGINT')
  t.equal(await ended, 130)
  nothingIn(t, dir)
})
