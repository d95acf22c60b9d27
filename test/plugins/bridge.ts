// Keys of bridge that have to do with the bridge itself, addresses and routes: their effect as iproute2 and nft see it.
import t, { type Test } from 'tap'
import { addon } from '../../native/addon.js'
import { needs } from '../helpers/needs.js'
import type { Json } from '../helpers/netns.js'
import { leasing, type PluginWorld, plainConf, pluginWorld } from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

function hosted(name: string, test: (t: Test, world: PluginWorld) => Promise<void>, mtu?: number): void {
  t.test(name, { skip }, t => test(t, pluginWorld(t, mtu === undefined ? {} : { uplink: { mtu } })))
}

/** A bridge with addresses of both families; nothing else is asked for. */
const conf = (world: PluginWorld, more: Conf = {}): Conf => ({
  cniVersion: '1.1.0',
  name: 'net',
  type: 'bridge',
  bridge: 'br0',
  ipam: leasing(world, 1),
  ...more,
})

const fixed = (...addresses: (string | { address: string; gateway: string })[]): Conf => ({
  type: 'static',
  addresses: addresses.map(each => (typeof each === 'string' ? { address: each } : each)),
})

/** The addresses that somebody has given to a link, as `ip` prints them. */
function addresses(where: { ip(args: string): Json }, link: string): string[] {
  return where
    .ip(`address show dev ${link}`)[0]
    .addr_info.filter((each: Json) => each.scope === 'global')
    .map((each: Json) => `${each.local}/${each.prefixlen}`)
    .sort()
}

function defaults(where: { ip(args: string): Json }): string[] {
  return [...where.ip('-4 route show default'), ...where.ip('-6 route show default')].map(
    (route: Json) => `${route.gateway} dev ${route.dev} proto ${route.protocol}`,
  )
}

const forwarding = (world: PluginWorld) =>
  world.sh('cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding').split('\n').slice(0, 2)

hosted('without a gateway the bridge has no address', async (t, world) => {
  const container = world.container()
  const { prevResult } = await world.add(conf(world), container)
  t.strictSame(addresses(world, 'br0'), [])
  t.strictSame(addresses(container, 'eth0'), ['10.1.0.2/24', 'fd00:1::2/64'])
  t.strictSame(forwarding(world), ['0', '0'])
  t.strictSame(defaults(container), [])
  t.strictSame(world.nft(), [], 'and nothing is masqueraded')
  const [bridge, host, inside] = prevResult.interfaces
  const [link] = world.ip('-d link show br0')
  t.match(bridge, { name: 'br0', mac: link.address, sandbox: undefined })
  t.match(world.ip(`-d link show ${host.name}`), [
    {
      address: host.mac,
      mtu: host.mtu,
      master: 'br0',
      group: '28780',
      operstate: 'UP',
      flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
    },
  ])
  t.match(container.ip('link show eth0'), [{ address: inside.mac, mtu: inside.mtu, operstate: 'UP' }])
  t.match(inside, { name: 'eth0', sandbox: container.path, mtu: 1500 })
  t.match(prevResult.ips, [
    { address: '10.1.0.2/24', gateway: '10.1.0.1', interface: 2 },
    { address: 'fd00:1::2/64', gateway: 'fd00:1::1', interface: 2 },
  ])
  t.notOk('routes' in prevResult)
})

hosted('isGateway', async (t, world) => {
  const container = world.container()
  await world.add(conf(world, { isGateway: true }), container)
  t.strictSame(addresses(world, 'br0'), ['10.1.0.1/24', 'fd00:1::1/64'])
  t.strictSame(forwarding(world), ['1', '1'])
  t.strictSame(defaults(container), [], 'a route there is for the IPAM to name')
  t.strictSame(world.ip('address show dev br0 tentative')[0]?.addr_info ?? [], [], 'usable at once')
  const settings = ['accept_ra', 'accept_dad'].map(name => `/proc/sys/net/ipv6/conf/br0/${name}`)
  t.strictSame(world.sh(`cat ${settings.join(' ')}`), '0\n0\n')
  await world.add(conf(world, { isGateway: true }), world.container())
  t.strictSame(addresses(world, 'br0'), ['10.1.0.1/24', 'fd00:1::1/64'], 'and again')
})

hosted('isGateway with one family turns on forwarding for that one', async (t, world) => {
  await world.add(conf(world, { isGateway: true, ipam: leasing(world, 1, [4]) }), world.container())
  t.strictSame(forwarding(world), ['1', '0'])
  const only6 = world.container()
  const ipv6 = { name: 'six', bridge: 'br6', isDefaultGateway: true, ipam: leasing(world, 6, [6]) }
  const { prevResult } = await world.add(conf(world, ipv6), only6)
  t.strictSame(forwarding(world), ['1', '1'])
  t.strictSame(addresses(only6, 'eth0'), ['fd00:6::2/64'])
  t.strictSame(defaults(only6), ['fd00:6::1 dev eth0 proto 112'])
  t.match(prevResult, { ips: [{ address: 'fd00:6::2/64' }], routes: [{ dst: '::/0', gw: 'fd00:6::1' }] })
  t.equal(only6.trySh('ping -n -q -c1 -W1 fd00:6::1').code, 0, 'the gateway answers at once')
})

hosted('isDefaultGateway', async (t, world) => {
  const container = world.container()
  const { prevResult } = await world.add(conf(world, { isDefaultGateway: true }), container)
  t.strictSame(defaults(container), ['10.1.0.1 dev eth0 proto 112', 'fd00:1::1 dev eth0 proto 112'])
  t.strictSame(addresses(world, 'br0'), ['10.1.0.1/24', 'fd00:1::1/64'])
  t.match(prevResult.routes, [
    { dst: '0.0.0.0/0', gw: '10.1.0.1' },
    { dst: '::/0', gw: 'fd00:1::1' },
  ])

  const named = world.container()
  const routes = [{ dst: '0.0.0.0/0', gw: '10.1.0.254' }]
  const more = { isDefaultGateway: true, ipam: { ...leasing(world, 1), routes } }
  const result = (await world.add(conf(world, more), named)).prevResult
  t.strictSame(defaults(named), ['10.1.0.254 dev eth0 proto 112', 'fd00:1::1 dev eth0 proto 112'])
  t.match(result.routes, [routes[0], { dst: '::/0' }], 'only the family without one gets one')
})

hosted('an IPAM that names no gateway', async (t, world) => {
  const plain = world.container()
  const ipam = fixed('10.1.0.7/24', 'fd00:1::7/64')
  const without = await world.add(conf(world, { ipam }), plain)
  t.strictSame(
    without.prevResult.ips.map((ip: Conf) => ip.gateway),
    [undefined, undefined],
  )
  await world.call('DEL', without, plain)
  const container = world.container()
  const { prevResult } = await world.add(conf(world, { ipam, isDefaultGateway: true }), container)
  t.strictSame(
    prevResult.ips.map((ip: Conf) => ip.gateway),
    ['10.1.0.1', 'fd00:1::1'],
    'the first address of the subnet',
  )
  t.strictSame(addresses(world, 'br0'), ['10.1.0.1/24', 'fd00:1::1/64'])
  t.strictSame(defaults(container).length, 2)
})

hosted('a bridge with another address', async (t, world) => {
  world.sh(`ip link add br0 type bridge; ip address add 10.9.0.1/16 dev br0
            ip address add fd00:9::1/64 dev br0 nodad; ip address add fd00:1::ffff/64 dev br0 nodad
            ip address add 169.254.3.4/32 dev br0; ip link set br0 up`)
  const before = world.outside().host
  const container = world.container()
  const refused = await world.call('ADD', conf(world, { isGateway: true }), container)
  t.match(refused.error, {
    code: 7,
    msg: '"br0" already has an IP address different from 10.1.0.1/24',
    details: /it has 10\.9\.0\.1\/16; set "forceAddress": true to replace it/,
  })
  t.strictSame(world.outside().host, before, 'it is as it was')
  const six = conf(world, { isGateway: true, ipam: leasing(world, 1, [6]) })
  t.match((await world.call('ADD', six, container)).error, {
    code: 7,
    msg: '"br0" already has an IP address different from fd00:1::1/64',
    details: /it has fd00:1::ffff\/64/,
  })
  await world.add(conf(world, { isGateway: true, forceAddress: true }), container)
  t.strictSame(
    addresses(world, 'br0'),
    ['10.1.0.1/24', '169.254.3.4/32', 'fd00:1::1/64', 'fd00:9::1/64'],
    'what is in the way is replaced, in IPv6 only an overlapping subnet',
  )
})

hosted('the same gateway with another length is another address', async (t, world) => {
  world.sh('ip link add br0 type bridge; ip address add 10.1.0.1/16 dev br0')
  const four = { isGateway: true, ipam: leasing(world, 1, [4]) }
  t.match((await world.call('ADD', conf(world, four), world.container())).error, { code: 7 })
  await world.add(conf(world, { ...four, forceAddress: true }), world.container())
  t.strictSame(addresses(world, 'br0'), ['10.1.0.1/24'])
})

hosted('ipMasq', async (t, world) => {
  const container = world.container()
  const { prevResult } = await world.add(conf(world, { ipMasq: true }), container)
  const comment = prevResult.interfaces[1].name
  const objects = world.nft()
  const only = (kind: string) => objects.filter(object => object[kind]).map(object => object[kind])
  t.match(only('table'), [{ family: 'inet', name: 'plumbline' }])
  t.match(only('chain'), [
    { name: 'postrouting', type: 'nat', hook: 'postrouting', prio: 100, policy: 'accept' },
  ])
  t.match(only('set'), [
    { name: 'masq4-10.1.0.0-24', type: 'ipv4_addr', elem: [{ elem: { val: '10.1.0.2', comment } }] },
    { name: 'masq6-fd00_1__-64', type: 'ipv6_addr', elem: [{ elem: { val: 'fd00:1::2', comment } }] },
  ])
  const rule = (protocol: string, name: string, own: [string, number], multicast: [string, number]) => ({
    comment: name,
    expr: [
      { match: { op: '==', left: { payload: { protocol, field: 'saddr' } }, right: `@${name}` } },
      {
        match: {
          op: '!=',
          left: { payload: { protocol, field: 'daddr' } },
          right: { set: [own, multicast].map(([addr, len]) => ({ prefix: { addr, len } })) },
        },
      },
      { masquerade: null },
    ],
  })
  t.match(only('rule'), [
    rule('ip', 'masq4-10.1.0.0-24', ['10.1.0.0', 24], ['224.0.0.0', 4]),
    rule('ip6', 'masq6-fd00_1__-64', ['fd00:1::', 64], ['ff00::', 8]),
  ])

  await world.add(conf(world, { ipMasq: true, ipMasqBackend: 'iptables' }), world.container())
  t.equal(world.nft().filter(object => object.rule).length, 2, 'one rule for all of a subnet')
  world.sh(`nft list ruleset >${world.root}/ruleset; nft flush ruleset; nft -f ${world.root}/ruleset`)
  t.strictSame(world.nft().length, objects.length, 'nft reads what it prints')
  t.equal((await world.call('DEL', conf(world, { ipMasq: true }), container)).code, 0)
})

hosted(
  'mtu',
  async (t, world) => {
    const mtus = ({ prevResult }: Conf, container: { ip(args: string): Json }) => [
      ...prevResult.interfaces.slice(1).map((each: Conf) => each.mtu),
      world.ip(`link show ${prevResult.interfaces[1].name}`)[0].mtu,
      container.ip('link show eth0')[0].mtu,
    ]
    const [a, b] = [world.container(), world.container()]
    const given = await world.add(conf(world, { mtu: 1300 }), a)
    t.strictSame(mtus(given, a), [1300, 1300, 1300, 1300])
    t.equal(world.ip('link show br0')[0].mtu, 1300, 'of the bridge, too')
    const found = await world.add(conf(world, { name: 'other', bridge: 'br1', ipam: leasing(world, 2) }), b)
    t.strictSame(mtus(found, b), [1380, 1380, 1380, 1380], "the uplink's")
    t.equal(world.ip('link show br1')[0].mtu, 1380)

    world.sh('ip -4 route del default; ip link set up0 mtu 1390')
    const [c, d] = [world.container(), world.container()]
    const six = await world.add(conf(world, { name: 'six', bridge: 'br6', ipam: leasing(world, 6) }), c)
    t.strictSame(mtus(six, c), [1390, 1390, 1390, 1390], 'of an uplink that has IPv6 only')
    world.sh('ip -6 route del default')
    const none = await world.add(conf(world, { name: 'none', bridge: 'br7', ipam: leasing(world, 7) }), d)
    t.strictSame(mtus(none, d), [1500, 1500, 1500, 1500], "the kernel's where there is no uplink")
    t.equal(
      (await world.call('CHECK', given, a)).code,
      0,
      'CHECK asks for what was given, not for what would be now',
    )
    t.equal((await world.call('CHECK', found, b)).code, 0)
  },
  1380,
)

hosted('a bridge that exists', async (t, world) => {
  world.sh(`ip link add br0 group 7 address 02:00:00:00:00:05 type bridge stp_state 1
            ip link set br0 mtu 1400; ip address add 10.5.0.1/24 dev br0`)
  const [before] = world.ip('-d link show br0')
  const container = world.container()
  const { prevResult } = await world.add(conf(world), container)
  const [after] = world.ip('-d link show br0')
  const same = ({ address, mtu, group, linkinfo }: Json) => ({
    ...{ address, mtu, group },
    stp: linkinfo.info_data.stp_state,
  })
  t.strictSame(same(after), same(before), 'is used as it is')
  t.match(after.flags, /UP/, 'and brought up')
  t.strictSame(addresses(world, 'br0'), ['10.5.0.1/24'])
  t.equal(prevResult.interfaces[0].mac, '02:00:00:00:00:05')
  t.equal((await world.call('DEL', conf(world), container)).code, 0)
  t.ok(world.ip('link show br0')[0], 'and stays')
})

hosted('a name that is no bridge’s', async (t, world) => {
  world.sh('ip link add br0 type veth peer name other')
  const before = world.lasting()
  const { error } = await world.call('ADD', conf(world), world.container())
  t.match(error, { code: 7, msg: '"br0" exists and is no bridge but a veth', details: /"bridge"/ })
  t.match((await world.call('ADD', plainConf({ bridge: 'lo' }), world.container())).error, {
    msg: '"lo" exists and is no bridge',
  })
  const { containers: _1, run: _2, ...after } = world.lasting()
  t.strictSame(after, (({ containers: _3, run: _4, ...rest }) => rest)(before), 'nothing was changed')
})

hosted('VLANs on a kernel without them', async (t, world) => {
  const container = world.container()
  const trunk = [{ minID: 20, maxID: 22 }, { id: 30 }]
  const asked: Conf[] = [{ vlan: 10 }, { vlanTrunk: trunk }, { vlan: 10, vlanTrunk: trunk, isGateway: true }]
  const lacking = { code: 50, msg: /CONFIG_BRIDGE_VLAN_FILTERING/ }
  const first = await world.call('ADD', conf(world, asked[0]), container)
  if (first.code === 0) return void t.pass('this kernel has them')
  for (const more of asked) {
    const { error } = await world.call('ADD', conf(world, more), container)
    t.match(error, lacking, JSON.stringify(more))
    const { host, leases, records } = world.state()
    t.strictSame(
      { links: Object.keys(host.links), leases, records },
      { links: ['lo'], leases: {}, records: {} },
    )
  }
  world.sh('ip link add br0 type bridge')
  const before = world.outside()
  for (const more of asked) {
    t.match((await world.call('ADD', conf(world, more), container)).error, lacking, 'on a bridge that exists')
    t.strictSame(world.outside(), before, 'nothing is changed')
  }
  t.match(
    (await world.call('ADD', conf(world, { bridge: 'a-long-name0', vlan: 4094, isGateway: true }), container))
      .error,
    {
      code: 7,
      msg: /"a-long-name0\.4094" is too long/,
    },
  )
  await world.add(conf(world, { preserveDefaultVlan: true }), container)
  t.pass('without VLANs there are none to preserve')
})

hosted('routes of the IPAM', async (t, world) => {
  const container = world.container()
  const routes = [
    { dst: '192.0.2.0/24' },
    { dst: '198.51.100.0/24', gw: '10.1.0.9', mtu: 1300, advmss: 1200, priority: 50 },
    { dst: '203.0.113.0/24', table: 77, gw: '10.1.0.8' },
    { dst: '203.0.113.7/32', scope: 253 },
    { dst: '2001:db8:1::/48' },
    { dst: '2001:db8:2::/48', gw: 'fd00:1::9', mtu: 1290, advmss: 1210, priority: 60, table: 78 },
  ]
  const added = await world.add(conf(world, { ipam: { ...leasing(world, 1), routes } }), container)
  const shown = (family: 4 | 6, table: string, dst: string) =>
    container.ip(`-${family} route show table ${table} ${dst}`)[0]
  t.match(
    shown(4, 'main', '192.0.2.0/24'),
    { gateway: '10.1.0.1', dev: 'eth0', protocol: '112' },
    'via the gateway',
  )
  t.match(shown(4, 'main', '198.51.100.0/24'), {
    gateway: '10.1.0.9',
    metric: 50,
    metrics: [{ mtu: 1300, advmss: 1200 }],
  })
  t.match(shown(4, '77', '203.0.113.0/24'), { gateway: '10.1.0.8' })
  t.match(shown(4, 'main', '203.0.113.7/32'), { scope: 'link', gateway: undefined })
  t.match(shown(6, 'main', '2001:db8:1::/48'), { gateway: 'fd00:1::1' })
  t.match(shown(6, '78', '2001:db8:2::/48'), {
    gateway: 'fd00:1::9',
    metric: 60,
    metrics: [{ mtu: 1290, advmss: 1210 }],
  })
  t.match(added.prevResult.routes, routes)
  const check = await world.call('CHECK', added, container)
  t.equal(check.code, 0, check.stdout)
  container.sh('ip route flush table 77')
  t.match((await world.call('CHECK', added, container)).error, {
    code: 100,
    msg: /203\.0\.113\.0\/24 via 10\.1\.0\.8/,
  })
})

hosted('several addresses', async (t, world) => {
  const container = world.container()
  const ipam = {
    ...leasing(world, 1),
    ranges: [...leasing(world, 1).ranges, ...leasing(world, 2, [4]).ranges],
  }
  const added = await world.add(conf(world, { isDefaultGateway: true, ipMasq: true, ipam }), container)
  t.strictSame(addresses(container, 'eth0'), ['10.1.0.2/24', '10.2.0.2/24', 'fd00:1::2/64'])
  t.strictSame(addresses(world, 'br0'), ['10.1.0.1/24', '10.2.0.1/24', 'fd00:1::1/64'])
  t.strictSame(defaults(container), ['10.1.0.1 dev eth0 proto 112', 'fd00:1::1 dev eth0 proto 112'])
  const sets = world.nft().flatMap(({ set }) => (set ? [set.name] : []))
  t.strictSame(sets, ['masq4-10.1.0.0-24', 'masq6-fd00_1__-64', 'masq4-10.2.0.0-24'])
  t.equal((await world.call('CHECK', added, container)).code, 0)

  const two = world.container()
  const same = fixed('10.1.0.30/24', '10.1.0.31/24')
  const twice = await world.add(conf(world, { isGateway: true, forceAddress: true, ipam: same }), two)
  t.strictSame(addresses(two, 'eth0'), ['10.1.0.30/24', '10.1.0.31/24'], 'of one subnet')
  t.equal((await world.call('CHECK', twice, two)).code, 0)
})

hosted('two attachments of one container to one network', async (t, world) => {
  const container = world.container()
  const one = await world.add(conf(world, { isDefaultGateway: true }), container)
  const two = await world.add(conf(world, { isDefaultGateway: true }), container, { ifname: 'eth1' })
  t.strictSame(addresses(container, 'eth0'), ['10.1.0.2/24', 'fd00:1::2/64'])
  t.strictSame(addresses(container, 'eth1'), ['10.1.0.3/24', 'fd00:1::3/64'])
  t.equal(container.ip('-4 route show default')[0].dev, 'eth0', 'the first keeps its traffic')
  t.equal(container.ip('-4 route get 192.0.2.1')[0].dev, 'eth0')
  t.equal((await world.call('CHECK', one, container)).code, 0)
  const check = await world.call('CHECK', two, container, { ifname: 'eth1' })
  t.equal(check.code, 0, check.stdout)
  await world.call('DEL', one, container)
  t.strictSame(defaults(container), ['10.1.0.1 dev eth1 proto 112', 'fd00:1::1 dev eth1 proto 112'])
})

hosted('one container on two networks', async (t, world) => {
  const container = world.container()
  const other = { name: 'other', bridge: 'br1', isDefaultGateway: true, ipam: leasing(world, 2) }
  const one = await world.add(conf(world, { isDefaultGateway: true }), container)
  const two = await world.add(conf(world, other), container, { ifname: 'eth1' })
  t.equal(container.ip('-4 route get 192.0.2.1')[0].dev, 'eth0')
  for (const gateway of ['10.1.0.1', '10.2.0.1', 'fd00:1::1', 'fd00:2::1'])
    t.equal(container.trySh(`ping -n -q -c1 -W1 ${gateway}`).code, 0, gateway)
  t.equal((await world.call('CHECK', one, container)).code, 0)
  const check = await world.call('CHECK', two, container, { ifname: 'eth1' })
  t.equal(check.code, 0, check.stdout)
})

hosted('dns', async (t, world) => {
  const resolv = `${world.root}/resolv.conf`
  world.sh(`printf 'nameserver 192.0.2.53\\nsearch example.net\\n' >${resolv}`)
  const ipam = { ...leasing(world, 1), resolvConf: resolv }
  const dnsOf = async (more: Conf) =>
    (await world.add(conf(world, { ipam, ...more }), world.container())).prevResult.dns
  t.strictSame(await dnsOf({}), { nameservers: ['192.0.2.53'], search: ['example.net'] }, "the IPAM's")
  t.strictSame(await dnsOf({ dns: {} }), { nameservers: ['192.0.2.53'], search: ['example.net'] })
  t.strictSame(await dnsOf({ dns: { domain: 'a.test' } }), { domain: 'a.test' }, 'overridden as a whole')
  const own = { nameservers: ['192.0.2.1'], domain: 'b.test', search: ['c.test'], options: ['ndots:2'] }
  t.strictSame(await dnsOf({ dns: own }), own)
})

hosted('a kernel without IPv6', async (t, world) => {
  // The settings that are not there are what is different for IPv4.
  const { openIn } = addon
  addon.openIn = (netns, requests) =>
    openIn(netns, requests).map((fd, i) => {
      const request = requests[i]!
      if (!('path' in request) || !request.path.includes('/ipv6/')) return fd
      return openIn(-1, [{ path: `${world.root}/no-such-file`, flags: 0 }])[0]!
    })
  t.after(() => Object.assign(addon, { openIn }))
  const container = world.container()
  const four = conf(world, { isDefaultGateway: true, ipMasq: true, ipam: leasing(world, 1, [4]) })
  const added = await world.add(four, container)
  t.equal((await world.call('CHECK', added, container)).code, 0)
  t.equal((await world.call('DEL', added, container)).code, 0)
})

hosted('a container whose IPv6 is turned off', async (t, world) => {
  const container = world.container()
  container.sh('for i in all default lo; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done')
  await world.add(conf(world), container)
  t.strictSame(
    addresses(container, 'eth0'),
    ['10.1.0.2/24', 'fd00:1::2/64'],
    'gets it where it has an address',
  )
})
