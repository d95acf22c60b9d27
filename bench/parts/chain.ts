// chain: bridge, a host port, a limit and the firewall, in four plugins and in one.
import type { Bench } from '../bench.js'
import { wholeChain } from '../configuration.js'
import { measureLatency } from '../measure/latency.js'
import { measureThroughput } from '../measure/throughput.js'

export async function compareChains(bench: Bench): Promise<void> {
  const { results, options } = bench
  const { sizes } = options
  const all = (await bench.chainNames(wholeChain)).map(name => bench.chain(name, wholeChain))
  if (all.length === 0) return
  // The reference needs no warming up, and a second for every two calls.
  const [reference, ours] = [all.filter(one => one.name === 'reference'), all.filter(isOurs)]
  bench.say('the chain: warming up')
  await measureLatency(reference, { rounds: 1, perRound: 2 })
  await measureLatency(ours, { rounds: sizes.chainWarmUp, perRound: sizes.perRound })
  bench.say(`the chain, one at a time: ${sizes.chainRounds} rounds of ${sizes.perRound}`)
  results.cpuIsComplete = all.every(one => one.metersAll)
  results.chain = {
    latency: await measureLatency(all, { rounds: sizes.chainRounds, perRound: sizes.perRound }),
    throughput: [],
  }
  for (const workers of [1, 8]) {
    const how = { workers, count: sizes.chainThroughputCount, rounds: sizes.chainThroughputRounds }
    bench.say(`the chain, ${workers} at a time: ${how.rounds} rounds of ${how.count}`)
    const perSecond = await measureThroughput(all, how)
    results.chain.throughput.push({ workers, count: how.count, perSecond })
  }
}

const isOurs = (candidate: { readonly name: string }) => candidate.name !== 'reference'
