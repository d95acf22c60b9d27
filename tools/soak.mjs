// `npm run soak [-- --kills N] [--pairs N] [--seed N]`: kills launchers, one-shot calls and residents at random moments, and sees
// after each that DEL or GC has taken everything back. Then many callers at once, with kills and GC among them, over the
// whole chain and over its inline form. Ends with lines that say how many there were.
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'

process.chdir(new URL('..', import.meta.url).pathname)

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    pairs: { type: 'string', default: '10000' },
    workers: { type: 'string', default: '32' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
if (process.getuid() !== 0) {
  console.error('npm run soak makes network namespaces and needs root')
  process.exit(1)
}
try {
  execFileSync('npx', ['tsc', '-b'], { stdio: ['ignore', 'inherit', 'inherit'] })
} catch {
  process.exit(1) // the compiler has said why
}
const { Chaos, chooseKill, killAtRandom, randomSource } = await import('../dist/lib/test/helpers/chaos.js')
const { fakeHost } = await import('../dist/lib/test/helpers/host.js')
const { subjects } = await import('../dist/lib/test/helpers/subjects.js')
const { Hammer } = await import('../dist/lib/test/helpers/hammer.js')
const { chainedNetwork, inlineNetwork } = await import('../dist/lib/test/helpers/networks.js')

const afterwards = []
const scope = { after: work => afterwards.unshift(work) }
const random = randomSource(Number(values.seed))
console.log(`${values.kills} kills, seed ${values.seed}`)
try {
  const worlds = []
  for (const resident of ['require', 'off'])
    for (const type of ['bridge', 'ptp', 'host-local']) {
      const host = fakeHost(scope, { resident })
      const chaos = new Chaos(host, type, subjects.find(subject => subject.type === type).conf(host))
      chaos.prepare()
      worlds.push({ name: `${type}, resident ${resident}`, chaos })
    }
  await kill(worlds, Number(values.kills))
  for (const networkOf of [chainedNetwork, inlineNetwork]) await hammer(networkOf, Number(values.pairs) / 2)
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  for (const work of afterwards) await work()
}

async function kill(worlds, count) {
  const ends = { killed: 0, answered: 0, failed: 0 }
  for (let n = 0; n < count; n++) {
    const { name, chaos } = worlds[Math.floor(random() * worlds.length)]
    const how = chooseKill(random, chaos)
    const outcome = await killAtRandom(chaos, how)
    ends[outcome.signal ? 'killed' : outcome.code === 0 ? 'answered' : 'failed']++
    const left = await chaos.left()
    if (left.length > 0)
      throw new Error(`kill ${n} (${name}, ${JSON.stringify(how)}) left something:\n${left.join('\n')}`)
    if ((n + 1) % 100 === 0) console.log(`${n + 1} kills`)
  }
  console.log(
    `${count} kills, nothing left (${ends.killed} calls killed, ${ends.failed} failed, ${ends.answered} had answered)`,
  )
}

async function hammer(networkOf, pairs) {
  if (pairs < 1) return
  const host = fakeHost(scope, { resident: 'auto' })
  const network = networkOf(host)
  console.log(`${network.name}: ${pairs} ADD/DEL, ${values.workers} at a time`)
  const report = await new Hammer(host, network, {
    pairs,
    workers: Number(values.workers),
    seed: Number(values.seed),
    kills: 0.05,
    gcEvery: 500,
    report: text => console.log(text),
  }).run()
  console.log(`${network.name}: ${JSON.stringify(report)}, nothing given twice, nothing left`)
}
