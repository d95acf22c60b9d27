// tuning: every key and source, what they do to both ends, and that DEL takes all of it back.
import t, { type Test } from 'tap'
import { allVersions } from '../../cni/plugin.js'
import { RecordStore } from '../../cni/record.js'
import { needs } from '../helpers/needs.js'
import { bridgeConf, type PluginWorld, plainConf, pluginWorld, ptpConf } from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'
import { allSysctls, attributes, behindBridge, tuned } from '../helpers/tuning.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter', 'ping')

function hosted(name: string, test: (t: Test, world: PluginWorld) => Promise<void>): void {
  t.test(name, { skip }, t => test(t, pluginWorld(t)))
}

const mac = '02:00:00:00:00:77'
const everything: Conf = {
  mac,
  promisc: true,
  mtu: 9000,
  allmulti: true,
  txQLen: 77,
  dataDir: '/run/nowhere',
  sysctl: {
    'net.core.somaxconn': '511',
    'net/ipv4/tcp_rmem': '4096 20000 30000',
    'net.ipv4.conf.IFNAME.rp_filter': '2',
    'net/ipv6/conf/eth0/accept_ra': '0',
    'net.ipv4.neigh.IFNAME.base_reachable_time_ms': '20001',
    'net.ipv4.ip_local_reserved_ports': '7,8,9,100',
    'net.ipv4.route.flush': '1',
  },
}

hosted('everything at once, and back', async (t, world) => {
  const plain = await behindBridge(world, everything)
  const { container, conf, end } = plain
  const read = () => ({
    inside: attributes(container, 'eth0'),
    outside: attributes(world, end),
    host: allSysctls(world.path),
    container: allSysctls(container.path),
  })
  const before = read()
  const lasting = world.lasting()
  const added = await plain.call('ADD')
  t.equal(added.code, 0, added.stdout)

  const [bridge, host, inside] = conf.prevResult.interfaces
  t.strictSame(
    added.json,
    { ...conf.prevResult, interfaces: [bridge, { ...host, mtu: 9000 }, { ...inside, mtu: 9000, mac }] },
    'the result has the MAC address and both MTUs, and is otherwise as before',
  )
  const during = read()
  t.strictSame(during.inside, { address: mac, mtu: 9000, txqlen: 77, on: ['ALLMULTI', 'PROMISC'] })
  t.strictSame(during.outside, { ...before.outside, mtu: 9000 })
  const changed = (now: Record<string, string>, then: Record<string, string>) =>
    Object.fromEntries(Object.entries(now).filter(([path, value]) => then[path] !== value))
  t.strictSame(changed(during.host, before.host), {
    [`ipv6/conf/${end}/mtu`]: '9000',
    'ipv6/conf/brplain/mtu': '9000', // the kernel's doing: a bridge's is the least of its ports'
  })
  t.strictSame(changed(during.container, before.container), {
    'core/somaxconn': '511',
    'ipv4/tcp_rmem': '4096\t20000\t30000',
    'ipv4/conf/eth0/rp_filter': '2',
    'ipv6/conf/eth0/accept_ra': '0',
    'ipv6/conf/eth0/mtu': '9000',
    'ipv4/neigh/eth0/base_reachable_time_ms': '20004',
    'ipv4/neigh/eth0/base_reachable_time': '20',
    'ipv4/ip_local_reserved_ports': '7-9,100',
  })

  const withResult = { ...conf, prevResult: added.json }
  const check = await plain.call('CHECK', { conf: withResult })
  t.equal(check.code, 0, `CHECK knows what the kernel has made of it: ${check.stdout}`)
  t.equal(
    (await world.call('CHECK', { ...plainConf(), prevResult: added.json }, container)).code,
    0,
    'so does bridge',
  )
  t.match((await plain.call('ADD')).error, { code: 102 }, 'not twice')

  for (const turn of ['first', 'second']) {
    const del = await plain.call('DEL', { conf: withResult })
    t.equal(del.code, 0, `${turn}: ${del.stdout}`)
    t.strictSame(read(), before, `${turn} DEL: everything is as it was`)
  }
  t.strictSame(world.lasting(), lasting)
  t.match((await plain.call('CHECK', { conf: withResult })).error, { code: 100, msg: /no record/ })
})

hosted('one key at a time', async (t, world) => {
  const { container, end, conf, call } = await behindBridge(world, {})
  const before = { inside: attributes(container, 'eth0'), outside: attributes(world, end) }
  const cases: [Conf, inside: Conf, outside?: Conf][] = [
    [{ mac }, { address: mac }],
    [{ mac: mac.replaceAll(':', '-') }, { address: mac }],
    [{ mtu: 1400 }, { mtu: 1400 }, { mtu: 1400 }],
    [{ promisc: true }, { on: ['PROMISC'] }],
    [{ allmulti: true }, { on: ['ALLMULTI'] }],
    [{ allmulti: false }, {}],
    [{ txQLen: 0 }, { txqlen: 0 }],
    [{ txqlen: 5, MTU: 1300 }, { txqlen: 5, mtu: 1300 }, { mtu: 1300 }],
    [{ mac: '', mtu: 0, promisc: false }, {}],
    [{ mac: null, mtu: null, sysctl: null, args: null, runtimeConfig: null }, {}],
    [{}, {}],
  ]
  for (const [keys, inside, outside = {}] of cases) {
    const all = { ...conf, ...keys }
    const added = await call('ADD', { conf: all })
    const name = JSON.stringify(keys)
    t.equal(added.code, 0, `${name} ${added.stdout}`)
    t.strictSame(attributes(container, 'eth0'), { ...before.inside, ...inside }, name)
    t.strictSame(attributes(world, end), { ...before.outside, ...outside }, `${name}: outside`)
    const check = await call('CHECK', { conf: { ...all, prevResult: added.json } })
    t.equal(check.code, 0, check.stdout)
    t.equal((await call('DEL', { conf: all })).code, 0)
    t.strictSame(attributes(container, 'eth0'), before.inside)
    t.strictSame(attributes(world, end), before.outside)
  }
})

hosted('sources, the later over the earlier', async (t, world) => {
  const { container, conf, call } = await behindBridge(world, {})
  const read = () => {
    const { address, mtu, txqlen, on } = attributes(container, 'eth0')
    const [somaxconn, filter] = container
      .sh('cat /proc/sys/net/core/somaxconn /proc/sys/net/ipv4/conf/eth0/rp_filter')
      .split('\n')
    return { address, mtu, txqlen, on, somaxconn, filter }
  }
  const before = read()
  const nth = (n: number) => `02:00:00:00:00:0${n}`
  const cases: [Conf, expected: Conf, args?: string][] = [
    [{ mac: nth(1) }, { address: nth(1) }],
    [{ mac: nth(1) }, { address: nth(2) }, `MAC=${nth(2)}`],
    [{ mac: nth(1) }, { address: nth(2) }, `IgnoreUnknown=1;K8S_POD_NAME=x;MAC=${nth(2)}`],
    [{ mac: nth(1) }, { address: nth(1) }, 'IP=10.0.0.5;MAC='],
    [{ mac: nth(1), runtimeConfig: { mac: nth(3) } }, { address: nth(3) }, `MAC=${nth(2)}`],
    [{ mac: nth(1), runtimeConfig: { mac: '' } }, { address: nth(1) }],
    [
      { runtimeConfig: { mac: nth(3) }, args: { cni: { mac: nth(4) } } },
      { address: nth(4) },
      `MAC=${nth(2)}`,
    ],
    [{ mac: nth(1), args: { cni: { mac: '' } } }, {}],
    [
      { mtu: 1400, promisc: true, args: { cni: { mtu: 1300, promisc: false, allmulti: true, txQLen: 3 } } },
      { mtu: 1300, on: ['ALLMULTI'], txqlen: 3 },
    ],
    [{ args: { cni: { sysctl: { 'net.core.somaxconn': '100' } } } }, { somaxconn: '100' }],
    [
      {
        sysctl: { 'net.core.somaxconn': '100', 'net.ipv4.conf.IFNAME.rp_filter': '1' },
        args: { cni: { sysctl: { 'net/core/somaxconn': '200' } } },
      },
      { somaxconn: '200', filter: '1' },
    ],
    [
      {
        Sysctl: { 'net.core.somaxconn': '100' },
        ARGS: { Cni: { SysCtl: { 'net.ipv4.conf.eth0.rp_filter': '1' } } },
      },
      { somaxconn: '100', filter: '1' },
    ],
  ]
  for (const [keys, expected, args] of cases) {
    const added = await call('ADD', { conf: { ...conf, ...keys }, ...(args && { args }) })
    const name = `${JSON.stringify(keys)} ${args ?? ''}`
    t.equal(added.code, 0, `${name} ${added.stdout}`)
    t.strictSame(read(), { ...before, ...expected }, name)
    t.equal((await call('DEL')).code, 0)
    t.strictSame(read(), before)
  }
})

hosted('packets of the new size pass from end to end', async (t, world) => {
  const bridge = bridgeConf(world, { portIsolation: false, macspoofchk: false })
  const [a, b] = [
    await tuned(world, { mtu: 9000 }, { bridge }),
    await tuned(world, { mtu: 9000 }, { bridge }),
  ]
  const [v4, v6] = b.conf.prevResult.ips.map((ip: Conf) => ip.address.split('/')[0])
  const pings = (to: string, size: number) =>
    a.container.trySh(`ping -n -q -c1 -W2 -M do -s ${size} ${to}`).code === 0
  t.ok(pings(v4, 8972), 'IPv4')
  t.ok(pings(v6, 8952), 'IPv6')
  t.notOk(pings(v4, 8973), 'and not one byte more')
  await b.call('DEL')
  t.notOk(pings(v4, 8972), 'with the old size on the other side')
  t.ok(pings(v4, 1472))

  const routed = await tuned(world, { mtu: 4000 }, { bridge: ptpConf(world) })
  t.match([routed.container.ip('link show eth0')[0].mtu], [4000])
  const gateway = routed.conf.prevResult.ips[0].gateway
  t.equal(routed.container.trySh(`ping -n -q -c1 -W2 -M do -s 3972 ${gateway}`).code, 0, 'ptp')
})

hosted('neighbours learn of a new MAC address at once', async (t, world) => {
  const bridge = bridgeConf(world, { portIsolation: false, macspoofchk: false })
  const [a, b] = [await behindBridge(world, { mac }, { bridge }), await behindBridge(world, {}, { bridge })]
  const ips: string[] = a.conf.prevResult.ips.map((ip: Conf) => ip.address.split('/')[0])
  const known = () =>
    ips.map(ip => b.container.ip(`neighbour show ${ip} dev eth0`).map((each: Conf) => each.lladdr)[0])
  for (const ip of ips) b.container.sh(`ping -n -q -c1 -W2 ${ip}`)
  const old = a.conf.prevResult.interfaces[2].mac
  t.strictSame(known(), [old, old])
  t.equal((await a.call('ADD')).code, 0)
  // An answer takes a moment to be heard; nobody is asked again within this second.
  for (const ip of ips) t.equal(b.container.trySh(`ping -n -q -c1 -W2 ${ip}`).code, 0, ip)
  t.strictSame(known(), [mac, mac])
  for (const name of ['ipv4/conf/eth0/arp_notify', 'ipv6/conf/eth0/ndisc_notify'])
    t.equal(a.container.sh(`cat /proc/sys/net/${name}`), '0\n', `${name} is off again`)
})

hosted('a MAC address that bridge would take for spoofed', async (t, world) => {
  const bridge = bridgeConf(world)
  const { conf, call, container } = await behindBridge(world, { mac }, { bridge })
  const before = world.lasting()
  t.match((await call('ADD')).error, { code: 7, msg: /"mac" 02:00:00:00:00:77 .*"macspoofchk"/ })
  t.strictSame(world.lasting(), before)
  const own = conf.prevResult.interfaces[2].mac
  t.equal((await call('ADD', { conf: { ...conf, mac: own } })).code, 0, 'its own is none')
  t.equal(attributes(container, 'eth0').address, own)
})

hosted('an interface that has no other end', async (t, world) => {
  const container = world.container()
  container.sh('ip link add eth0 type bridge; ip link set eth0 up')
  // A pair whose other end has an index that on the host is somebody else's.
  container.sh('ip link add eth1 index 100 type veth peer name eth2 index 101')
  world.sh('ip link add other index 101 type bridge')
  for (const ifname of ['eth0', 'eth1']) {
    const prevResult = {
      cniVersion: '1.1.0',
      interfaces: [{ name: ifname, sandbox: container.path }, { name: ifname }],
    }
    const conf = { cniVersion: '1.1.0', name: 'alone', type: 'tuning', prevResult, mtu: 1400, mac }
    const before = [attributes(container, ifname), attributes(world, 'other')]
    const added = await world.call('ADD', conf, container, { ifname })
    t.strictSame(
      added.json.interfaces,
      [{ name: ifname, mac, mtu: 1400, sandbox: container.path }, { name: ifname }],
      added.stdout,
    )
    t.strictSame(attributes(container, ifname), { ...before[0], mtu: 1400, address: mac })
    t.equal((await world.call('CHECK', { ...conf, prevResult: added.json }, container, { ifname })).code, 0)
    t.equal((await world.call('DEL', conf, container, { ifname })).code, 0)
    t.strictSame([attributes(container, ifname), attributes(world, 'other')], before)
  }
})

hosted('versions', async (t, world) => {
  const bridge = bridgeConf(world, { macspoofchk: false })
  for (const cniVersion of allVersions) {
    const { container, conf, call } = await behindBridge(
      world,
      { mac, mtu: 1400, sysctl: { 'net.core.somaxconn': '99' } },
      { bridge: { ...bridge, cniVersion } },
    )
    const added = await call('ADD')
    t.equal(added.code, 0, `${cniVersion} ${added.stdout}`)
    t.equal(added.json.cniVersion, cniVersion)
    const outline = (result: Conf) => JSON.stringify(result).replaceAll(/"m(ac|tu)":[^,}]*,?/g, '')
    t.equal(outline(added.json), outline(conf.prevResult), 'the result is handed on')
    t.match(attributes(container, 'eth0'), { address: mac, mtu: 1400 })
    if (['0.4.0', '1.0.0', '1.1.0'].includes(cniVersion))
      t.equal((await call('CHECK', { conf: { ...conf, prevResult: added.json } })).code, 0)
    t.equal((await call('DEL')).code, 0)
    await world.call('DEL', { ...bridge, cniVersion }, container)
  }
})

hosted('DEL leaves what somebody has changed since', async (t, world) => {
  const { container, end, call } = await tuned(world, everything)
  container.sh('echo 700 >/proc/sys/net/core/somaxconn; ip link set eth0 mtu 2000 promisc off')
  world.sh(`ip link set ${end} mtu 2001`)
  const old = { rp_filter: '0\n', txqlen: 1000 }
  t.equal((await call('DEL')).code, 0)
  t.equal(container.sh('cat /proc/sys/net/core/somaxconn'), '700\n')
  t.equal(container.sh('cat /proc/sys/net/ipv4/conf/eth0/rp_filter'), old.rp_filter)
  t.match(attributes(container, 'eth0'), { mtu: 2000, txqlen: old.txqlen, on: [] })
  t.equal(attributes(world, end).mtu, 2001)
})

hosted('DEL with little left to go by', async (t, world) => {
  const lasting = world.lasting()
  const cases: Record<string, (one: Awaited<ReturnType<typeof tuned>>) => Promise<Conf | undefined>> = {
    'namespace gone': async ({ container }) => void container.remove(),
    'no CNI_NETNS': async () => ({ netns: undefined }),
    'interface gone': async ({ container }) => void container.sh('ip link delete eth0'),
    'no previous result': async ({ conf }) => ({ conf: { ...conf, prevResult: undefined } }),
    'a configuration that is no longer valid': async ({ conf }) => ({ conf: { ...conf, mtu: 'x' } }),
    'no record': async ({ container }) => {
      new RecordStore(world.runDir).remove(
        { network: 'plain', containerId: container.id, ifname: 'eth0' },
        'tuning',
      )
      return undefined
    },
  }
  for (const [name, spoil] of Object.entries(cases)) {
    const one = await tuned(world, everything)
    const options = (await spoil(one)) ?? {}
    const { code, stdout, log } = await one.call('DEL', options)
    t.strictSame([code, stdout], [0, ''], name)
    t.notMatch(log, /could not be restored/)
    await world.call('DEL', plainConf(), one.container)
    one.container.remove()
    const { containers: _1, ...after } = world.lasting()
    const { containers: _2, ...before } = lasting
    t.strictSame(
      { ...after, host: Object.keys(after.host.links).filter(link => link !== 'brplain') },
      {
        ...before,
        host: Object.keys(before.host.links),
      },
    )
  }
})

hosted('an earlier life of the container', async (t, world) => {
  const one = await tuned(world, { mtu: 1400, sysctl: { 'net.core.somaxconn': '511' } })
  const { id } = one.container
  const next = world.container()
  one.container.remove()
  const bridge = await world.add(plainConf(), next, { id })
  const conf = {
    ...one.conf,
    prevResult: bridge.prevResult,
    mtu: 1300,
    sysctl: { 'net.core.somaxconn': '512' },
  }
  next.sh('echo 511 >/proc/sys/net/core/somaxconn')
  const added = await world.call('ADD', conf, next, { id })
  t.equal(added.code, 0, added.stdout)
  t.equal((await world.call('DEL', conf, next, { id })).code, 0)
  t.equal(next.sh('cat /proc/sys/net/core/somaxconn'), '511\n', "its own past counts, and not the other's")
})

hosted('GC and STATUS', async (t, world) => {
  const [kept, lost] = [await tuned(world, everything), await tuned(world, { ...everything, mtu: 8000 })]
  const mtu = world.ip(`link show ${lost.end}`)[0].mtu
  const { prevResult: _, ...conf } = kept.conf
  const gc = await world.gc(conf, [kept.container])
  t.equal(gc.code, 0, gc.stdout)
  t.not(world.ip(`link show ${lost.end}`)[0].mtu, mtu, 'the host is as before')
  t.equal((await kept.call('CHECK')).code, 0, 'who is valid keeps everything')
  t.match((await lost.call('CHECK')).error, { code: 100, msg: /no record/ })
  t.equal((await world.gc(conf, [])).code, 0)
  const tuning = (path: string) => path.includes('.tuning.')
  t.strictSame(Object.keys(world.lasting().records).filter(tuning), [])
  t.equal((await world.call('STATUS', conf)).code, 0)
})
