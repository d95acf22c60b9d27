// ptp and loopback: every key and verb, their effect as iproute2 and nft see it.
import t, { type Test } from 'tap'
import { needs } from '../helpers/needs.js'
import type { Json } from '../helpers/netns.js'
import {
  bridgeConf,
  leasing,
  type PluginWorld,
  pluginWorld,
  type TestContainer,
} from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter', 'ping')

function hosted(name: string, test: (t: Test, world: PluginWorld) => Promise<void>, mtu?: number): void {
  t.test(name, { skip }, t => test(t, pluginWorld(t, mtu === undefined ? {} : { uplink: { mtu } })))
}

const conf = (world: PluginWorld, more: Conf = {}): Conf => ({
  cniVersion: '1.1.0',
  name: 'routed',
  type: 'ptp',
  ipam: { ...leasing(world, 2), routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] },
  ...more,
})

/** Routes as `ip route` prints them, less those of the kernel for link-local and multicast. */
function routes(where: { sh(script: string): string }, dev?: string): string[] {
  return where
    .sh(`ip -4 route; ip -6 route`)
    .split('\n')
    .map(line => line.replace(/ (linkdown|pref medium|metric 1024|proto 112)(?= |$)/g, '').trim())
    .filter(line => line !== '' && !/^(fe80|ff00|multicast)/.test(line) && (!dev || line.includes(dev)))
    .sort()
}

function addresses(where: { ip(args: string): Json }, link: string): string[] {
  return where
    .ip(`address show dev ${link} scope global`)[0]
    .addr_info.flatMap((each: Json) => (each.local ? `${each.local}/${each.prefixlen}` : []))
    .sort()
}

const pings = (from: TestContainer, to: string) => from.trySh(`ping -n -q -c1 -W1 ${to}`).code === 0

hosted('ptp: what an attachment consists of', async (t, world) => {
  const [a, b] = [world.container(), world.container()]
  const added = await world.add(conf(world), a)
  const { interfaces, ips } = added.prevResult
  const [host, inside] = interfaces
  t.equal(interfaces.length, 2)
  t.match(host, { name: /^plv[a-z2-7]{12}$/, mac: world.ip(`link show ${host.name}`)[0].address, mtu: 1500 })
  t.match(inside, { name: 'eth0', mac: a.ip('link show eth0')[0].address, mtu: 1500, sandbox: a.path })
  t.match(ips, [
    { address: '10.2.0.2/24', gateway: '10.2.0.1', interface: 1 },
    { address: 'fd00:2::2/64', gateway: 'fd00:2::1', interface: 1 },
  ])
  t.match(world.ip(`-d link show ${host.name}`), [{ group: '28780', operstate: 'UP', master: undefined }])
  t.strictSame(addresses(world, host.name), ['10.2.0.1/32', 'fd00:2::1/128'])
  t.strictSame(addresses(a, 'eth0'), ['10.2.0.2/24', 'fd00:2::2/64'])
  t.strictSame(routes(world), [
    `10.2.0.2 dev ${host.name} scope link`,
    `fd00:2::1 dev ${host.name} proto kernel metric 256`,
    `fd00:2::2 dev ${host.name}`,
  ])
  t.strictSame(routes(a), [
    '10.2.0.0/24 via 10.2.0.1 dev eth0 src 10.2.0.2',
    '10.2.0.1 dev eth0 scope link src 10.2.0.2',
    'default via 10.2.0.1 dev eth0',
    'default via fd00:2::1 dev eth0',
    'fd00:2::/64 via fd00:2::1 dev eth0 src fd00:2::2',
    'fd00:2::1 dev eth0',
  ])
  const protocols = world.ip('route').concat(a.ip('route'), a.ip('-6 route show dev eth0 proto 112'))
  t.equal(
    protocols.filter((route: Json) => route.protocol === '112').length,
    4,
    'under a protocol of our own',
  )
  t.strictSame(world.sh('cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding'), '1\n1\n')
  for (const name of ['accept_ra', 'accept_dad'])
    t.equal(world.sh(`cat /proc/sys/net/ipv6/conf/${host.name}/${name}`), '0\n', name)

  await world.add(conf(world), b)
  for (const target of ['10.2.0.1', '10.2.0.3', 'fd00:2::1', 'fd00:2::3']) t.ok(pings(a, target), target)
  const check = await world.call('CHECK', added, a)
  t.equal(check.code, 0, check.stdout)
  t.equal((await world.call('DEL', added, a)).code, 0)
  t.strictSame(
    routes(world).filter(route => /2::2|0\.2 /.test(route)),
    [],
    'its routes are gone',
  )
})

hosted(
  'ptp: mtu, mac, dns, masquerade',
  async (t, world) => {
    const [a, b] = [world.container(), world.container()]
    const dns = { nameservers: ['192.0.2.1'] }
    const runtimeConfig = { mac: '02:00:00:00:00:07' }
    const given = await world.add(conf(world, { mtu: 1300, dns, ipMasq: true, runtimeConfig }), a)
    t.match(given.prevResult, { interfaces: [{ mtu: 1300 }, { mtu: 1300, mac: '02:00:00:00:00:07' }], dns })
    t.match(a.ip('link show eth0'), [{ mtu: 1300, address: '02:00:00:00:00:07' }])
    t.equal(world.ip(`link show ${given.prevResult.interfaces[0].name}`)[0].mtu, 1300)
    const sets = world.nft().flatMap(({ set }) => (set ? [set.name] : []))
    t.strictSame(sets, ['masq4-10.2.0.0-24', 'masq6-fd00_2__-64'])
    const { peer4, peer6 } = world.uplink!
    t.ok(pings(a, peer4) && pings(a, peer6), 'the world outside')

    const found = await world.add(conf(world), b)
    t.match(found.prevResult.interfaces, [{ mtu: 1380 }, { mtu: 1380 }], "the uplink's")
    t.notOk(pings(b, peer4), 'and not without masquerade')
  },
  1380,
)

hosted('ptp: families', async (t, world) => {
  const [four, six] = [world.container(), world.container()]
  const only = (family: 4 | 6) =>
    conf(world, { name: `only${family}`, ipam: leasing(world, family, [family]) })
  const added4 = await world.add(only(4), four)
  t.strictSame(routes(four), [
    '10.4.0.0/24 via 10.4.0.1 dev eth0 src 10.4.0.2',
    '10.4.0.1 dev eth0 scope link src 10.4.0.2',
  ])
  t.equal(world.sh('cat /proc/sys/net/ipv6/conf/all/forwarding'), '0\n')
  const added6 = await world.add(only(6), six)
  t.ok(pings(six, 'fd00:6::1'))
  t.equal((await world.call('CHECK', added4, four)).code, 0)
  t.equal((await world.call('CHECK', added6, six)).code, 0)
})

hosted('ptp: several addresses of one subnet', async (t, world) => {
  const container = world.container()
  const gateway = '10.2.0.1'
  const address = (host: number) => ({ address: `10.2.0.${host}/24`, gateway })
  const ipam = { type: 'static', addresses: [address(5), address(6), { address: '10.3.0.5/32', gateway }] }
  const added = await world.add(conf(world, { ipam }), container)
  t.strictSame(addresses(container, 'eth0'), ['10.2.0.5/24', '10.2.0.6/24', '10.3.0.5/32'])
  const { name } = added.prevResult.interfaces[0]
  t.strictSame(addresses(world, name), ['10.2.0.1/32'])
  t.strictSame(
    routes(world, name),
    ['10.2.0.5', '10.2.0.6', '10.3.0.5'].map(dst => `${dst} dev ${name} scope link`),
  )
  const check = await world.call('CHECK', added, container)
  t.equal(check.code, 0, check.stdout)
})

hosted('ptp: two attachments of one container, and one of bridge', async (t, world) => {
  const container = world.container()
  const one = await world.add(conf(world), container)
  const two = await world.add(conf(world), container, { ifname: 'eth1' })
  const bridged = await world.add(bridgeConf(world, { macspoofchk: false }), container, { ifname: 'eth2' })
  t.equal(container.ip('route get 192.0.2.1')[0].dev, 'eth0', 'the first keeps its traffic')
  for (const target of ['10.2.0.1', '10.1.0.1', 'fd00:2::1', 'fd00:1::1'])
    t.ok(pings(container, target), target)
  for (const [ifname, added] of Object.entries({ eth0: one, eth1: two, eth2: bridged })) {
    const check = await world.call('CHECK', added, container, { ifname })
    t.equal(check.code, 0, `${ifname} ${check.stdout}`)
  }
  for (const [ifname, added] of Object.entries({ eth0: one, eth1: two, eth2: bridged }))
    t.equal((await world.call('DEL', added, container, { ifname })).code, 0)
  t.strictSame(container.ip('link').length, 1)
})

hosted('ptp: what it refuses', async (t, world) => {
  const container = world.container()
  const before = world.lasting()
  const refusals: [Conf, RegExp][] = [
    [{ ipam: undefined }, /missing value for "ipam"/],
    [{ ipam: {} }, /missing value for "ipam\.type"/],
    [{ mtu: 70000 }, /"mtu"/],
    [{ ipMasqBackend: 'pf' }, /"ipMasqBackend"/],
    [
      { ipam: { type: 'static', addresses: [{ address: '10.2.0.5/24' }] } },
      /the IPAM named no gateway for 10\.2\.0\.5\/24/,
    ],
    [
      { ipam: { type: 'static', addresses: [{ address: '10.2.0.1/24', gateway: '10.2.0.1' }] } },
      /10\.2\.0\.1 can not be both/,
    ],
  ]
  for (const [more, msg] of refusals)
    t.match((await world.call('ADD', conf(world, more), container)).error, { code: 7, msg }, String(msg))
  t.strictSame(world.lasting(), before)
})

const lo = (more: Conf = {}): Conf => ({ cniVersion: '1.1.0', name: 'lo', type: 'loopback', ...more })

hosted('loopback', async (t, world) => {
  const container = world.container()
  const isUp = () => container.ip('link show lo')[0].flags.includes('UP')
  t.notOk(isUp())
  for (const ifname of ['lo', 'eth0']) {
    const added = await world.add(lo(), container, { ifname })
    t.ok(isUp(), 'whatever CNI_IFNAME says')
    t.strictSame(added.prevResult, {
      cniVersion: '1.1.0',
      interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox: container.path }],
      ips: [
        { address: '127.0.0.1/8', interface: 0 },
        { address: '::1/128', interface: 0 },
      ],
    })
    t.equal((await world.call('CHECK', added, container, { ifname })).code, 0)
  }
  const prevResult = { cniVersion: '1.1.0', ips: [{ address: '192.0.2.9/24' }] }
  t.strictSame(
    (await world.add(lo({ prevResult }), container)).prevResult,
    prevResult,
    'a result passes through',
  )

  const del = () => world.call('DEL', lo(), container)
  t.equal((await del()).code, 0)
  t.notOk(isUp())
  t.equal((await del()).code, 0, 'again')
  t.match((await world.call('CHECK', lo({ prevResult }), container)).error, {
    code: 100,
    msg: /^interface lo is down in /,
  })
  t.equal((await world.gc(lo(), [])).code, 0, 'GC')
  t.equal((await world.call('STATUS', lo())).code, 0, 'STATUS')
  container.remove()
  t.equal((await del()).code, 0, 'with the namespace gone')
  t.match((await world.call('ADD', lo(), container)).error, { code: 3 })
  t.strictSame(world.state().records, {}, 'and it keeps no records')
})

hosted('loopback in a namespace that is somebody’s', async (t, world) => {
  const container = world.container()
  container.sh('ip address add 127.0.0.5/8 dev lo')
  await world.add(lo(), container)
  await world.call('DEL', lo(), container)
  container.sh('ip address add 192.0.2.9/32 dev lo')
  const { error } = await world.call('ADD', lo(), container)
  t.match(error, { code: 8, msg: /non-loopback address 192\.0\.2\.9\/32/ })
  t.notOk(container.ip('link show lo')[0].flags.includes('UP'), 'and it was not touched')
})
