// Published ports with real connections: addresses of the host, ranges, conditions, masquerading, datagrams of patient clients.
import t from 'tap'
import { askAll } from '../helpers/ask-all.js'
import { needs } from '../helpers/needs.js'
import { attach, bridged, detach, scene, tcpAndUdp, twice } from '../helpers/portmap.js'
import { serveAll } from '../helpers/serve-all.js'
import { ask } from '../helpers/service.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter', 'conntrack', 'python3')

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
