// What published ports need for the host's loopback addresses, from ADD to GC: who turns what on, who sees it missing, who turns it off.
import t, { type Test } from 'tap'
import type { Attached } from '../../plugins/attached.js'
import { sweepShared } from '../../plugins/guard/sweep.js'
import { loopbackEntries } from '../../plugins/localhost/entries.js'
import type { PublishConfig } from '../../plugins/portmap/config.js'
import { localhostStep } from '../../plugins/steps/localhost.js'
import { Prefix } from '../../wire/ip.js'
import { needs } from '../helpers/needs.js'
import { type PluginWorld, pluginWorld } from '../helpers/plugin-world.js'
import {
  checked,
  collect,
  type PublishedAttachment,
  type Publishing,
  publish,
  publishingConfs,
  unpublish,
} from '../helpers/publishing.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter', 'socat', 'conntrack')

const chained: Publishing = { type: 'bridge', chained: true }
const inline: Publishing = { type: 'bridge', chained: false }
const routed: Publishing = { type: 'ptp', chained: true }
const http = (hostPort: number, hostIP?: string) => [
  { hostPort, containerPort: 80, ...(hostIP && { hostIP }) },
]

function hosted(name: string, test: (t: Test, world: PluginWorld) => Promise<void>): void {
  t.test(name, { skip }, t => test(t, pluginWorld(t)))
}

const localnet = ({ ns }: PluginWorld, ifname = 'br0') =>
  ns.sysctl.get(`net/ipv4/conf/${ifname}/route_localnet`)
const loop = ({ ns }: PluginWorld) => ns.link.get('pl-lo0') !== undefined
const hairpin = ({ ns }: PluginWorld, { hostIfname }: PublishedAttachment) =>
  ns.link.get(hostIfname)?.port?.hairpin
const tables = (world: PluginWorld) => world.nft().flatMap(({ table }) => (table ? [table.name] : []))
const sets = (world: PluginWorld) => world.nft().flatMap(({ set }) => (set ? [set.name] : []))

for (const way of [chained, inline])
  hosted(`${way.chained ? 'chained' : 'inline'}: the last one to go`, async (t, world) => {
    const one = await publish(world, way, http(8080))
    const two = await publish(world, way, http(8081))
    t.strictSame([localnet(world), loop(world)], ['1', true])
    t.strictSame([hairpin(world, one), hairpin(world, two)], [true, true])

    await unpublish(world, one)
    await collect(world, two, [two])
    t.strictSame([localnet(world), loop(world)], ['1', true], 'stays as long as somebody needs it')
    t.equal(await checked(world, two), undefined)

    await unpublish(world, two)
    t.strictSame([localnet(world), loop(world)], ['1', true], 'also after the last DEL')
    await collect(world, two, [])
    t.strictSame([localnet(world), loop(world)], ['0', false], 'until GC')
    t.strictSame(tables(world), [], 'and the guard with it')
  })

hosted('GC takes what a dead container had', async (t, world) => {
  const one = await publish(world, inline, http(8080))
  one.container.remove()
  await collect(world, one, [])
  t.strictSame([localnet(world), loop(world), tables(world)], ['0', false, []])
})

hosted('GC leaves what has our name and is not ours', async (t, world) => {
  const one = await publish(world, chained, http(8080, '127.0.0.1'))
  world.sh('ip link add pl-lo0 type bridge')
  await unpublish(world, one)
  await collect(world, one, [])
  t.ok(loop(world))
})

hosted('GC with the records lost', async (t, world) => {
  const one = await publish(world, chained, http(8080))
  world.sh(`rm -r ${world.runDir}/attachments`)
  await collect(world, one, [])
  t.strictSame([localnet(world), loop(world)], ['0', false])
  t.strictSame(tables(world), [])
})

hosted('a setting that was there before', async (t, world) => {
  world.sh('ip link add br0 type bridge; echo 1 >/proc/sys/net/ipv4/conf/br0/route_localnet')
  const one = await publish(world, chained, http(8080))
  t.notOk(sets(world).includes('route-localnet'), 'is not ours')
  t.ok(sets(world).includes('localhost4'), 'but guarded')
  await unpublish(world, one)
  await collect(world, one, [])
  t.equal(localnet(world), '1', 'and stays')
})

hosted('a bridge that was made again', async (t, world) => {
  const one = await publish(world, chained, http(8080))
  world.sh('ip link delete br0')
  const two = await publish(world, chained, http(8081))
  t.equal(localnet(world), '1')
  for (const each of [one, two]) await unpublish(world, each)
  await collect(world, two, [])
  t.equal(localnet(world), '0')
})

hosted('hairpin mode that a port had before', async (t, world) => {
  const [bridge, portmap] = publishingConfs(world, chained, http(8080))
  const container = world.container()
  const added = await world.add({ ...bridge!, hairpinMode: true }, container)
  const { prevResult } = added
  const attached = { hostIfname: prevResult.interfaces[1].name } as PublishedAttachment
  const conf = { ...portmap!, prevResult }
  await world.add(conf, container)
  t.equal(hairpin(world, attached), true)
  await world.call('DEL', conf, container)
  t.equal(hairpin(world, attached), true, 'stays')
})

hosted('chained: DEL of portmap alone', async (t, world) => {
  const one = await publish(world, chained, http(8080))
  const call = () => world.call('DEL', one.confs[1]!, one.container)
  t.equal((await call()).code, 0)
  t.equal(hairpin(world, one), false, 'what the port had before')
  t.equal((await call()).code, 0, 'a second time')
  const routedOne = await publish(world, routed, http(8081))
  t.equal(localnet(world, routedOne.hostIfname), '1')
  t.equal((await world.call('DEL', routedOne.confs[1]!, routedOne.container)).code, 0)
  t.equal(localnet(world, routedOne.hostIfname), '0', "an interface that is the attachment's alone")
})

hosted('what needs none of it', async (t, world) => {
  for (const [ports, keys] of [
    [http(8080, '192.0.2.1'), {}],
    [http(8081, '2001:db8::1'), {}],
    [http(8082), { snat: false }],
  ] as const) {
    const one = await publish(world, { ...chained, keys }, ports)
    t.strictSame([localnet(world), loop(world)], ['0', false], JSON.stringify(ports))
    t.notOk(sets(world).some(name => /^lo/.test(name)))
    t.equal(await checked(world, one), undefined)
    await unpublish(world, one)
  }
  const bound = await publish(world, { ...chained, keys: { snat: false } }, http(8083, '127.0.0.1'))
  t.ok(sets(world).includes('localhost4'), 'without "snat", a port of 127.0.0.1 is guarded all the same')
  t.strictSame([localnet(world), hairpin(world, bound)], ['0', false])
})

hosted('an ADD that fails', async (t, world) => {
  const [bridge, portmap] = publishingConfs(world, chained, http(8080))
  const container = world.container()
  const { prevResult } = await world.add(bridge!, container)
  const conf = { ...portmap!, prevResult }
  const before = world.outside()
  const env = { PLUMBLINE_FAULT: 'ADD:localhost:after:fail' }
  t.ok((await world.call('ADD', conf, container, { env })).error)
  await world.gc(conf, [container])
  t.strictSame(world.outside(), { ...before, records: world.outside().records })
})

/** By what is done to it: what CHECK says. */
const damages: Record<string, RegExp> = {
  'echo 0 >/proc/sys/net/ipv4/conf/br0/route_localnet': /net\/ipv4\/conf\/br0\/route_localnet is 0, not 1/,
  'ip link set PORT type bridge_slave hairpin off': /hairpin mode of plv\w+ is off/,
  'ip -6 route delete fd70:6c75:6d62:6c6f::1': /route fd70:\S+::1\/128 dev pl-lo0 is gone/,
  'ip link delete pl-lo0': /interface pl-lo0 or pl-lo1 is gone/,
  'nft delete element inet plumbline loop6 { tcp . 8080 }':
    /tcp \. 8080 is gone from nftables set inet plumbline loop6/,
  'nft delete element inet plumbline loop6-udp { 9000-9009 }':
    /9000-9009 is gone from nftables set inet plumbline loop6-udp/,
  'nft delete element inet plumbline loop { pl-lo0 }': /pl-lo0 is gone from nftables set inet plumbline loop/,
  'nft delete element inet plumbline localhost4 { br0 }':
    /br0 is gone from nftables set inet plumbline localhost4/,
  'nft flush chain inet plumbline raw':
    /nftables rule that uses set inet plumbline (localhost4|loop) is gone \(chain raw\)/,
}

for (const way of [chained, inline])
  hosted(`${way.chained ? 'chained' : 'inline'}: CHECK names what is missing`, async (t, world) => {
    const ports = [...http(8080), { hostPort: '9000-9009', containerPort: '80-89', protocol: 'udp' }]
    for (const [damage, says] of Object.entries(damages)) {
      const one = await publish(world, way, ports)
      t.equal(await checked(world, one), undefined)
      world.sh(damage.replace('PORT', one.hostIfname))
      const damaged = world.outside()
      t.match(await checked(world, one), says, damage)
      t.strictSame(world.outside(), damaged, 'and changes nothing')
      await unpublish(world, one)
      await collect(world, one, [])
      t.strictSame([localnet(world), loop(world), tables(world)], ['0', false, []], 'DEL and GC are clean')
    }
  })

hosted('datagrams of a local client who goes on sending', async (t, world) => {
  const one = await publish(world, chained, [{ hostPort: 5353, containerPort: 53, protocol: 'udp' }])
  const ways = () =>
    world.sh('conntrack -f ipv6 -L -p udp --orig-port-dst 5353 2>/dev/null').split('\n').slice(0, -1)
  world.sh('echo x | socat -u - UDP6:[::1]:5353')
  t.match(ways(), [/dst=::1 |dst=fd70/, /dst=::1 |dst=fd70/], 'to the loop, and from it to the container')
  await unpublish(world, one)
  t.strictSame(ways(), [], 'are forgotten')
})

hosted('a VLAN: its own interface of the bridge', async (t, world) => {
  world.sh('ip link add br0.10 type veth peer name plg1.10')
  const { ns, host } = world
  const ips = [{ address: Prefix.parse('10.1.0.2/24') }]
  const state = { host, ips, l3Ifname: 'br0.10', bridged: true, addressed: true } as unknown as Attached
  const published = { snat: true, mappings: [{ protocol: 'tcp', hostPorts: { first: 80, last: 80 } }] }
  const publishOf = () => published as unknown as PublishConfig
  const step = localhostStep<Attached>({ publishOf, chained: false })
  t.strictSame(loopbackEntries(state, publishOf()), [{ kind: 'martian', ifname: 'br0.10', switched: true }])
  const facts = step.plan!(state)
  await step.apply(state)
  t.equal(localnet(world, 'br0.10'), '1')
  await step.check!(state, facts)
  ns.sysctl.set('net/ipv4/conf/br0.10/route_localnet', 0)
  t.throws(() => step.check!(state, facts), {
    code: 100,
    message: /conf\/br0\.10\/route_localnet is 0, not 1/,
  })
})

hosted('what is shared stays when an ADD comes in between', async (t, world) => {
  const one = await publish(world, chained, http(8080))
  const { nft } = world.ns
  const shared = () => world.glance().elements.filter(({ comment }) => comment === 'shared').length
  const before = shared()
  let looks = 0
  sweepShared(nft, () => {
    // The first time, somebody else changes the ruleset before this has decided.
    if (looks++ === 0) world.sh('nft add set inet plumbline other { type mark\\; }')
    return ({ comment }) => looks === 1 && comment === 'shared'
  })
  t.equal(looks, 2, 'it has looked again')
  t.equal(shared(), before)
  await unpublish(world, one)
})
