// Addresses, routes, neighbours, rules, forwarding tables and VLANs in fresh namespaces, against what `ip -j` and `bridge -j` say.
import t from 'tap'
import { KernelError } from '../../kernel/error.js'
import { uplinkMtu } from '../../kernel/mtu.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'
import {
  IFA_F_NODAD,
  IFA_F_PERMANENT,
  IFA_F_TENTATIVE,
  RT_SCOPE_LINK,
  RTN_BLACKHOLE,
} from '../../wire/route/constants.js'
import type { Route } from '../../wire/route/route.js'
import { needs } from '../helpers/needs.js'
import { bridgeJson, type Json, type TestNetns, type TestScope, tempNetns } from '../helpers/netns.js'

const skip = needs('root', 'iproute', 'nsenter')
const ip = Ip.parse
const prefix = Prefix.parse

/** A namespace with v0 and v1, two ends of a cable, and what v0 needs for routes of both families. */
function wired(t: TestScope): TestNetns & { index: number; other: number } {
  const netns = tempNetns(t)
  const { link, addr } = netns.ns
  link.add({ name: 'v0', kind: 'veth', up: true, peer: { name: 'v1' } })
  const { index } = link.get('v0')!
  const other = link.get('v1')!.index
  link.setAll([
    { index: other, up: true },
    { name: 'lo', up: true },
  ])
  addr.add({ index, address: prefix('10.1.0.2/24') })
  addr.add({ index, address: prefix('fd00:1::2/64'), noDad: true })
  return { ...netns, index, other }
}

function caught(call: () => unknown): KernelError {
  try {
    call()
  } catch (error) {
    if (error instanceof KernelError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** ip's words for one address of a link. */
function shownAddress(netns: TestNetns, local: string): Json {
  const links: Json[] = netns.ip('address show')
  return links.flatMap(link => link.addr_info).find(address => address.local === local)
}

t.test('addresses', { skip }, async t => {
  const netns = wired(t)
  const { ns, index } = netns
  ns.addr.add({
    index,
    address: prefix('10.2.0.1/16'),
    broadcast: ip('10.2.255.255'),
    label: 'v0:x',
    scope: RT_SCOPE_LINK,
    noPrefixRoute: true,
  })
  t.match(shownAddress(netns, '10.2.0.1'), {
    prefixlen: 16,
    broadcast: '10.2.255.255',
    label: 'v0:x',
    scope: 'link',
    noprefixroute: true,
  })
  t.equal(
    ns.route.list({ oif: index }).find(route => String(route.dst) === '10.2.0.0/16'),
    undefined,
  )
  ns.addr.add({ index, address: prefix('10.3.0.1/32'), peer: ip('10.3.0.9') })
  t.match(shownAddress(netns, '10.3.0.1'), { address: '10.3.0.9' })
  t.match(shownAddress(netns, 'fd00:1::2'), { prefixlen: 64, nodad: true, tentative: undefined })

  const listed = ns.addr.list({ index })
  t.same(
    new Set(listed.map(a => String(a.address)).filter(text => !text.startsWith('fe80'))),
    new Set(['10.1.0.2/24', '10.2.0.1/16', '10.3.0.1/32', 'fd00:1::2/64']),
  )
  t.equal(String(listed.find(a => a.peer)?.peer), '10.3.0.9')
  const v6 = ns.addr.list({ index, family: 6 }).find(a => String(a.address.ip) === 'fd00:1::2')
  t.equal(v6!.flags! & (IFA_F_NODAD | IFA_F_PERMANENT), IFA_F_NODAD | IFA_F_PERMANENT)
  t.ok(ns.addr.list({ family: 4 }).every(a => a.address.family === 4))
  t.ok(
    ns.addr.list().some(a => a.index === 1),
    'all links',
  )

  t.match(
    caught(() => ns.addr.add({ index, address: prefix('10.1.0.2/24') })),
    { operation: 'address add', target: '10.1.0.2/24', code: 'EEXIST' },
  )
  ns.addr.replace({ index, address: prefix('10.1.0.2/24'), priority: 77 })
  t.match(shownAddress(netns, '10.1.0.2'), { metric: 77 })
  t.match(
    caught(() => ns.addr.add({ index: 4711, address: prefix('10.9.0.1/24') })),
    { code: 'ENODEV' },
  )
  const withPeer = { index, address: prefix('10.3.0.1/32'), peer: ip('10.3.0.9') }
  t.equal(ns.addr.remove(withPeer), true)
  t.equal(ns.addr.remove(withPeer), false)
  t.equal(ns.addr.remove({ index: 4711, address: prefix('10.3.0.1/32') }), false, 'no such link')
  t.equal(shownAddress(netns, '10.3.0.1'), undefined)
})

t.test('duplicate address detection', { skip }, async t => {
  const { ns } = tempNetns(t)
  ns.link.add({ name: 'w0', kind: 'veth', up: true, peer: { name: 'w1' } })
  const { index } = ns.link.get('w0')!
  await ns.addr.settled(index, 0)
  ns.addr.add({ index, address: prefix('fd00:2::1/64') })
  await t.rejects(ns.addr.settled(index, 1), { code: 'ETIMEDOUT', target: 'fd00:2::1/64' }, 'without carrier')
  ns.sysctl.set('net/ipv6/neigh/w0/retrans_time_ms', 1)
  const settled = ns.addr.settled(index, 10_000)
  ns.link.set({ name: 'w1', up: true })
  await settled
  const flags = ns.addr.list({ index, family: 6 }).map(address => address.flags! & IFA_F_TENTATIVE)
  t.strictSame(new Set(flags), new Set([0]))
})

t.test('routes', { skip }, async t => {
  const netns = wired(t)
  const { ns, index, other } = netns
  const { route } = ns
  const shown = (family: 4 | 6, dst: string, rest = ''): Json =>
    netns.ip(`-d -${family} route show exact ${dst}${rest}`)[0]

  await t.test('with every attribute of a CNI result', async t => {
    const full: Route = {
      dst: prefix('192.0.2.0/24'),
      gateway: ip('10.1.0.1'),
      oif: index,
      src: ip('10.1.0.2'),
      mtu: 1400,
      advmss: 1300,
      priority: 50,
      table: 1000,
      protocol: 190,
    }
    route.add(full)
    t.match(shown(4, '192.0.2.0/24', ' table 1000'), {
      gateway: '10.1.0.1',
      dev: 'v0',
      prefsrc: '10.1.0.2',
      metric: 50,
      protocol: '190',
      metrics: [{ mtu: 1400, advmss: 1300 }],
      scope: 'global',
    })
    const [listed] = route.list({ table: 1000 })
    t.same(
      JSON.parse(JSON.stringify({ ...full, ...listed })),
      JSON.parse(JSON.stringify({ ...listed, ...full })),
    )
    t.match(
      caught(() => route.add(full)),
      { operation: 'route add', code: 'EEXIST', target: '192.0.2.0/24 via 10.1.0.1' },
    )
    t.equal(route.remove({ dst: full.dst, table: 1000 }), true)
    t.equal(route.remove({ dst: full.dst, table: 1000 }), false)
    t.same(route.list({ table: 1000 }), [])
    t.same(route.list({ table: 1001 }), [], 'a table that never was')
  })

  await t.test('scope, default, onlink, multipath, blackhole', async t => {
    route.addAll([
      { dst: prefix('0.0.0.0/0'), gateway: ip('10.1.0.1') },
      { dst: prefix('169.254.1.1/32'), oif: index },
      { dst: prefix('198.51.100.0/24'), gateway: ip('169.254.1.1'), oif: index, onlink: true },
      { dst: prefix('::/0'), gateway: ip('fd00:1::1') },
      { dst: prefix('192.168.0.0/16'), type: RTN_BLACKHOLE },
      {
        dst: prefix('203.0.113.0/24'),
        nexthops: [{ gateway: ip('10.1.0.3'), oif: index, weight: 3 }, { oif: other }],
      },
    ])
    t.match(shown(4, 'default'), { gateway: '10.1.0.1', dev: 'v0' })
    t.match(shown(6, 'default'), { gateway: 'fd00:1::1', dev: 'v0' })
    t.match(shown(4, '169.254.1.1'), { scope: 'link', dev: 'v0' })
    t.match(shown(4, '198.51.100.0/24'), { gateway: '169.254.1.1', flags: ['onlink'] })
    t.match(shown(4, '192.168.0.0/16'), { type: 'blackhole' })
    t.match(shown(4, '203.0.113.0/24').nexthops, [
      { gateway: '10.1.0.3', dev: 'v0', weight: 3 },
      { dev: 'v1', weight: 1 },
    ])
    t.match(
      caught(() =>
        route.addAll([
          { dst: prefix('192.0.3.0/24'), oif: index },
          { dst: prefix('192.0.4.0/24'), gateway: ip('172.16.0.1') },
        ]),
      ),
      {
        code: 'ENETUNREACH',
        index: 1,
        extack: 'Nexthop has invalid gateway',
        target: '192.0.4.0/24 via 172.16.0.1',
      },
    )
    const count = (family: 4 | 6): number => netns.ip(`-${family} route show table all`).length
    t.equal(route.list({ family: 4 }).length, count(4))
    t.equal(route.list({ family: 6 }).length, count(6))
    t.equal(route.list().length, count(4) + count(6))
  })

  await t.test('replace and append', async t => {
    const dst = prefix('172.20.0.0/16')
    route.add({ dst, gateway: ip('10.1.0.4') })
    route.replace({ dst, gateway: ip('10.1.0.5') })
    t.match(netns.ip('-4 route show exact 172.20.0.0/16'), [{ gateway: '10.1.0.5' }])
    route.append({ dst, gateway: ip('10.1.0.6') })
    t.same(
      netns.ip('-4 route show exact 172.20.0.0/16').map((r: Json) => r.gateway),
      ['10.1.0.5', '10.1.0.6'],
    )
    t.equal(route.remove({ dst, gateway: ip('10.1.0.6') }), true, 'the one that is meant')
    t.match(netns.ip('-4 route show exact 172.20.0.0/16'), [{ gateway: '10.1.0.5' }])
  })

  await t.test("get is the kernel's look-up", async t => {
    t.match(route.get(ip('10.1.0.77')), { oif: index, src: ip('10.1.0.2') })
    t.match(route.get(ip('192.0.2.55')), { oif: index, gateway: ip('10.1.0.1') })
    const match = route.get(ip('198.51.100.9'), { fibMatch: true })
    t.equal(String(match?.dst), '198.51.100.0/24')
    t.equal(tempNetns(t).ns.route.get(ip('192.0.2.1')), undefined, 'unreachable')
    t.match(
      caught(() => route.get(ip('192.168.1.1'))),
      { code: 'EINVAL' },
      'a blackhole',
    )
  })
})

t.test('the MTU of the uplink', { skip }, async t => {
  const { ns, index, other } = wired(t)
  t.equal(uplinkMtu(ns, 4), undefined)
  t.equal(uplinkMtu(ns, 6), undefined)
  ns.link.set({ index, mtu: 1420 })
  ns.route.add({ dst: prefix('0.0.0.0/0'), gateway: ip('10.1.0.1') })
  t.equal(uplinkMtu(ns, 4), 1420)
  ns.route.replace({ dst: prefix('0.0.0.0/0'), gateway: ip('10.1.0.1'), mtu: 1300 })
  t.equal(uplinkMtu(ns, 4), 1300, 'of the route')
  ns.link.set({ index: other, mtu: 1280 })
  ns.route.replace({
    dst: prefix('0.0.0.0/0'),
    nexthops: [{ gateway: ip('10.1.0.1'), oif: index }, { oif: other }],
  })
  t.equal(uplinkMtu(ns, 4), 1280, 'the least of several ways')
  ns.route.remove({ dst: prefix('0.0.0.0/0') })
  ns.route.add({ dst: prefix('203.0.113.0/24'), oif: index })
  t.equal(uplinkMtu(ns, 4), undefined, 'a route that is no default route')
  ns.route.add({ dst: prefix('::/0'), gateway: ip('fd00:1::1') })
  t.equal(uplinkMtu(ns, 6), 1420)
})

t.test('neighbours', { skip }, async t => {
  const netns = wired(t)
  const { ns, index } = netns
  const mac = Mac.parse('02:00:00:00:00:07')
  const neighbour = { index, ip: ip('169.254.1.1'), mac, permanent: true }
  ns.neigh.add(neighbour)
  t.match(
    caught(() => ns.neigh.add(neighbour)),
    { code: 'EEXIST', target: '169.254.1.1' },
  )
  ns.neigh.replace({ ...neighbour, mac: Mac.parse('02:00:00:00:00:08') })
  ns.neigh.replace({ index, ip: ip('fe80::1'), mac, permanent: true })
  ns.neigh.replace({ index, ip: ip('10.1.0.50'), mac })
  const shown: Json[] = netns.ip('neighbour show dev v0')
  t.match(
    shown.find(n => n.dst === '169.254.1.1'),
    { lladdr: '02:00:00:00:00:08', state: ['PERMANENT'] },
  )
  t.match(
    shown.find(n => n.dst === 'fe80::1'),
    { lladdr: '02:00:00:00:00:07', state: ['PERMANENT'] },
  )
  t.match(
    shown.find(n => n.dst === '10.1.0.50'),
    { state: ['REACHABLE'] },
  )
  t.match(ns.neigh.get({ index, ip: ip('fe80::1') }), { mac, index })
  t.equal(ns.neigh.get({ index, ip: ip('fe80::2') }), undefined)
  t.ok(ns.neigh.list({ index, family: 4 }).some(n => n.ip?.equals(ip('10.1.0.50'))))
  t.ok(ns.neigh.list({ index }).some(n => n.ip?.equals(ip('fe80::1'))))
  t.equal(
    ns.neigh.list({ index: 1, family: 4 }).some(n => n.ip?.equals(ip('10.1.0.50'))),
    false,
  )
  t.equal(ns.neigh.remove({ index, ip: ip('169.254.1.1') }), true)
  t.equal(ns.neigh.remove({ index, ip: ip('169.254.1.1') }), false)
})

t.test('rules', { skip }, async t => {
  const netns = tempNetns(t)
  const { ns } = netns
  const rule = {
    family: 4,
    from: prefix('10.1.0.0/16'),
    fwmark: 0x10,
    priority: 100,
    table: 1000,
    iif: 'lo',
  } as const
  ns.rule.add(rule)
  ns.rule.add({ family: 6, to: prefix('fd00::/8'), priority: 200, table: 20 })
  t.match(netns.ip('-4 rule show')[1], {
    priority: 100,
    src: '10.1.0.0',
    srclen: 16,
    fwmark: '0x10',
    iif: 'lo',
    table: '1000',
  })
  t.match(netns.ip('-6 rule show')[1], { priority: 200, dst: 'fd00::', dstlen: 8, table: '20' })
  t.match(
    caught(() => ns.rule.add(rule)),
    {
      code: 'EEXIST',
      target: 'IPv4 100: from 10.1.0.0/16 fwmark 16 lookup 1000',
    },
  )
  t.match(
    ns.rule.list(4).find(r => r.priority === 100),
    JSON.parse(JSON.stringify({ ...rule, from: undefined })),
  )
  t.equal(ns.rule.list(4).length, netns.ip('-4 rule show').length)
  t.equal(ns.rule.list(6).length, netns.ip('-6 rule show').length)
  t.equal(ns.rule.list().length, ns.rule.list(4).length + ns.rule.list(6).length)
  t.equal(ns.rule.remove({ family: 4, priority: 100 }), true)
  t.equal(ns.rule.remove({ family: 4, priority: 100 }), false)
})

t.test('forwarding tables', { skip }, async t => {
  const netns = tempNetns(t)
  const { ns } = netns
  ns.link.add({ name: 'br0', kind: 'bridge', up: true })
  const bridge = ns.link.get('br0')!.index
  ns.link.add({ name: 'v0', kind: 'veth', master: bridge, up: true, peer: { name: 'v1' } })
  ns.link.set({ name: 'v1', up: true })
  ns.link.add({ name: 'vx0', kind: 'vxlan', vxlan: { id: 42, port: 4789, learning: false } })
  const port = ns.link.get('v0')!.index
  const vxlan = ns.link.get('vx0')!.index
  const mac = Mac.parse('02:00:00:00:00:07')
  const all = Mac.parse('00:00:00:00:00:00')
  const shown = (dev: string, address: string): Json[] =>
    bridgeJson(netns.path, `fdb show dev ${dev}`).filter((entry: Json) => entry.mac === address)

  ns.fdb.add({ index: port, mac, of: 'master', state: 'static' })
  t.match(shown('v0', String(mac)), [{ master: 'br0', state: 'static' }])
  t.match(
    caught(() => ns.fdb.add({ index: port, mac, of: 'master', state: 'static' })),
    { code: 'EEXIST' },
  )
  ns.fdb.replace({ index: port, mac, of: 'master', state: 'dynamic' })
  t.match(shown('v0', String(mac)), [{ master: 'br0', state: '' }])
  t.ok(ns.fdb.list({ bridge }).some(entry => entry.mac?.equals(mac) && entry.index === port))
  t.ok(ns.fdb.list({ index: port }).some(entry => entry.mac?.equals(mac)))

  ns.fdb.append({ index: vxlan, mac: all, remote: ip('192.0.2.1') })
  ns.fdb.append({ index: vxlan, mac: all, remote: ip('192.0.2.2'), port: 4790, vni: 43 })
  t.match(shown('vx0', String(all)), [
    { dst: '192.0.2.1', flags: ['self'], state: 'permanent' },
    { dst: '192.0.2.2', port: 4790, vni: 43 },
  ])
  const remotes = ns.fdb.list({ index: vxlan }).map(entry => String(entry.ip))
  t.same(remotes, ['192.0.2.1', '192.0.2.2'])
  t.equal(ns.fdb.remove({ index: vxlan, mac: all, remote: ip('192.0.2.1') }), true)
  t.equal(ns.fdb.remove({ index: port, mac, of: 'master' }), true)
  t.equal(ns.fdb.remove({ index: port, mac, of: 'master' }), false)
})

t.test('VLANs of bridge ports', { skip }, async t => {
  const netns = tempNetns(t)
  const { ns } = netns
  ns.link.add({ name: 'br0', kind: 'bridge' })
  const bridge = ns.link.get('br0')!
  ns.link.add({ name: 'v0', kind: 'veth', master: bridge.index, peer: { name: 'v1' } })
  const { index } = ns.link.get('v0')!
  const vlans = [
    { vid: 100, pvid: true, untagged: true },
    { vid: 200, to: 210 },
  ]
  // A kernel that can shows the protocol of the VLANs.
  if (bridge.info?.bridge?.vlanProtocol === undefined) {
    const lacking = { code: 'EOPNOTSUPP', message: /this kernel lacks CONFIG_BRIDGE_VLAN_FILTERING/ }
    const options = { vlanFiltering: true }
    t.match(
      caught(() => ns.link.add({ name: 'br1', kind: 'bridge', bridge: options })),
      lacking,
    )
    t.match(
      caught(() => ns.link.set({ name: 'br0', bridge: options })),
      lacking,
    )
    t.match(
      caught(() => ns.bridgeVlan.add({ index, vlans })),
      lacking,
    )
    ns.bridgeVlan.remove({ index, vlans })
    t.same(ns.bridgeVlan.list(), [])
    return
  }
  ns.bridgeVlan.add({ index, vlans })
  const shown: Json = bridgeJson(netns.path, 'vlan show dev v0')[0]
  t.match(
    shown.vlans.find((vlan: Json) => vlan.vlan === 100),
    { flags: ['PVID', 'Egress Untagged'] },
  )
  t.match(
    ns.bridgeVlan
      .list()
      .find(port => port.index === index)
      ?.vlans.find(({ vid }) => vid === 200),
    { to: 210 },
  )
  ns.bridgeVlan.remove({ index, vlans })
  t.notOk(
    ns.bridgeVlan
      .list()
      .find(port => port.index === index)
      ?.vlans.some(({ vid }) => vid >= 100),
  )
})
