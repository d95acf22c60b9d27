// `npm run bench`: ours, warm and cold, against the reference plugins, side by side in one run.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Candidate } from './candidate.js'
import { measureGrowth } from './measure/growth.js'
import { measureLatency } from './measure/latency.js'
import { measureMemory, residentMemory } from './measure/memory.js'
import { measureThroughput } from './measure/throughput.js'
import { ms, quantile } from './numbers.js'
import { type Options, readOptions } from './options.js'
import { type CandidateName, describeMachine, type Results } from './results.js'
import { printResults } from './table.js'

const say = (text: string) => process.stderr.write(`${text}\n`)

export async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args)
  const begin = Date.now()
  const results: Results = {
    format: 1,
    startedAt: new Date(begin).toISOString(),
    seconds: 0,
    quick: options.quick,
    machine: describeMachine(options.reference),
  }
  const open: Candidate[] = []
  const candidate = (name: CandidateName, label: string = name): Candidate => {
    const made =
      name === 'reference'
        ? new Candidate({ name: label, dir: options.reference, driver: options.driver })
        : new Candidate({
            name: label,
            dir: options.ours,
            resident: name === 'resident' ? 'require' : 'off',
            driver: options.driver,
          })
    open.push(made)
    return made
  }
  const closeAll = async () => {
    for (const one of open.splice(0)) await one.close()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void closeAll().finally(() => process.exit(130)))
  try {
    await compare(options, results, candidate)
    await growAndRemember(options, results, candidate)
  } finally {
    await closeAll()
  }
  results.seconds = (Date.now() - begin) / 1000
  mkdirSync(dirname(options.out), { recursive: true })
  writeFileSync(options.out, `${JSON.stringify(results, null, 2)}\n`)
  process.stdout.write(`${printResults(results)}\n\nwritten to ${options.out}\n`)
}

type Make = (name: CandidateName, label?: string) => Candidate

async function compare(options: Options, results: Results, make: Make): Promise<void> {
  const { sizes, wanted } = options
  if (!wanted.has('latency') && !wanted.has('throughput')) return
  const all = options.candidates.map(name => make(name))
  for (const one of all) await one.prepare(sizes.perRound)
  const noop = await all[0]!.driver.noop(options.noop, sizes.noops)
  results.driver = {
    p50Ms: ms(quantile(noop.latencyNs, 0.5)),
    p99Ms: ms(quantile(noop.latencyNs, 0.99)),
    cpuMs: noop.driverUs / sizes.noops / 1000,
  }
  results.cpuIsComplete = all.every(one => one.metersAll)
  say('warming up')
  await measureLatency(all, { rounds: sizes.warmUp, perRound: sizes.perRound })
  if (wanted.has('latency')) {
    say(`one at a time: ${sizes.rounds} rounds of ${sizes.perRound}`)
    results.latency = await measureLatency(all, sizes)
  }
  if (!wanted.has('throughput')) return
  results.throughput = []
  for (const workers of [1, 8, 32]) {
    say(`${workers} at a time: ${sizes.throughputRounds} rounds of ${sizes.throughputCount}`)
    const how = { workers, count: sizes.throughputCount, rounds: sizes.throughputRounds }
    results.throughput.push({ workers, count: how.count, perSecond: await measureThroughput(all, how) })
  }
}

async function growAndRemember(options: Options, results: Results, make: Make): Promise<void> {
  const { sizes, wanted } = options
  if (wanted.has('growth')) {
    results.growth = {}
    for (const name of ['resident', 'reference'] as const) {
      const many = name === 'resident' ? sizes.many : sizes.referenceMany
      if (!options.candidates.includes(name) || many === 0) continue
      say(`${name}: ${sizes.few} and ${many} attachments`)
      const pair = { few: make(name, `${name} few`), many: make(name, `${name} many`) }
      results.growth[name] = await measureGrowth(
        pair,
        { few: sizes.few, many },
        {
          rounds: name === 'resident' ? sizes.rounds : Math.ceil(sizes.rounds / 4),
          perRound: sizes.perRound,
        },
      )
      if (name !== 'resident') continue
      const withMany = residentMemory(pair.many)
      if (!wanted.has('memory')) continue
      say(`resident: ${sizes.pairs} ADD/DEL`)
      results.memory = await measureMemory(pair.few, withMany, sizes.pairs)
    }
  } else if (wanted.has('memory') && options.candidates.includes('resident')) {
    say(`resident: ${sizes.pairs} ADD/DEL`)
    results.memory = await measureMemory(make('resident'), undefined, sizes.pairs)
  }
}
