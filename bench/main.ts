// `npm run bench`: ours against the reference plugins, side by side in one run.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Bench } from './bench.js'
import { type Part, readOptions } from './options.js'
import { compareChains } from './parts/chain.js'
import { timeFirstPackets } from './parts/first-packet.js'
import { compare, growAndRemember } from './parts/plain.js'
import { growPorts } from './parts/port-growth.js'
import { shape } from './parts/shaping.js'
import { describeMachine, type Results } from './results.js'
import { printResults } from './table.js'

/** Which function measures what. */
const measures: readonly (readonly [readonly Part[], (bench: Bench) => Promise<void>])[] = [
  [['latency', 'throughput'], compare],
  [['growth', 'memory'], growAndRemember],
  [['chain'], compareChains],
  [['portgrowth'], growPorts],
  [['firstpacket'], timeFirstPackets],
  [['shaping'], shape],
]

/** Resolves to the exit status: 1 when a part of it failed. */
export async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args)
  const begin = Date.now()
  const results: Results = {
    format: 1,
    startedAt: new Date(begin).toISOString(),
    seconds: 0,
    quick: options.quick,
    machine: describeMachine(options.reference),
    leftOut: [],
  }
  const bench = new Bench(options, results)
  const status = await measureAll(bench)
  results.seconds = (Date.now() - begin) / 1000
  mkdirSync(dirname(options.out), { recursive: true })
  writeFileSync(options.out, `${JSON.stringify(results, null, 2)}\n`)
  process.stdout.write(`${printResults(results)}\n\nwritten to ${options.out}\n`)
  return status
}

/** A part that fails does not take the figures of the others with it. */
async function measureAll(bench: Bench): Promise<number> {
  let status = 0
  const stop = () => {
    if (bench.interrupted) return
    bench.interrupted = true
    void bench.closeAll().finally(() => process.exit(130))
  }
  for (const signal of signals) process.on(signal, stop)
  for (const [parts, measure] of measures) {
    if (!parts.some(part => bench.options.wanted.has(part))) continue
    try {
      await measure(bench)
    } catch (error) {
      await delay(50) // a signal to us and our children may have come to them first
      if (bench.interrupted) return new Promise(() => undefined) // stop() ends the process
      bench.leaveOut(`${parts.join(', ')}: ${(error as Error).message}`)
      status = 1
    } finally {
      await bench.closeAll()
    }
  }
  for (const signal of signals) process.off(signal, stop)
  return status
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
