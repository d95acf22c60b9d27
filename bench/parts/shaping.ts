// shaping: does a limit hold in its first second, and over several?
import type { Bench } from '../bench.js'
import { type Limit, runtimesBurst } from '../configuration.js'
import { measureFirstSecond, measureRate, type Shaped } from '../measure/shaping.js'
import type { ChainName, Results } from '../results.js'

type Figures = NonNullable<Results['shaping']>

export async function shape(bench: Bench): Promise<void> {
  const { sizes } = bench.options
  const figures: Figures = { firstSecond: [], rates: [] }
  bench.results.shaping = figures
  const names = await bench.pair({ limit: { rate: 10e6, burst: 1e6 } })
  await firstSeconds(bench, names, figures)
  for (const rate of sizes.shapedRates) {
    const row: Figures['rates'][number] = {
      limitBits: rate,
      seconds: sizes.shapedMs / 1000,
      share: {},
      steady: {},
    }
    figures.rates.push(row)
    for (const name of names) {
      bench.say(`${name}: ${row.seconds} seconds at ${rate / 1e6} Mbit/s, twice`)
      // The reference has no burst of its own: what passes in a twentieth of a second.
      const limit = name === 'reference' ? { rate, burst: rate / 20 } : { rate }
      const measured = await withShaped(bench, name, limit, one => measureRate(one, sizes.shapedMs))
      row.share[name] = measured.share
      row.steady[name] = measured.steady
    }
  }
}

async function firstSeconds(bench: Bench, names: readonly ChainName[], figures: Figures): Promise<void> {
  const limitBits = 10e6
  for (const burstBits of [runtimesBurst, undefined]) {
    const burst = burstBits === undefined ? {} : { burstBits }
    const row: Figures['firstSecond'][number] = { limitBits, ...burst, share: {} }
    figures.firstSecond.push(row)
    for (const name of names) {
      if (name === 'reference' && burstBits === undefined) continue // it takes no limit without a burst
      bench.say(`${name}: the first second at ${limitBits / 1e6} Mbit/s, burst ${burstBits ?? 'of its own'}`)
      const limit: Limit = { rate: limitBits, ...(burstBits === undefined ? {} : { burst: burstBits }) }
      const count = bench.options.sizes.firstSeconds
      row.share[name] = await withShaped(bench, name, limit, one => measureFirstSecond(one, count))
    }
  }
}

async function withShaped<T>(
  bench: Bench,
  name: ChainName,
  limit: Limit,
  measure: (shaped: Shaped) => Promise<T>,
): Promise<T> {
  const candidate = bench.chain(name, { limit })
  try {
    return await measure({ candidate, traffic: bench.traffic(candidate), limitBits: limit.rate })
  } finally {
    await bench.close(candidate)
  }
}
