// portgrowth: bridge and one host port, for the first container and for the thousandth.
import type { Bench } from '../bench.js'
import { measureGrowth } from '../measure/growth.js'

export async function growPorts(bench: Bench): Promise<void> {
  const { sizes } = bench.options
  const extras = { ports: 1 }
  bench.results.portGrowth = {}
  for (const name of await bench.chainNames(extras)) {
    const counts = { few: 1, many: name === 'reference' ? sizes.referenceMany : sizes.many }
    if (counts.many === 0) continue
    bench.say(`${name}, bridge and one host port: ${counts.few} and ${counts.many} attachments`)
    const pair = {
      few: bench.chain(name, extras, `${name} few`),
      many: bench.chain(name, extras, `${name} many`),
    }
    bench.results.portGrowth[name] = await measureGrowth(pair, counts, {
      // Of the reference every call takes half a second.
      rounds: name === 'reference' ? Math.ceil(sizes.portGrowthRounds / 4) : sizes.portGrowthRounds,
      perRound: name === 'reference' ? 5 : sizes.perRound,
      fillers: 8,
    })
    await bench.close(pair.few, pair.many)
  }
}
