// latency, throughput, growth, memory: the plain bridge.
import type { Bench } from '../bench.js'
import { measureGrowth } from '../measure/growth.js'
import { measureLatency } from '../measure/latency.js'
import { measureMemory, residentMemory } from '../measure/memory.js'
import { measureThroughput } from '../measure/throughput.js'
import { ms, quantile } from '../numbers.js'

export async function compare(bench: Bench): Promise<void> {
  const { options, results } = bench
  const { sizes, wanted } = options
  const all = bench.plainNames.map(name => bench.plain(name))
  if (all.length === 0) return
  const noop = await all[0]!.driver.noop(options.noop, sizes.noops)
  results.driver = {
    p50Ms: ms(quantile(noop.latencyNs, 0.5)),
    p99Ms: ms(quantile(noop.latencyNs, 0.99)),
    cpuMs: noop.driverUs / sizes.noops / 1000,
  }
  results.cpuIsComplete = all.every(one => one.metersAll)
  bench.say('warming up')
  await measureLatency(all, { rounds: sizes.warmUp, perRound: sizes.perRound })
  if (wanted.has('latency')) {
    bench.say(`one at a time: ${sizes.rounds} rounds of ${sizes.perRound}`)
    results.latency = await measureLatency(all, sizes)
  }
  if (!wanted.has('throughput')) return
  results.throughput = []
  for (const workers of [1, 8, 32]) {
    bench.say(`${workers} at a time: ${sizes.throughputRounds} rounds of ${sizes.throughputCount}`)
    const how = { workers, count: sizes.throughputCount, rounds: sizes.throughputRounds }
    results.throughput.push({ workers, count: how.count, perSecond: await measureThroughput(all, how) })
  }
}

export async function growAndRemember(bench: Bench): Promise<void> {
  const { results } = bench
  const { sizes, wanted } = bench.options
  if (wanted.has('growth')) {
    results.growth = {}
    for (const name of ['resident', 'reference'] as const) {
      const many = name === 'resident' ? sizes.many : sizes.referenceMany
      if (!bench.plainNames.includes(name) || many === 0) continue
      bench.say(`${name}: ${sizes.few} and ${many} attachments`)
      const pair = { few: bench.plain(name, `${name} few`), many: bench.plain(name, `${name} many`) }
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
      bench.say(`resident: ${sizes.pairs} ADD/DEL`)
      results.memory = await measureMemory(pair.few, withMany, sizes.pairs)
    }
  } else if (wanted.has('memory') && bench.plainNames.includes('resident')) {
    bench.say(`resident: ${sizes.pairs} ADD/DEL`)
    results.memory = await measureMemory(bench.plain('resident'), undefined, sizes.pairs)
  }
}
