// Whatever step of an ADD fails, the world is as before, and a following ADD works: for every plugin, with everything it
// can be asked for.
import t, { type Test } from 'tap'
import { needs } from '../helpers/needs.js'
import {
  bridgeConf,
  confs,
  type PluginWorld,
  pluginWorld,
  ptpConf,
  type TestContainer,
} from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

for (const [name, confOf] of Object.entries(confs))
  t.test(`${name}: fail step k`, { skip }, async t => {
    const world = pluginWorld(t)
    const conf = confOf(world)
    const steps = await stepsOf(world, conf)
    t.ok(steps.length >= 4, steps.join(' '))
    // Links that are made and go again take numbers, and no snapshot compares those of links that are no more.
    const container = world.container()
    const before = world.lasting()
    for (const step of steps)
      for (const when of ['before', 'after'])
        await t.test(`${when} ${step}`, async t => {
          const env = { PLUMBLINE_FAULT: `ADD:${step}:${when}:fail` }
          const failed = await world.call('ADD', conf, container, { env })
          t.match(failed.error, { msg: `fault injected ${when} ADD of step ${step}` })
          t.strictSame(world.lasting(), before, 'the world is as before')
          const added = await world.add(conf, container)
          t.match((await world.call('DEL', added, container)).code, 0, 'and an ADD works')
        })
    t.strictSame(world.lasting(), before)
  })

for (const [name, confOf] of Object.entries(confs))
  t.test(`${name}: fail a step of the very first ADD`, { skip }, async t => {
    const world = pluginWorld(t)
    const steps = await stepsOf(world, confOf(world))
    for (const step of [steps[0]!, steps.at(-1)!]) await t.test(step, t => failFirst(t, confOf, step))
  })

/** What stays by design, since all attachments share it: the bridge, what it carries, and our empty nftables sets. */
async function failFirst(t: Test, confOf: (world: PluginWorld) => Conf, step: string): Promise<void> {
  const world = pluginWorld(t)
  const conf = confOf(world)
  const container = world.container()
  const before = world.lasting()
  const env = { PLUMBLINE_FAULT: `ADD:${step}:after:fail` }
  t.match((await world.call('ADD', conf, container, { env })).error, { msg: /fault injected/ })
  // The index of leases stays, as their directory does.
  const { host, run: _index, ...after } = world.lasting()
  const { host: hostBefore, run: _nothing, ...rest } = before
  t.strictSame(after, rest, 'leases, records and the container')
  t.strictSame(
    Object.keys(host.links).filter(link => link !== conf.bridge),
    Object.keys(hostBefore.links),
  )
  t.notMatch(host.nft.join(), /elem/)
  if (step === 'ipam') t.strictSame(host, hostBefore, 'nothing at all')
}

/** Makes what stays, too. */
async function stepsOf(world: PluginWorld, conf: Conf): Promise<string[]> {
  const container = world.container()
  const { code, log, stdout } = await world.call('ADD', conf, container, { env: { PLUMBLINE_FAULT: 'list' } })
  if (code !== 0) throw new Error(stdout)
  await world.call('DEL', conf, container)
  container.remove()
  return /plumbline-steps: (.*)/.exec(log)![1]!.split(' ')
}

t.test('an IPAM that fails, or is none', { skip }, async t => {
  const world = pluginWorld(t)
  const before = world.lasting()
  const container = world.container()
  const dataDir = `${world.root}/data`
  const exhausted = {
    type: 'host-local',
    dataDir,
    ranges: [[{ subnet: '10.9.0.0/30', rangeStart: '10.9.0.1', rangeEnd: '10.9.0.1' }]],
  }
  const failures: [ipam: Conf, code: number][] = [
    [{ type: 'no-such-ipam' }, 7],
    [{ type: '../host-local' }, 7],
    [{ type: 'ptp' }, 7],
    [{ type: 'host-local', dataDir, ranges: [] }, 7],
    [exhausted, 101],
  ]
  for (const conf of [bridgeConf(world), ptpConf(world)])
    for (const [ipam, code] of failures) {
      const { error, log } = await world.call(
        'ADD',
        { ...conf, ipam: conf.type === ipam.type ? failures[0]![0] : ipam },
        container,
      )
      t.match(error, { code }, `${conf.type} ${JSON.stringify(ipam)}`)
      t.notMatch(log, /rollback/)
      const { leases, records } = world.state()
      t.strictSame({ leases, records }, { leases: {}, records: {} })
    }
  t.strictSame(world.lasting().host, before.host, 'the host is as before')
})

t.test('a rollback that can not be finished is finished by DEL, GC or the next ADD', { skip }, async t => {
  const world = pluginWorld(t)
  const conf = bridgeConf(world)
  const steps = await stepsOf(world, conf)
  const containers = steps.map(step => ({ step, container: world.container() }))
  const keeper = world.container()
  const kept = await world.add(conf, keeper)
  const before = world.lasting()
  const finishers = {
    DEL: (container: TestContainer) => world.call('DEL', conf, container),
    GC: () => world.gc(conf, [keeper]),
    ADD: (container: TestContainer) => world.add(conf, container),
  }
  for (const [verb, finish] of Object.entries(finishers)) {
    for (const { step, container } of containers) {
      const env = { PLUMBLINE_FAULT: `ADD:${step}:after:fail` }
      const failed = await world.call(
        'ADD',
        conf,
        container,
        { env },
        { ...world.host, reaper: failing(world) },
      )
      t.match(failed.error, { msg: `fault injected after ADD of step ${step}` })
    }
    t.strictNotSame(world.lasting().records, before.records, 'what is left is on record')
    for (const { container } of containers) await finish(container)
    if (verb === 'ADD')
      for (const { container } of containers)
        t.equal((await world.call('DEL', conf, container)).code, 0, 'DEL of what was added in its place')
    t.strictSame(world.lasting(), before, verb)
  }
  t.equal((await world.call('CHECK', kept, keeper)).code, 0, 'and nobody else has suffered')
})

/** A reaper that can't: what is left then is what a kill leaves as well. */
function failing({ host }: PluginWorld): PluginWorld['host']['reaper'] {
  return {
    removed: () => Promise.reject(new Error('not today')),
    removedAll: () => Promise.reject(new Error('not today')),
    idle: () => host.reaper.idle(),
    [Symbol.dispose]() {},
  }
}
