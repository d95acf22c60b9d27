// Keys of bridge that have to do with the container's port and its link: modes, MAC addresses, guards, address detection.
import t, { type Test } from 'tap'
import { needs } from '../helpers/needs.js'
import type { Json } from '../helpers/netns.js'
import {
  leasing,
  type PluginWorld,
  plainConf,
  pluginWorld,
  type TestContainer,
} from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter', 'ping')

function hosted(name: string, test: (t: Test, world: PluginWorld) => Promise<void>): void {
  t.test(name, { skip }, t => test(t, pluginWorld(t)))
}

const conf = (world: PluginWorld, more: Conf = {}): Conf => ({
  cniVersion: '1.1.0',
  name: 'net',
  type: 'bridge',
  bridge: 'br0',
  isGateway: true,
  ipam: leasing(world, 1),
  ...more,
})

/** The port of an attachment as `bridge link` has it. */
function portOf(world: PluginWorld, { prevResult }: Conf): Json {
  return world.bridge(`-d link show dev ${prevResult.interfaces[1].name}`)[0]
}

const pings = (from: TestContainer, to: string, patience = 1) =>
  from.trySh(`ping -n -q -c1 -W${patience} ${to}`).code === 0

hosted('hairpinMode and portIsolation', async (t, world) => {
  const plain = await world.add(conf(world), world.container())
  t.match(portOf(world, plain), { hairpin: false, isolated: false, state: 'forwarding', learning: true })
  const both = await world.add(conf(world, { hairpinMode: true, portIsolation: true }), world.container())
  t.match(portOf(world, both), { hairpin: true, isolated: true })
  t.match(portOf(world, plain), { hairpin: false, isolated: false }, 'ports are told apart')
})

hosted('isolated ports', async (t, world) => {
  const [a, b, open] = [world.container(), world.container(), world.container()]
  for (const container of [a, b]) await world.add(conf(world, { portIsolation: true }), container)
  await world.add(conf(world), open)
  t.ok(pings(a, '10.1.0.1') && pings(a, 'fd00:1::1'), 'reach the gateway')
  t.ok(pings(a, '10.1.0.4') && pings(a, 'fd00:1::4'), 'and a port that is not isolated')
  t.notOk(pings(a, '10.1.0.3', 0.2) || pings(a, 'fd00:1::3', 0.2), 'but not each other')
})

hosted('promiscMode', async (t, world) => {
  const first = await world.add(conf(world), world.container())
  t.notMatch(world.ip('link show br0')[0].flags, ['PROMISC'])
  const second = await world.add(conf(world, { promiscMode: true }), world.container())
  t.ok(world.ip('link show br0')[0].flags.includes('PROMISC'), 'also of a bridge that exists')
  t.equal(first.prevResult.interfaces[0].mac, second.prevResult.interfaces[0].mac)
  const both = await world.call(
    'ADD',
    conf(world, { promiscMode: true, hairpinMode: true }),
    world.container(),
  )
  t.match(both.error, { code: 7, msg: /"hairpinMode" and "promiscMode"/ })
})

hosted('macspoofchk', async (t, world) => {
  const [guarded, free] = [world.container(), world.container()]
  const added = await world.add(conf(world, { macspoofchk: true }), guarded)
  await world.add(conf(world), free)
  const { name } = added.prevResult.interfaces[1]
  const { mac } = added.prevResult.interfaces[2]
  t.match(name, /^pls[a-z2-7]{12}$/)
  t.match(
    world.nft().find(({ set }) => set),
    {
      set: {
        family: 'bridge',
        name: 'port_macs',
        elem: [{ elem: { val: { concat: [name, mac] }, comment: name.replace(/^pls/, 'plv') } }],
      },
    },
  )
  t.match(
    world.nft().find(({ chain }) => chain),
    { chain: { type: 'filter', hook: 'prerouting', prio: -300, policy: 'accept' } },
  )
  t.ok(pings(guarded, '10.1.0.1') && pings(guarded, 'fd00:1::1'), 'its own address passes')
  for (const container of [guarded, free])
    container.sh('ip link set eth0 address 02:00:00:00:00:99; ip neighbour flush dev eth0')
  world.sh('ip neighbour flush dev br0')
  t.notOk(pings(guarded, '10.1.0.1', 0.2) || pings(guarded, 'fd00:1::1', 0.2), 'another one does not')
  t.ok(pings(free, '10.1.0.1'), 'where nobody asked for the check it does')
  t.match((await world.call('CHECK', added, guarded)).error, { code: 100, msg: /MAC 02:00:00:00:00:99/ })
  world.sh(`nft list ruleset >${world.root}/ruleset; nft flush ruleset; nft -f ${world.root}/ruleset`)
  guarded.sh(`ip link set eth0 address ${mac}; ip neighbour flush dev eth0`)
  t.ok(pings(guarded, '10.1.0.1'), 'and its own again')
  const check = await world.call('CHECK', added, guarded)
  t.equal(check.code, 0, check.stdout)
})

hosted('a MAC address that is asked for', async (t, world) => {
  const withMac = 'IgnoreUnknown=1;MAC=02:00:00:00:00:01'
  const sources: [mac: string, conf: Conf, args?: string][] = [
    ['02:00:00:00:00:01', {}, withMac],
    ['02:00:00:00:00:02', { args: { cni: { mac: '02:00:00:00:00:02' } } }, withMac],
    [
      '02:00:00:00:00:03',
      { args: { cni: { mac: '02:00:00:00:00:02' } }, RuntimeConfig: { MAC: '02:00:00:00:00:03' } },
      withMac,
    ],
  ]
  for (const [mac, more, args] of sources) {
    const container = world.container()
    const added = await world.add(
      conf(world, { ...more, macspoofchk: true }),
      container,
      args ? { args } : {},
    )
    t.equal(container.ip('link show eth0')[0].address, mac)
    t.equal(added.prevResult.interfaces[2].mac, mac)
    t.ok(pings(container, 'fd00:1::1'), 'and it may send with it')
    t.equal((await world.call('CHECK', added, container, args ? { args } : {})).code, 0)
    t.equal((await world.call('DEL', added, container)).code, 0)
  }
  for (const mac of ['01:00:5e:00:00:01', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '02:00:00:00:01'])
    t.match(
      (await world.call('ADD', conf(world, { runtimeConfig: { mac } }), world.container())).error,
      { code: 7, msg: new RegExp(`mac.*${mac}`) },
      mac,
    )
})

hosted('a MAC address that nobody asked for', async (t, world) => {
  const [a, b] = [world.container(), world.container()]
  const macs: string[] = []
  for (const container of [a, b, a]) {
    const added = await world.add(conf(world), container)
    const { mac } = added.prevResult.interfaces[2]
    t.equal(Number.parseInt(mac.slice(0, 2), 16) & 3, 2, 'is local, and of one interface')
    macs.push(mac, added.prevResult.interfaces[1].mac)
    t.equal((await world.call('DEL', added, container)).code, 0)
  }
  t.equal(new Set(macs.slice(0, 4)).size, 4, 'all differ')
})

hosted('IPv6 addresses are usable at once', async (t, world) => {
  const container = world.container()
  await world.add(conf(world), container)
  const [address] = container
    .ip('-6 address show dev eth0')[0]
    .addr_info.filter((each: Json) => each.scope === 'global')
  t.match(address, { local: 'fd00:1::2', nodad: true, tentative: undefined })
  t.ok(pings(container, 'fd00:1::1'))
})

hosted('enabledad', async (t, world) => {
  const address = 'fd00:1::7/64'
  const ipam = { type: 'static', addresses: [{ address }] }
  const [first, second] = [world.container(), world.container()]
  const slow = conf(world, { isGateway: false, enabledad: true, ipam })
  const added = await world.add(slow, first)
  t.match(
    first.ip('-6 address show dev eth0 scope global')[0].addr_info.filter((each: Json) => each.local),
    [{ local: 'fd00:1::7', nodad: undefined, tentative: undefined }],
    'it was looked for, and is no longer tentative',
  )
  t.equal((await world.call('CHECK', added, first)).code, 0)
  const before = world.outside()
  const other = { ...slow, runtimeConfig: { mac: '02:00:00:00:00:09' } }
  const { error } = await world.call('ADD', other, second)
  t.match(error, { code: 103, msg: /fd00:1::7.*EADDRINUSE.*another host has this address/ })
  t.strictSame(world.outside(), before, 'an address that another has is given back')
  t.strictSame(second.ip('link').length, 1)
})

hosted('disableContainerInterface', async (t, world) => {
  const container = world.container()
  const { ipam: _none, ...rest } = conf(world, { isGateway: false, disableContainerInterface: true })
  const added = await world.add(rest, container)
  const [link] = container.ip('address show dev eth0')
  t.notOk(link.flags.includes('UP'))
  t.strictSame(link.addr_info, [])
  t.match(added.prevResult, { interfaces: [{ name: 'br0' }, {}, { name: 'eth0', mac: link.address }] })
  const check = await world.call('CHECK', added, container)
  t.equal(check.code, 0, check.stdout)
  t.match((await world.call('ADD', conf(world, rest), world.container())).error, {
    code: 7,
    msg: /disableContainerInterface/,
  })
  t.equal((await world.call('DEL', added, container)).code, 0)
  t.strictSame(
    world.ip('link').map((each: Json) => each.ifname),
    ['lo', 'br0'],
  )
})

hosted('layer 2 only', async (t, world) => {
  const [a, b] = [world.container(), world.container()]
  const added = await world.add(plainConf(), a)
  await world.add(plainConf({ ipam: {} }), b)
  const { interfaces, ips, routes } = added.prevResult
  t.match(interfaces, [{ name: 'brplain' }, { mtu: 1500 }, { name: 'eth0', mtu: 1500 }])
  t.strictSame({ ips, routes }, { ips: undefined, routes: undefined })
  t.match(a.ip('link show eth0'), [{ operstate: 'UP' }])
  for (const [i, container] of [a, b].entries()) container.sh(`ip address add 192.0.2.${i + 1}/24 dev eth0`)
  t.ok(pings(a, '192.0.2.2'), 'who brings addresses can use it')
  const check = await world.call('CHECK', added, a)
  t.equal(check.code, 0, check.stdout)
  t.equal((await world.call('DEL', added, a)).code, 0)
})

hosted('a name that is taken', async (t, world) => {
  const container = world.container()
  container.sh('ip link add eth0 type bridge')
  for (const more of [{}, { ipam: leasing(world, 1, [4]) }]) {
    const { error } = await world.call('ADD', conf(world, more), container)
    t.match(error, {
      code: 102,
      msg: `interface eth0 exists already in ${container.path}`,
      details: /CNI_IFNAME/,
    })
    t.strictSame(world.state().leases, {})
    t.strictSame(
      world.ip('link').map((each: Json) => each.ifname),
      ['lo', 'br0'],
    )
    t.strictSame(
      container.ip('-d link').map((each: Json) => each.linkinfo?.info_kind),
      [undefined, 'bridge'],
    )
  }
  await world.add(conf(world), container, { ifname: 'eth1' })
})

hosted('a bridge that is full', async (t, world) => {
  const { link } = world.ns
  world.sh('ip link add brplain type bridge mcast_snooping 0')
  const master = link.index('brplain')!
  for (let i = 0; i < 511; i++) {
    link.add({ name: `a${i}`, kind: 'veth', master, peer: { name: `b${i}` } })
    link.set({ name: `b${i}`, master })
  }
  const [last, container] = [world.container(), world.container()]
  const added = await world.add(plainConf(), last)
  const before = world.glance(container)
  t.match((await world.call('ADD', plainConf(), container)).error, {
    code: 11,
    msg: 'bridge brplain is full: it takes 1023 ports',
    details: /second bridge/,
  })
  t.strictSame(world.glance(container), before, 'nothing is left')
  t.equal((await world.call('DEL', added, last)).code, 0)
  await world.add(plainConf(), container)
})

hosted('the host side takes no router advertisements', async (t, world) => {
  const { prevResult } = await world.add(conf(world), world.container())
  for (const { name } of prevResult.interfaces.slice(0, 2))
    t.equal(world.sh(`cat /proc/sys/net/ipv6/conf/${name}/accept_ra`), '0\n', name)
})
