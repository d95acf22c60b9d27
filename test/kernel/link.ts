// `link` verbs in fresh namespaces, against what `ip -j` says.
import { closeSync, openSync } from 'node:fs'
import t from 'tap'
import { isErrno, isExists, isNotFound, KernelError } from '../../kernel/error.js'
import { Namespace } from '../../kernel/namespace.js'
import { Ip } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'
import { IFF_UP } from '../../wire/route/constants.js'
import { IN6_ADDR_GEN_MODE_NONE, MACVLAN_MODE_BRIDGE } from '../../wire/route/constants-link.js'
import { needs } from '../helpers/needs.js'
import { type Json, tempNetns, withNamespaces } from '../helpers/netns.js'

const skip = needs('root', 'iproute', 'nsenter')

/** What ip says of one link. */
function shown(netns: { ip(args: string): Json }, name: string): Json {
  return netns.ip(`-d link show dev ${name}`)[0]
}

t.test('a veth pair, its peer in another namespace, in one request', { skip }, async t => {
  await withNamespaces(t, 2, async (host, container) => {
    const mac = Mac.parse('0a:58:0a:01:00:02')
    host.ns.link.add({ name: 'br0', kind: 'bridge', up: true })
    const bridge = host.ns.link.get('br0')!
    host.ns.link.add({
      name: 'plveth0',
      kind: 'veth',
      mtu: 1400,
      group: 77,
      txqlen: 500,
      alias: 'of a container',
      master: bridge.index,
      up: true,
      peer: { name: 'eth0', netnsFd: container.fd, mtu: 1400, address: mac },
    })
    t.match(shown(host, 'plveth0'), {
      mtu: 1400,
      master: 'br0',
      group: '77',
      txqlen: 500,
      ifalias: 'of a container',
      linkinfo: { info_kind: 'veth', info_slave_kind: 'bridge' },
    })
    t.match(shown(container, 'eth0'), { mtu: 1400, address: String(mac), operstate: 'DOWN' })

    const veth = host.ns.link.get('plveth0')!
    t.match(veth, { name: 'plveth0', kind: 'veth', slaveKind: 'bridge', mtu: 1400, group: 77, txqlen: 500 })
    t.equal(veth.master, bridge.index)
    t.ok(veth.flags & IFF_UP)
    const peer = container.ns.link.get('eth0')!
    t.equal(peer.peerIndex, veth.index)
    t.equal(veth.peerIndex, peer.index)
    t.ok(peer.address?.equals(mac))
    t.equal(String(veth.address), shown(host, 'plveth0').address)
  })
})

t.test('get and index, by name, alternative name and index', { skip }, async t => {
  const { ns, run } = tempNetns(t)
  const lo = ns.link.get('lo')!
  t.match(lo, { name: 'lo', index: 1, mtu: 65536 })
  t.equal(ns.link.get(1)?.name, 'lo')
  t.equal(ns.link.index('lo'), 1)
  t.equal(ns.link.get('nosuch'), undefined)
  t.equal(ns.link.get(4711), undefined)
  t.equal(ns.link.index('nosuch'), undefined)
  run('ip link property add dev lo altname a-name-that-is-longer-than-fifteen')
  t.equal(ns.link.index('a-name-that-is-longer-than-fifteen'), 1)
  t.equal(ns.link.index('another-name-that-is-longer-than-fifteen'), undefined)
})

t.test('list, filtered by the kernel', { skip }, async t => {
  const { ns, ip } = tempNetns(t)
  ns.link.add({ name: 'br0', kind: 'bridge' })
  const master = ns.link.get('br0')!.index
  for (const i of [0, 1, 2])
    ns.link.add({ name: `v${i}`, kind: 'veth', peer: { name: `p${i}` }, ...(i > 0 && { master, group: 5 }) })
  const names = (filter?: Parameters<typeof ns.link.list>[0]) => ns.link.list(filter).map(link => link.name)
  t.same(
    names(),
    ip('link show').map((link: Json) => link.ifname),
  )
  t.same(names({ kind: 'bridge' }), ['br0'])
  t.same(names({ master }), ['v1', 'v2'])
  t.same(names({ kind: 'veth', master }), ['v1', 'v2'])
  t.same(names({ group: 5 }), ['v1', 'v2'])
  t.same(names({ master, group: 6 }), [])
})

t.test('a bridge with options, a vxlan device, a macvlan', { skip }, async t => {
  const netns = tempNetns(t)
  const { ns } = netns
  const mac = Mac.parse('02:11:22:33:44:55')
  ns.link.add({
    name: 'br0',
    kind: 'bridge',
    address: mac,
    addrGenMode: IN6_ADDR_GEN_MODE_NONE,
    bridge: { forwardDelay: 200, ageingTime: 1000, stp: 0, mcastSnooping: false },
  })
  t.match(shown(netns, 'br0'), {
    address: String(mac),
    inet6_addr_gen_mode: 'none',
    linkinfo: { info_data: { forward_delay: 200, ageing_time: 1000, stp_state: 0, mcast_snooping: 0 } },
  })
  t.match(ns.link.get('br0')?.info?.bridge, {
    forwardDelay: 200,
    ageingTime: 1000,
    stp: 0,
    mcastSnooping: false,
  })
  t.throws(() => ns.link.add({ name: 'x0', kind: 'bridge', alias: 'x'.repeat(300) }), {
    code: 'ERANGE',
    operation: 'link set',
    target: 'x0',
  })
  t.equal(ns.link.get('x0'), undefined, 'half made is not made')
  t.throws(() => ns.link.add({ name: 'x0', kind: 'bridge', alias: 'x', netnsFd: 0 }), RangeError)
  ns.link.set({ name: 'br0', bridge: { ageingTime: 3000 } })
  t.equal(shown(netns, 'br0').linkinfo.info_data.ageing_time, 3000)

  ns.link.add({
    name: 'vx0',
    kind: 'vxlan',
    vxlan: { id: 4096, port: 4789, local: Ip.parse('192.0.2.1'), learning: false },
  })
  t.match(shown(netns, 'vx0'), {
    linkinfo: {
      info_kind: 'vxlan',
      info_data: { id: 4096, port: 4789, local: '192.0.2.1', learning: false },
    },
  })
  t.match(ns.link.get('vx0')?.info?.vxlan, { id: 4096, port: 4789, learning: false })

  const lower = ns.link.get('br0')!.index
  ns.link.add({ name: 'mv0', kind: 'macvlan', lower, macvlan: { mode: MACVLAN_MODE_BRIDGE } })
  t.match(shown(netns, 'mv0'), {
    link: 'br0',
    linkinfo: { info_kind: 'macvlan', info_data: { mode: 'bridge' } },
  })
})

t.test('set', { skip }, async t => {
  const [netns, other] = [tempNetns(t), tempNetns(t)]
  const { ns } = netns
  ns.link.add({ name: 'br0', kind: 'bridge' })
  ns.link.add({ name: 'v0', kind: 'veth', peer: { name: 'v1' } })
  const master = ns.link.get('br0')!.index
  const { index } = ns.link.get('v0')!

  ns.link.set({
    name: 'v0',
    up: true,
    promisc: true,
    allmulti: true,
    mtu: 1300,
    group: 9,
    txqlen: 10,
    alias: 'x',
  })
  t.match(shown(netns, 'v0'), { mtu: 1300, group: '9', txqlen: 10, ifalias: 'x', promiscuity: 1 })
  const flags: string[] = shown(netns, 'v0').flags
  for (const flag of ['UP', 'PROMISC', 'ALLMULTI']) t.ok(flags.includes(flag), flag)
  ns.link.set({ index, up: false, promisc: false, allmulti: false, arp: false })
  t.strictSame(
    shown(netns, 'v0').flags.filter((flag: string) => /^(UP|PROMISC|ALLMULTI|NOARP)$/.test(flag)),
    ['NOARP'],
  )

  ns.link.set({ index, address: Mac.parse('02:00:00:00:00:01') })
  t.equal(shown(netns, 'v0').address, '02:00:00:00:00:01')

  ns.link.set({ index, master, port: { hairpin: true, isolated: true, learning: false } })
  t.match(shown(netns, 'v0'), {
    master: 'br0',
    linkinfo: { info_slave_data: { hairpin: true, isolated: true, learning: false, flood: true } },
  })
  t.match(ns.link.get('v0')?.port, { hairpin: true, isolated: true, learning: false, flood: true })
  ns.link.set({ name: 'v0', port: { isolated: false, neighSuppress: true, guard: true } })
  t.match(shown(netns, 'v0').linkinfo.info_slave_data, {
    hairpin: true,
    isolated: false,
    neigh_suppress: true,
    guard: true,
  })
  ns.link.set({ name: 'v0', master: 0 })
  t.equal(shown(netns, 'v0').master, undefined)

  ns.link.set({ index, rename: 'renamed' })
  t.equal(shown(netns, 'renamed').ifindex, index)
  ns.link.set({ name: 'renamed', netnsFd: other.fd })
  t.equal(ns.link.get('renamed'), undefined)
  t.ok(other.ns.link.get('renamed'))

  ns.link.setAll([
    { name: 'lo', up: true },
    { name: 'v1', up: true },
  ])
  t.ok(shown(netns, 'lo').flags.includes('UP') && shown(netns, 'v1').flags.includes('UP'))
})

t.test('remove is tolerant', { skip }, async t => {
  const { ns } = tempNetns(t)
  ns.link.add({ name: 'v0', kind: 'veth', peer: { name: 'v1' } })
  t.equal(ns.link.remove('v0'), true)
  t.equal(ns.link.get('v1'), undefined, 'the peer goes with it')
  t.equal(ns.link.remove('v0'), false)
  t.equal(ns.link.remove(4711), false)
})

t.test('operational, told by notification', { skip }, async t => {
  const { ns } = tempNetns(t)
  ns.link.add({ name: 'v0', kind: 'veth', up: true, peer: { name: 'v1' } })
  const { index } = ns.link.get('v0')!
  t.equal(await ns.link.operational(index, 0), false)
  const operational = ns.link.operational(index, 10_000)
  ns.link.set({ name: 'v1', up: true })
  t.equal(await operational, true)
  t.equal(await ns.link.operational(index, 0), true, 'already so')
  t.equal(await ns.link.operational(4711, 0), false, 'no such link')
})

t.test('errors say what failed, and why', { skip }, async t => {
  const { ns } = tempNetns(t)
  const caught = (call: () => unknown): KernelError => {
    try {
      call()
    } catch (error) {
      if (error instanceof KernelError) return error
      throw error
    }
    throw new Error('nothing was thrown')
  }
  ns.link.add({ name: 'v0', kind: 'veth', peer: { name: 'v1' } })
  const exists = caught(() => ns.link.add({ name: 'v0', kind: 'bridge' }))
  t.ok(isExists(exists))
  t.match(exists, {
    operation: 'link add',
    target: 'v0',
    code: 'EEXIST',
    message: /^link add v0: EEXIST: file exists/,
  })
  const missing = caught(() => ns.link.set({ name: 'nosuch', up: true }))
  t.ok(isNotFound(missing))
  t.match(missing, { operation: 'link set', target: 'nosuch', code: 'ENODEV', index: 0 })
  const first = caught(() =>
    ns.link.setAll([
      { name: 'v0', mtu: 1400 },
      { index: 4711, up: true },
      { name: 'v1', mtu: 1 },
      { name: 'v1', mtu: 1300 },
    ]),
  )
  t.match(first, { code: 'ENODEV', index: 1, target: 'index 4711' })
  t.equal(ns.link.get('v1')?.mtu, 1300, 'what comes after a failure is done')
  const mtu = caught(() => ns.link.set({ name: 'v0', mtu: 1 }))
  t.match(mtu, {
    code: 'EINVAL',
    extack: 'mtu less than device minimum',
    message: /: mtu less than device minimum$/,
  })
  const port = caught(() => ns.link.set({ name: 'v0', port: { hairpin: true } }))
  t.ok(isErrno(port, 'EOPNOTSUPP', 'EINVAL'), 'not a port')
  const unknown = caught(() => ns.link.add({ name: 'x0', kind: 'nosuchkind' }))
  t.match(unknown, { code: 'EOPNOTSUPP', extack: 'Unknown device type', hint: undefined })
  if (
    isErrno(
      caughtOrNothing(() => ns.link.add({ name: 'd0', kind: 'dummy' })),
      'EOPNOTSUPP',
    )
  )
    t.match(
      caught(() => ns.link.add({ name: 'd0', kind: 'dummy' })),
      { message: /Unknown device type \(this kernel may lack CONFIG_DUMMY\)$/ },
    )
})

function caughtOrNothing(call: () => void): unknown {
  try {
    return call()
  } catch (error) {
    return error
  }
}

t.test('a namespace that is none', { skip }, async t => {
  const zero = openSync('/dev/zero', 'r')
  t.after(() => closeSync(zero))
  t.throws(() => Namespace.open(zero), { code: 'EINVAL', operation: 'netns enter' })
})
