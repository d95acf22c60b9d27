// SIGKILL before and after every step of every plugin, then DEL or GC: nothing is left. And the gentler kind: a step
// that fails is rolled back at once. Then a number of kills at random moments; `npm run soak` makes many more.
import t, { type Test } from 'tap'
import { Chaos, chooseKill, killAtRandom, randomSource } from '../helpers/chaos.js'
import { type FakeHost, fakeHost } from '../helpers/host.js'
import { needs } from '../helpers/needs.js'
import { type Conf, modes, subjects, testsReference } from '../helpers/subjects.js'

const skip =
  needs('root', 'plugins', 'nsenter', 'iproute', 'nft') || (testsReference && 'needs plugins of our own')

/** Plugins that work in steps, with everything on that makes a step. */
const stepped: readonly ((host: FakeHost) => Conf)[] = [
  host => ({
    ...subjects.find(({ type }) => type === 'bridge')!.conf(host),
    macspoofchk: true,
    hairpinMode: true,
    mtu: 1400,
  }),
  host => ({ ...subjects.find(({ type }) => type === 'ptp')!.conf(host), mtu: 1400 }),
]

/** A route that the kernel refuses: ADD fails in its last step. */
function failing(conf: Conf): Conf {
  return { ...conf, ipam: { ...conf.ipam, routes: [{ dst: '192.0.2.0/24', gw: '203.0.113.1' }] } }
}

const moments = ['before', 'after'] as const

for (const mode of modes)
  for (const [index, confOf] of stepped.entries())
    t.test(`${subjects[index]!.type}, resident ${mode}`, { skip }, async t => {
      const host = fakeHost(t, { resident: mode })
      const chaos = new Chaos(host, subjects[index]!.type, confOf(host))
      const steps = chaos.prepare()
      t.ok(steps.length > 1, `steps: ${steps.join(' ')}`)
      const faults = steps.flatMap(step => moments.map(moment => `${step}:${moment}`))
      t.test('a step that fails', t => fails(t, chaos, faults))
      for (const verb of ['ADD', 'DEL', 'GC'] as const)
        t.test(`killed in ${verb}`, t => killed(t, chaos, verb, faults))
      t.test('killed in the rollback', t => killedInRollback(t, chaos, faults))
      t.test('killed at random', t => killedAtRandom(t, chaos, 15))
    })

for (const mode of modes)
  t.test(`host-local, resident ${mode}`, { skip }, async t => {
    const host = fakeHost(t, { resident: mode })
    const chaos = new Chaos(
      host,
      'host-local',
      subjects.find(({ type }) => type === 'host-local')!.conf(host),
    )
    chaos.prepare()
    await killedAtRandom(t, chaos, 10)
  })

async function fails(t: Test, chaos: Chaos, faults: readonly string[]): Promise<void> {
  for (const fault of faults) {
    const container = chaos.host.container()
    const before = chaos.host.snapshot().containers
    const outcome = chaos.call('ADD', container, `ADD:${fault}:fail`)
    t.not(outcome.error, undefined, `${fault}: an error is told: ${outcome.stdout}`)
    t.strictSame(chaos.host.snapshot().containers, before, `${fault}: the container is as it was`)
    t.strictSame(await chaos.left(), [], `${fault}: and so is the host`)
    container.remove()
  }
}

async function killed(
  t: Test,
  chaos: Chaos,
  verb: 'ADD' | 'DEL' | 'GC',
  faults: readonly string[],
): Promise<void> {
  for (const [index, fault] of faults.entries()) {
    // Each way of rescue meets every step, before or after.
    const rescue = (index + (index >> 1)) % 2 === 0 ? 'DEL' : 'GC'
    const container = chaos.host.container()
    if (verb !== 'ADD') t.equal(chaos.call('ADD', container).code, 0)
    const outcome = chaos.call(verb, container, `${verb}:${fault}:kill`)
    // A step with nothing to undo is not met on the way back.
    t.ok(
      wasKilled(outcome) || (verb !== 'ADD' && outcome.code === 0),
      `${fault}: ${outcome.stdout}${outcome.stderr}`,
    )
    if (rescue === 'GC' && index % 4 === 0) container.remove()
    chaos.rescue(rescue, container)
    t.strictSame(await chaos.left(), [], `${fault}: ${rescue} leaves nothing`)
    container.remove()
  }
}

async function killedInRollback(t: Test, chaos: Chaos, faults: readonly string[]): Promise<void> {
  const unlucky = new Chaos(chaos.host, chaos.plugin, failing(chaos.conf))
  const container = chaos.host.container()
  const refused = unlucky.call('ADD', container).error?.code
  t.ok(refused, 'ADD fails in its last step')
  for (const [index, fault] of faults.entries()) {
    const outcome = unlucky.call('ADD', container, `ROLLBACK:${fault}:kill`)
    t.ok(wasKilled(outcome) || outcome.error?.code === refused, `${fault}: ${outcome.stdout}`)
    chaos.rescue(index % 2 === 0 ? 'DEL' : 'GC', container)
    t.strictSame(await chaos.left(), [], `${fault}: nothing is left`)
  }
  container.remove()
}

async function killedAtRandom(t: Test, chaos: Chaos, count: number): Promise<void> {
  const seed = Date.now() % 1_000_000
  const random = randomSource(seed)
  for (let n = 0; n < count; n++) {
    const kill = chooseKill(random, chaos)
    await killAtRandom(chaos, kill)
    t.strictSame(await chaos.left(), [], `seed ${seed}, number ${n}: ${JSON.stringify(kill)}`)
  }
}

/** A one-shot call dies itself; of a resident that died its launcher tells. */
function wasKilled({
  signal,
  error,
}: {
  signal: string | null
  error: { code: number } | undefined
}): boolean {
  return signal === 'SIGKILL' || error?.code === 11
}
