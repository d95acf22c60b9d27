// Repair while attachments come and go: it gives nothing back to those who are gone, and takes nothing from those who came after.
import t from 'tap'
import { repair } from '../../plugins/repair.js'
import { recordingLog } from '../helpers/calls.js'
import { inlineBridge } from '../helpers/everything.js'
import { needs } from '../helpers/needs.js'
import { type PluginWorld, pluginWorld } from '../helpers/plugin-world.js'
import { until } from '../helpers/processes.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

const owners = ({ ns }: PluginWorld) =>
  new Set(
    ns.nft.list
      .tables()
      .flatMap(table => ns.nft.list.sets(table))
      .flatMap(set => ns.nft.list.elements(set))
      .map(({ comment }) => comment)
      .filter(comment => comment !== 'shared'),
  )

t.test('ports that another has taken over stay with it', { skip }, async t => {
  const world = pluginWorld(t)
  const [conf] = inlineBridge.confs(world) as [Conf]
  const [first, second] = [world.container(), world.container()]
  const one = await world.add(conf, first)
  world.sh('nft flush ruleset')
  const repairing = repair(world.host, world.runDir, recordingLog())
  await until(() => owners(world).size > 0, 'what was restored')
  t.equal((await world.call('DEL', one, first)).stdout, '')
  const two = await world.add(conf, second)
  t.strictSame((await repairing).failures, [])
  t.equal((await world.call('CHECK', two, second)).stdout, '', 'the second has all of its own')
  t.equal(owners(world).size, 1, 'and there is nothing of the first')
})

t.test('who goes before its turn gets nothing back', { skip }, async t => {
  const world = pluginWorld(t)
  const [conf] = inlineBridge.confs(world) as [Conf]
  const container = world.container()
  const added = await world.add(conf, container)
  world.sh('nft flush ruleset')
  const repairing = repair(world.host, world.runDir, recordingLog())
  t.equal((await world.call('DEL', added, container)).stdout, '')
  t.strictSame([...owners(world)], [])
  await repairing
  t.strictSame([...owners(world)], [])
})
