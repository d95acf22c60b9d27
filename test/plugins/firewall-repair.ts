// The repair itself: what it puts back, what it leaves to others, and what it says of it.
import t from 'tap'
import { createLogger } from '../../cni/log.js'
import { element } from '../../kernel/nft/element.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { lookAfterPassages } from '../../plugins/firewall/keeper.js'
import { isSound, repair } from '../../plugins/repair.js'
import { unwall, wall } from '../helpers/firewall.js'
import { needs } from '../helpers/needs.js'
import { netnsWorld } from '../helpers/netns-world.js'
import { type PluginWorld, pluginWorld } from '../helpers/plugin-world.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter', 'iptables')

const silent = createLogger({}, () => {})
const mend = (world: PluginWorld, log = silent) => repair(world.host, world.runDir, log)
const rulesetOf = ({ path }: PluginWorld) => [...netnsWorld(path).nft].sort()

t.test('nothing is wrong', { skip }, async t => {
  const world = pluginWorld(t)
  t.ok(isSound(await mend(world)), 'with nothing on record')
  await wall(world, { firewall: { ingressPolicy: 'isolated' } })
  const before = world.glance()
  const report = await mend(world)
  t.strictSame(report, { attachments: 2, fixtures: [], elements: 0, passages: [], failures: [] })
  t.ok(isSound(report))
  t.strictSame(world.glance(), before, 'nothing is touched')
})

t.test('everything is gone', { skip }, async t => {
  const world = pluginWorld(t)
  world.sh('iptables -P FORWARD DROP; ip6tables -P FORWARD DROP')
  const walled = [
    await wall(world, { firewall: { ingressPolicy: 'isolated' }, keys: { macspoofchk: true } }),
    await wall(world, { firewall: { ingressPolicy: 'isolated', iptablesAdminChainName: 'OTHER' } }),
  ]
  const before = rulesetOf(world)
  world.sh('nft flush ruleset')
  world.sh(
    'iptables -P INPUT ACCEPT; iptables -P FORWARD DROP; iptables -P OUTPUT ACCEPT; ip6tables -P FORWARD DROP',
  )
  const report = await mend(world)
  t.match(report, { attachments: 4, passages: ['ip filter FORWARD', 'ip6 filter FORWARD'], failures: [] })
  t.match(report.fixtures.toSorted(), [
    'bridge plumbline guarded',
    'bridge plumbline port_macs',
    'bridge plumbline sources4',
    'bridge plumbline sources6',
    'inet plumbline allowed4',
    'inet plumbline allowed6',
    'inet plumbline apart',
    'inet plumbline isolated',
    /inet plumbline masq4-/,
    /inet plumbline masq6-/,
  ])
  t.strictSame(
    rulesetOf(world).filter(text => !text.includes('"INPUT"') && !text.includes('"OUTPUT"')),
    before,
  )
  for (const { firewall, container } of walled)
    t.match(await world.call('CHECK', firewall, container), { code: 0, stdout: '' })
  t.ok(isSound(await mend(world)))
  for (const each of walled) await unwall(t, world, each)
})

t.test('single elements, values, and a table that is switched off', { skip }, async t => {
  const world = pluginWorld(t)
  const one = await wall(world)
  const two = await wall(world)
  const before = rulesetOf(world)
  world.sh(`nft delete element inet plumbline allowed4 { ${one.v4} }
    nft flush set bridge plumbline guarded
    nft add table inet plumbline '{ flags dormant; }'`)
  t.match(await mend(world), { elements: 3, failures: [] })
  t.strictSame(rulesetOf(world), before)
  t.match(await world.call('CHECK', two.firewall, two.container), { code: 0 })
})

t.test("what is somebody else's stays", { skip }, async t => {
  const world = pluginWorld(t)
  const { v4, end } = await wall(world)
  const { nft } = world.ns
  const set = nft.list.set({ table: { family: 'inet', name: 'plumbline' }, name: 'allowed4' })!
  nft.run(
    new NftTransaction()
      .delete(nft.list.elements(set)[0]!)
      .add(element({ ...nft.list.elements(set)[0]!, comment: 'plvaaaaaaaaaaaa' })),
  )
  const log: string[] = []
  const report = await mend(
    world,
    createLogger({}, line => void log.push(line)),
  )
  t.strictSame(report.failures, [`allowed4 ${v4} of ${end}: somebody else has it`])
  t.match(log.join(), v4)
  t.equal(nft.list.elements(set)[0]!.comment, 'plvaaaaaaaaaaaa')
})

t.test('one that cannot be put back does not keep the others out', { skip }, async t => {
  const world = pluginWorld(t)
  const { v4 } = await wall(world)
  // A set of another type stands where ours would be.
  world.sh(`nft flush ruleset; nft 'table inet plumbline { set allowed6 { type mark; }; }'`)
  const report = await mend(world)
  t.ok(report.failures.length > 0, String(report.failures))
  t.match(world.sh('nft list set inet plumbline allowed4'), v4)
})

t.test('an attachment that goes meanwhile does not come back', { skip }, async t => {
  const world = pluginWorld(t)
  const walled = await wall(world)
  const other = await wall(world)
  world.sh('nft flush ruleset')
  const repairing = mend(world)
  await unwall(t, world, walled)
  await repairing
  t.strictSame(
    world.glance().elements.filter(({ comment }) => comment === walled.end),
    [],
  )
  t.match(await world.call('CHECK', other.firewall, other.container), { code: 0 })
})

t.test('an ADD while a repair is under way', { skip }, async t => {
  const world = pluginWorld(t)
  for (let i = 0; i < 4; i++) await wall(world)
  world.sh('nft flush ruleset')
  const [, walled] = await Promise.all([mend(world), wall(world)])
  t.match(await world.call('CHECK', walled.firewall, walled.container), { code: 0, stdout: '' })
  t.ok(isSound(await mend(world)))
})

t.test('passages that another process has closed stay closed', { skip }, async t => {
  const world = pluginWorld(t)
  world.sh('iptables -P FORWARD DROP')
  const walled = await wall(world)
  const place = { kernel: world.ns, runDir: world.runDir, log: silent }
  const rules = () => world.sh('iptables -S FORWARD')
  world.sh('iptables -F FORWARD')
  t.strictSame(lookAfterPassages(place), ['ip filter FORWARD'])
  t.match(rules(), /PLUMBLINE/)
  await unwall(t, world, walled)
  world.sh('iptables -F; iptables -X PLUMBLINE-FORWARD')
  t.ok(isSound(await mend(world)), 'nobody needs them')
  t.strictSame(lookAfterPassages(place), [])
  t.notMatch(rules(), /PLUMBLINE/)
})
