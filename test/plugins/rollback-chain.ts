// Whatever step of an ADD fails, the world is as before, and a following ADD works: with all that can be asked for, inline and chained.
import t, { type Test } from 'tap'
import { chained, inlineBridge, inlinePtp } from '../helpers/everything.js'
import { needs } from '../helpers/needs.js'
import { type PluginWorld, pluginWorld, type TestContainer } from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

for (const network of [inlineBridge, inlinePtp])
  t.test(network.name, { skip }, async t => {
    const world = pluginWorld(t)
    const container = world.container()
    const [conf] = network.confs(world) as [Conf]
    await failEach(t, world, conf, container)
  })

for (const [number, type] of ['portmap', 'bandwidth', 'firewall', 'tuning'].entries())
  t.test(`${type}, behind bridge`, { skip }, async t => {
    const world = pluginWorld(t)
    const container = world.container()
    const [bridge, ...others] = chained.confs(world) as [Conf, ...Conf[]]
    const { prevResult } = await world.add(bridge, container)
    await failEach(t, world, { ...others[number], prevResult }, container)
  })

async function failEach(t: Test, world: PluginWorld, conf: Conf, container: TestContainer): Promise<void> {
  const steps = await stepsOf(world, conf, container)
  t.ok(steps.length > 0, steps.join(' '))
  const before = stateOf(world, container)
  for (const step of steps)
    for (const when of ['before', 'after'])
      await t.test(`${when} ${step}`, async t => {
        const env = { PLUMBLINE_FAULT: `ADD:${step}:${when}:fail` }
        const failed = await world.call('ADD', conf, container, { env })
        t.match(failed.error, { msg: `fault injected ${when} ADD of step ${step}` })
        t.notMatch(failed.log, /rollback is incomplete|could not be restored/)
        t.strictSame(stateOf(world, container), before, 'the world is as before')
      })
  await world.add(conf, container)
  t.equal((await world.call('CHECK', await again(world, conf, container), container)).stdout, '')
  t.equal((await world.call('DEL', conf, container)).code, 0, 'and an ADD works')
  t.strictSame(stateOf(world, container), before)
}

/** DEL, and ADD once more. */
async function again(world: PluginWorld, conf: Conf, container: TestContainer): Promise<Conf> {
  await world.call('DEL', conf, container)
  return world.add(conf, container)
}

/** With the settings that are asked for. */
function stateOf(world: PluginWorld, container: TestContainer): object {
  const settings = container.sh(
    'cd /proc/sys/net; cat core/somaxconn ipv4/conf/eth0/arp_filter 2>/dev/null || true',
  )
  const localnet = world.sh('grep . /proc/sys/net/ipv4/conf/*/route_localnet')
  return { ...world.lasting(), settings, localnet }
}

/** Makes what stays, too. */
async function stepsOf(world: PluginWorld, conf: Conf, container: TestContainer): Promise<string[]> {
  const { code, log, stdout } = await world.call('ADD', conf, container, { env: { PLUMBLINE_FAULT: 'list' } })
  if (code !== 0) throw new Error(stdout)
  await world.call('DEL', conf, container)
  return /plumbline-steps: (.*)/.exec(log)![1]!.split(' ')
}
