// Published ports with real connections: who reaches them, from whom they seem to come, and what is left alone.
import t, { type Test } from 'tap'
import { askAll, type Question } from '../helpers/ask-all.js'
import { needs } from '../helpers/needs.js'
import { leasing, type PluginWorld, pluginWorld, type TestContainer } from '../helpers/plugin-world.js'
import { serveAll } from '../helpers/serve-all.js'
import { ask } from '../helpers/service.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter', 'socat', 'ss', 'python3')

interface Way {
  readonly type: 'bridge' | 'ptp'
  readonly chained: boolean
  /** Netfilter sees what passes bridges. */
  readonly seen: boolean
}

const ways: Record<string, Way> = {
  'chained behind bridge, bridged frames seen': { type: 'bridge', chained: true, seen: true },
  'chained behind bridge, bridged frames not seen': { type: 'bridge', chained: true, seen: false },
  bridge: { type: 'bridge', chained: false, seen: true },
  ptp: { type: 'ptp', chained: false, seen: true },
}

const bridged: Way = { type: 'bridge', chained: true, seen: true }

function scene(t: Test, { seen }: Way): PluginWorld {
  const world = pluginWorld(t, { uplink: { mtu: 1500 } })
  for (const name of ['iptables', 'ip6tables'])
    world.sh(`echo ${seen ? 1 : 0} >/proc/sys/net/bridge/bridge-nf-call-${name}`)
  return world
}

interface Attached {
  readonly container: TestContainer
  readonly confs: readonly Conf[]
  readonly addresses: readonly string[]
  readonly gateways: readonly string[]
}

/** Attaches a container to network `number`; `portMappings` in a chained portmap, or inline. */
async function attach(
  world: PluginWorld,
  { type, chained }: Way,
  portMappings: readonly Conf[],
  { number = 1, keys = {}, families = [4, 6] as const as readonly (4 | 6)[] } = {},
): Promise<Attached> {
  const container = world.container()
  const common = { cniVersion: '1.1.0', name: `net${number}` }
  const conf: Conf = {
    ...common,
    type,
    ...(type === 'bridge' && { bridge: `br${number}`, isDefaultGateway: true }),
    ipMasq: true,
    ipam: {
      ...leasing(world, number, families),
      ...(type === 'ptp' && { routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] }),
    },
    ...(!chained && { ...keys, runtimeConfig: { portMappings } }),
  }
  const confs = [await world.add(conf, container)]
  if (chained)
    confs.push(
      await world.add(
        {
          ...common,
          type: 'portmap',
          ...keys,
          prevResult: confs[0]!.prevResult,
          runtimeConfig: { portMappings },
        },
        container,
      ),
    )
  const { ips } = confs[0]!.prevResult
  return {
    container,
    confs,
    addresses: ips.map(({ address }: Conf) => address.split('/')[0]),
    gateways: ips.map(({ gateway }: Conf) => gateway),
  }
}

async function detach(world: PluginWorld, { container, confs }: Attached): Promise<void> {
  for (const conf of confs.toReversed()) {
    const { error } = await world.call('DEL', conf, container)
    if (error) throw new Error(error.msg)
  }
}

const twice = (address: string, port: number): Question[] => [
  { address, port },
  { address, port, transport: 'udp' },
]

const tcpAndUdp = (hostPort: number | string, containerPort: number | string, hostIP = '') =>
  ['tcp', 'udp'].map(protocol => ({ hostPort, containerPort, protocol, hostIP }))

for (const [name, way] of Object.entries(ways))
  t.test(name, { skip }, async t => {
    const world = scene(t, way)
    const { host4, host6, peer, peer4, peer6 } = world.uplink!
    const hosts = [host4, host6]
    const web = await attach(world, way, [...tcpAndUdp(8080, 80), ...tcpAndUdp('9000-9002', '9000-9002')])
    const neighbour = await attach(world, way, [])
    const stranger = await attach(world, way, [], { number: 2 })
    await serveAll(t, web.container.path, 'web', [80, 9001])
    const all = (addresses: readonly string[], ports = [8080, 9001]) =>
      addresses.flatMap(address => ports.flatMap(port => twice(address, port)))
    const from = (...callers: readonly string[]) => callers.flatMap(caller => Array(4).fill(`web ${caller}`))

    t.strictSame(await askAll(peer, all(hosts)), from(peer4, peer6), 'another host, whose address is seen')
    // To the host, the container's network is one of its own: it calls from its address there, or from the one it called.
    for (const [i, answer] of (await askAll(world.path, all([...hosts, ...web.gateways]))).entries())
      t.match(answer, /^web /, `the host itself, ${i}`)
    t.strictSame(
      await askAll(neighbour.container.path, all([...hosts, ...web.gateways])),
      from(...web.gateways, ...web.gateways),
      'a neighbour',
    )
    t.strictSame(
      await askAll(web.container.path, all([...hosts, ...web.gateways])),
      from(...web.gateways, ...web.gateways),
      'itself',
    )
    t.match(
      await askAll(stranger.container.path, all(hosts)),
      Array(8).fill(/^web /),
      'a container of another network',
    )
    const inside = await askAll(neighbour.container.path, all(web.addresses, [80]))
    t.strictSame(
      inside,
      web.addresses.flatMap((_, i) => Array(2).fill(`web ${neighbour.addresses[i]}`)),
    )

    await t.test('what is not for the host passes by', async t => {
      await serveAll(t, stranger.container.path, 'stranger', [8080])
      await serveAll(t, peer, 'peer', [8080])
      const { sh } = world
      for (const [i, address] of stranger.addresses.entries())
        sh(`nsenter --net=${peer} ip route add ${address} via ${hosts[i]}`)
      t.strictSame(
        await askAll(peer, all(stranger.addresses, [8080])),
        ['stranger', 'stranger'].flatMap((who, i) => Array(2).fill(`${who} ${[peer4, peer6][i]}`)),
        'in transit to a container',
      )
      t.strictSame(
        await askAll(neighbour.container.path, all([peer4, peer6], [8080])),
        hosts.flatMap(host => Array(2).fill(`peer ${host}`)),
        'in transit from one',
      )
    })

    for (const conf of web.confs) t.equal((await world.call('CHECK', conf, web.container)).stdout, '')
    await detach(world, web)
    t.strictSame(await askAll(peer, [], all(hosts)), Array(8).fill(undefined), 'after DEL nobody answers')
  })

t.test('one family only', { skip }, async t => {
  for (const family of [4, 6] as const)
    await t.test(`IPv${family}`, async t => {
      const world = scene(t, bridged)
      const { host4, host6, peer, peer4, peer6 } = world.uplink!
      const web = await attach(world, bridged, tcpAndUdp(8080, 80), { families: [family] })
      await serveAll(t, web.container.path, 'web', [80])
      const [mine, other, caller] = family === 4 ? [host4, host6, peer4] : [host6, host4, peer6]
      t.strictSame(await askAll(peer, twice(mine, 8080), twice(other, 8080)), [
        `web ${caller}`,
        `web ${caller}`,
        undefined,
        undefined,
      ])
    })
})

t.test('addresses of the host', { skip }, async t => {
  const world = scene(t, bridged)
  const { host4, host6, peer, ifname } = world.uplink!
  const [more4, more6] = ['192.0.2.77', '2001:db8:ffff::77']
  world.sh(`ip address add ${more4}/24 dev ${ifname}; ip address add ${more6}/64 dev ${ifname} nodad`)
  const web = await attach(world, bridged, [
    ...tcpAndUdp(8080, 80, host4),
    ...tcpAndUdp(8080, 81, more4),
    ...tcpAndUdp(8080, 80, more6),
    ...tcpAndUdp(8081, 80, '0.0.0.0'),
    ...tcpAndUdp(8082, 80, '::'),
    ...tcpAndUdp('80-81', '80-81', more4),
  ])
  await serveAll(t, web.container.path, 'eighty', [80])
  await serveAll(t, web.container.path, 'more', [81])
  const good: [string, number, RegExp][] = [
    [host4, 8080, /^eighty/],
    [more4, 8080, /^more/],
    [more6, 8080, /^eighty/],
    [host4, 8081, /^eighty/],
    [more4, 8081, /^eighty/],
    [host6, 8082, /^eighty/],
    [more6, 8082, /^eighty/],
    [more4, 80, /^eighty/],
    [more4, 81, /^more/],
  ]
  const bad: [string, number][] = [
    [host6, 8080],
    [host6, 8081],
    [host4, 8082],
    [host4, 80],
  ]
  const questions = good.flatMap(([address, port]) => twice(address, port))
  const others = bad.flatMap(([address, port]) => twice(address, port))
  const expected = good.flatMap(([, , greeting]) => [greeting, greeting])
  for (const [who, netns] of [
    ['another host', peer],
    ['the host', world.path],
    ['itself', web.container.path],
  ] as const) {
    const answers = await askAll(netns, questions, others)
    t.match(answers.slice(0, expected.length), expected, who)
    t.strictSame(
      answers.slice(expected.length),
      others.map(() => undefined),
      who,
    )
  }
})

t.test('ranges', { skip }, async t => {
  const world = scene(t, bridged)
  const { host4, host6, peer, peer4, peer6 } = world.uplink!
  const web = await attach(world, bridged, [
    ...tcpAndUdp('9000-9003', '9000-9003'),
    ...tcpAndUdp('7000-7003', '9000-9003'),
  ])
  for (const port of [9000, 9003]) await serveAll(t, web.container.path, `on${port}`, [port])
  const ask = (address: string) => [9000, 9003, 7000, 7003].flatMap(port => twice(address, port))
  const said = (caller: string) =>
    [9000, 9003, 9000, 9003].flatMap(port => Array(2).fill(`on${port} ${caller}`))
  t.strictSame(await askAll(peer, [...ask(host4), ...ask(host6)]), [...said(peer4), ...said(peer6)])
})

t.test('masqAll and snat: whose address is seen', { skip }, async t => {
  const world = scene(t, bridged)
  const { host4, host6, peer, peer4, peer6 } = world.uplink!
  const hosts = [host4, host6]
  const all = await attach(world, bridged, tcpAndUdp(8080, 80), { keys: { masqAll: true } })
  const none = await attach(world, bridged, tcpAndUdp(8081, 80), { number: 2, keys: { snat: false } })
  await serveAll(t, all.container.path, 'all', [80])
  await serveAll(t, none.container.path, 'none', [80])
  t.strictSame(
    await askAll(
      peer,
      hosts.flatMap(address => twice(address, 8080)),
    ),
    all.gateways.flatMap(gateway => Array(2).fill(`all ${gateway}`)),
  )
  t.strictSame(
    await askAll(
      peer,
      hosts.flatMap(address => twice(address, 8081)),
    ),
    [peer4, peer6].flatMap(caller => Array(2).fill(`none ${caller}`)),
  )
  t.match(
    await askAll(
      all.container.path,
      hosts.flatMap(address => twice(address, 8080)),
    ),
    Array(4).fill(/^all /),
  )
})

t.test('conditions', { skip }, async t => {
  const world = scene(t, bridged)
  const { host4, host6, peer, peer4, peer6 } = world.uplink!
  const friends = await attach(world, bridged, tcpAndUdp(8080, 80), {
    keys: {
      conditionsV4: ['ip', 'saddr', '{', `${peer4}`, ',', '198.51.100.0/24', '}'],
      conditionsV6: ['-s', `${peer6}`],
    },
  })
  const uplink = await attach(world, bridged, tcpAndUdp(8081, 80), {
    number: 2,
    keys: { conditionsV4: ['!', '-i', 'br+'], conditionsV6: ['meta', 'iifname', '!=', 'br*'] },
  })
  await serveAll(t, friends.container.path, 'friends', [80])
  await serveAll(t, uplink.container.path, 'uplink', [80])
  const at = (port: number) => [...twice(host4, port), ...twice(host6, port)]
  const nothing = Array(4).fill(undefined)
  const greeted = (name: string) => Array(4).fill(new RegExp(`^${name} `))
  t.match(await askAll(peer, [...at(8080), ...at(8081)]), [...greeted('friends'), ...greeted('uplink')])
  t.strictSame(await askAll(world.path, [], at(8080)), nothing, 'the host is no friend')
  t.match(await askAll(world.path, at(8081)), greeted('uplink'), 'what the host sends comes in by no bridge')
  t.strictSame(await askAll(friends.container.path, [], at(8081)), nothing, 'a container does')
  world.sh(
    `nsenter --net=${peer} sh -c 'ip address flush dev up0
     ip address add 192.0.2.9/24 dev up0; ip address add 2001:db8:ffff::9/64 dev up0 nodad'`,
  )
  const answers = await askAll(peer, at(8081), at(8080))
  t.match(answers.slice(0, 4), greeted('uplink'))
  t.strictSame(answers.slice(4), nothing, 'neither is another address')
})

t.test('datagrams of one client while its container is replaced', { skip }, async t => {
  const world = scene(t, bridged)
  const { host4, host6, peer } = world.uplink!
  const ports = tcpAndUdp(8080, 80)
  const say = (address: string) =>
    ask({ netns: peer, address, port: 8080, transport: 'udp', from: 5555, seconds: 1 })?.split(' ')[0]
  for (const address of [host4, host6]) {
    t.equal(say(address), undefined, 'nobody is there, and conntrack remembers that')
    const first = await attach(world, bridged, ports)
    await serveAll(t, first.container.path, 'first', [80])
    t.equal(say(address), 'first')
    await detach(world, first)
    t.equal(say(address), undefined, 'after DEL')
    const second = await attach(world, bridged, ports)
    await serveAll(t, second.container.path, 'second', [80])
    t.equal(say(address), 'second')
    await detach(world, second)
  }
  t.equal(world.sh('conntrack -L -p udp --orig-port-src 5555 2>/dev/null').includes('10.1.0'), false)
})
