// portmap: what an attachment consists of, CHECK of every piece of it, DEL and GC.
import t, { type Test } from 'tap'
import { type Element, element, keyText, printElement } from '../../kernel/nft/element.js'
import { listRules } from '../../kernel/nft/list-rules.js'
import { ruleText } from '../../kernel/nft/rule.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { inetTable } from '../../plugins/guard/tables.js'
import type { Ip } from '../../wire/ip.js'
import { needs } from '../helpers/needs.js'
import { leasing, type PluginWorld, pluginWorld, type TestContainer } from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

function hosted(name: string, test: (t: Test, world: PluginWorld) => Promise<void>): void {
  t.test(name, { skip }, t => test(t, pluginWorld(t)))
}

/** An attachment to a bridge, and portmap's configuration behind it. */
async function attached(
  world: PluginWorld,
  container: TestContainer,
  portMappings: Conf[],
  { ipam = leasing(world, 1), name = 'net', ...more }: Conf = {},
): Promise<Conf> {
  const bridge = { cniVersion: '1.1.0', name, type: 'bridge', bridge: `br${name}`, isGateway: true, ipam }
  const { prevResult } = await world.add(bridge, container)
  return { cniVersion: '1.1.0', name, type: 'portmap', ...more, prevResult, runtimeConfig: { portMappings } }
}

/** The elements of our sets by the sets' names, without their comments and counters. */
function contents({ ns }: PluginWorld): Record<string, string[]> {
  const sets: Record<string, string[]> = {}
  for (const one of ns.nft.list.table(inetTable) ? ns.nft.list.sets(inetTable) : []) {
    const texts = ns.nft.list
      .elements(one)
      .map(({ kind, set, key, value }) =>
        printElement({ kind, set, key, ...(value !== undefined && { value }) }),
      )
    if (texts.length > 0) sets[one.name] = texts.sort()
  }
  return sets
}

/** What is there for 127.0.0.1 and [::1] has tests of its own. */
const ofLocalhost = /^(loop|localhost4|route-localnet)/

function portContents(world: PluginWorld): Record<string, string[]> {
  return Object.fromEntries(Object.entries(contents(world)).filter(([name]) => !ofLocalhost.test(name)))
}

const both = (...keys: string[]) => keys.flatMap(key => [`original . ${key}`, `reply . ${key}`]).sort()

hosted('a port of any address, to both families', async (t, world) => {
  const c = world.container()
  const conf = await attached(world, c, [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }])
  const { json } = await world.call('ADD', conf, c)
  t.strictSame(json, { cniVersion: '1.1.0', ...conf.prevResult }, 'the result passes through')
  t.strictSame(portContents(world), {
    reserved: ['tcp . 8080'],
    ports4: ['tcp . 8080 : 10.1.0.2 . 80'],
    ports6: ['tcp . 8080 : fd00:1::2 . 80'],
    traffic4: both('tcp . 8080 . 10.1.0.2'),
    traffic6: both('tcp . 8080 . fd00:1::2'),
    'hairpin4-10.1.0.0-24': ['10.1.0.2'],
    'hairpin6-fd00_1__-64': ['fd00:1::2'],
  })
})

const cases: readonly (readonly [
  what: string,
  portMappings: Conf[],
  more: Conf,
  sets: Record<string, string[]>,
])[] = [
  [
    'one family: the port is held in both',
    [{ hostPort: 8080, containerPort: 80 }],
    { families: [4] },
    {
      reserved: ['tcp . 8080'],
      ports4: ['tcp . 8080 : 10.1.0.2 . 80'],
      traffic4: both('tcp . 8080 . 10.1.0.2'),
      'hairpin4-10.1.0.0-24': ['10.1.0.2'],
    },
  ],
  [
    'snat false',
    [{ hostPort: 8080, containerPort: 80 }],
    { families: [4], snat: false },
    {
      reserved: ['tcp . 8080'],
      ports4: ['tcp . 8080 : 10.1.0.2 . 80'],
      traffic4: both('tcp . 8080 . 10.1.0.2'),
    },
  ],
  [
    'masqAll',
    [{ hostPort: 8080, containerPort: 80, protocol: 'sctp' }],
    { families: [6], masqAll: true },
    {
      reserved: ['sctp . 8080'],
      ports6: ['sctp . 8080 : fd00:1::2 . 80'],
      traffic6: both('sctp . 8080 . fd00:1::2'),
      masqall6: ['fd00:1::2'],
    },
  ],
  [
    'a range that agrees is one element',
    [{ hostPort: '9000-9010', containerPort: '9000-9010', protocol: 'udp' }],
    { families: [4], snat: false },
    {
      held: ['1123:2800::-1123:32ff:ffff:ffff:ffff:ffff:ffff:ffff'],
      'ranges-udp4': ['9000-9010 : 10.1.0.2'],
      'traffic-udp4-original': ['9000-9010'],
      'traffic-udp4-reply': ['9000-9010'],
    },
  ],
  [
    'others are one each',
    [
      { hostPort: 9000, containerPort: 80 },
      { hostPort: 9001, containerPort: 81 },
    ],
    { families: [4], snat: false },
    {
      reserved: ['tcp . 9000', 'tcp . 9001'],
      ports4: ['tcp . 9000 : 10.1.0.2 . 80', 'tcp . 9001 : 10.1.0.2 . 81'],
      traffic4: both('tcp . 9000 . 10.1.0.2', 'tcp . 9001 . 10.1.0.2'),
    },
  ],
  [
    'addresses of the host',
    [
      { hostPort: 80, containerPort: 80, hostIP: '192.0.2.1' },
      { hostPort: 80, containerPort: 80, hostIP: '192.0.2.7' },
      { hostPort: 80, containerPort: 81, hostIP: '2001:db8::1' },
      { hostPort: 81, containerPort: 81, hostIP: '0.0.0.0' },
      { hostPort: 81, containerPort: 81, hostIP: '::' },
    ],
    { snat: false },
    {
      held: [
        '600:5004:c000:201::',
        '600:5004:c000:207::',
        '600:5006:177f:5a31:3b8d:d9c2:b7cb:752a',
        '600:5104::/32',
        '600:5106::/32',
      ],
      hostports4: ['tcp . 192.0.2.1 . 80 : 10.1.0.2 . 80', 'tcp . 192.0.2.7 . 80 : 10.1.0.2 . 80'],
      hostports6: ['tcp . 2001:db8::1 . 80 : fd00:1::2 . 81'],
      ports4: ['tcp . 81 : 10.1.0.2 . 81'],
      ports6: ['tcp . 81 : fd00:1::2 . 81'],
      traffic4: both('tcp . 80 . 10.1.0.2', 'tcp . 81 . 10.1.0.2'),
      traffic6: both('tcp . 80 . fd00:1::2', 'tcp . 81 . fd00:1::2'),
    },
  ],
  [
    'a range of one address',
    [{ hostPort: '80-81', containerPort: '80-81', hostIP: '192.0.2.1' }],
    { families: [4], snat: false },
    {
      held: ['600:5004:c000:201::', '600:5104:c000:201::'],
      'ranges-tcp4-192.0.2.1': ['80-81 : 10.1.0.2'],
      'traffic-tcp4-original-192.0.2.1': ['80-81'],
      'traffic-tcp4-reply-192.0.2.1': ['80-81'],
    },
  ],
  [
    '::1 is what stands for it on the loop',
    [
      { hostPort: 80, containerPort: 80, hostIP: '::1' },
      { hostPort: '90-91', containerPort: '90-91', hostIP: '::1' },
    ],
    { families: [6], snat: false },
    {
      held: [
        '600:5006:3b7b:cff:f7ee:c347:615e:70c3',
        '600:5a06:3b7b:cff:f7ee:c347:615e:70c3',
        '600:5b06:3b7b:cff:f7ee:c347:615e:70c3',
      ],
      hostports6: ['tcp . fd70:6c75:6d62:6c6f::1 . 80 : fd00:1::2 . 80'],
      'ranges-tcp6-fd70_6c75_6d62_6c6f__1': ['90-91 : fd00:1::2'],
      traffic6: both('tcp . 80 . fd00:1::2'),
      'traffic-tcp6-original-fd70_6c75_6d62_6c6f__1': ['90-91'],
      'traffic-tcp6-reply-fd70_6c75_6d62_6c6f__1': ['90-91'],
    },
  ],
  [
    'an address of a family that the container has none of',
    [{ hostPort: 80, containerPort: 80, hostIP: '2001:db8::1' }],
    { families: [4], snat: false },
    { held: ['600:5006:177f:5a31:3b8d:d9c2:b7cb:752a'] },
  ],
]

for (const [what, portMappings, { families, ...more }, sets] of cases)
  hosted(what, async (t, world) => {
    const c = world.container()
    const conf = await attached(world, c, portMappings, { ipam: leasing(world, 1, families), ...more })
    const { error, log } = await world.call('ADD', conf, c)
    t.equal(error, undefined)
    t.strictSame(portContents(world), sets)
    t.equal(/leads nowhere/.test(log), !sets.traffic4 && Object.keys(sets).length === 1)
    t.equal((await world.call('CHECK', conf, c)).stdout, '')
    t.equal((await world.call('DEL', conf, c)).stdout, '')
    t.strictSame(portContents(world), {})
    await world.gc(conf, [{ id: c.id }])
    t.strictSame(
      world.nft().filter(each => each.table?.name === 'plumbline'),
      [],
      'GC leaves nothing',
    )
  })

hosted('all addresses of a container', async (t, world) => {
  const c = world.container()
  const addresses = ['10.1.0.2/24', '10.1.0.3/24', '10.7.0.2/32', 'fd00:1::2/64', 'fd00:7::7/128']
  const ipam = { type: 'static', addresses: addresses.map(address => ({ address })) }
  const conf = await attached(world, c, [{ hostPort: 80, containerPort: 80 }], { ipam })
  t.equal((await world.call('ADD', conf, c)).error, undefined)
  const { reserved: _, ...sets } = portContents(world)
  t.strictSame(sets, {
    ports4: ['tcp . 80 : 10.1.0.2 . 80'],
    ports6: ['tcp . 80 : fd00:1::2 . 80'],
    traffic4: both('tcp . 80 . 10.1.0.2'),
    traffic6: both('tcp . 80 . fd00:1::2'),
    'hairpin4-10.1.0.0-24': ['10.1.0.2', '10.1.0.3'],
    'hairpin4-loopback': ['10.7.0.2'],
    'hairpin4-self': ['10.7.0.2 . 10.7.0.2'],
    'hairpin6-fd00_1__-64': ['fd00:1::2'],
    'hairpin6-self': ['fd00:7::7 . fd00:7::7'],
  })
  t.equal((await world.call('CHECK', conf, c)).stdout, '')
})

hosted("conditions are their network's own", async (t, world) => {
  const port = (hostPort: number) => [{ hostPort, containerPort: 80 }]
  const office = { conditionsV4: ['ip', 'saddr', '10.0.0.0/8'] }
  const same = { conditionsV4: ['-s', '10.9.9.9/8'] }
  const [a, b, c, d] = [world.container(), world.container(), world.container(), world.container()]
  const confs: [TestContainer, Conf][] = [
    [a, await attached(world, a, port(1), { name: 'one', ...office })],
    [b, await attached(world, b, port(2), { name: 'one', ...same })],
    [c, await attached(world, c, port(3), { name: 'two', ipam: leasing(world, 2), ...office })],
    [d, await attached(world, d, port(4), { name: 'three', ipam: leasing(world, 3) })],
  ]
  for (const [container, conf] of confs) t.equal((await world.call('ADD', conf, container)).error, undefined)
  const maps = Object.entries(contents(world)).filter(([name]) => name.startsWith('ports4'))
  t.strictSame(maps.map(([, elements]) => elements).sort(), [
    ['tcp . 1 : 10.1.0.2 . 80', 'tcp . 2 : 10.1.0.3 . 80'],
    ['tcp . 3 : 10.2.0.2 . 80'],
    ['tcp . 4 : 10.3.0.2 . 80'],
  ])
  t.strictSame(contents(world).ports6?.length, 4, 'IPv6 has no conditions')
  for (const [container, conf] of confs) t.equal((await world.call('CHECK', conf, container)).stdout, '')
  for (const [container, conf] of confs) await world.call('DEL', conf, container)
  t.strictSame(portContents(world), {})
})

hosted('without mappings portmap does nothing', async (t, world) => {
  for (const portMappings of [[], undefined]) {
    const c = world.container()
    const conf = await attached(world, c, portMappings as Conf[], { name: `net${portMappings}` })
    const before = world.glance(c)
    const { json } = await world.call('ADD', conf, c)
    t.strictSame(json, { cniVersion: '1.1.0', ...conf.prevResult })
    t.equal((await world.call('CHECK', conf, c)).stdout, '')
    t.equal((await world.call('DEL', conf, c)).stdout, '')
    t.strictSame(world.glance(c), before)
  }
})

hosted('the place of portmap is in a chain', async (t, world) => {
  const c = world.container()
  const conf = { cniVersion: '1.1.0', name: 'net', type: 'portmap' }
  for (const runtimeConfig of [{}, { portMappings: [{ hostPort: 80, containerPort: 80 }] }])
    t.match((await world.call('ADD', { ...conf, runtimeConfig }, c)).error, {
      code: 7,
      msg: 'portmap must be called as a chained plugin: there is no "prevResult"',
    })
  t.equal((await world.call('STATUS', conf)).stdout, '')
})

const everything: Conf[] = [
  { hostPort: 8080, containerPort: 80 },
  { hostPort: '9000-9002', containerPort: '9000-9002', protocol: 'udp' },
  { hostPort: 53, containerPort: 53, protocol: 'udp', hostIP: '192.0.2.1' },
  { hostPort: '60-61', containerPort: '60-61', hostIP: '2001:db8::1' },
]

const conditions = {
  conditionsV4: ['-s', '10.0.0.0/8,192.168.0.0/16', '!', '-i', 'eth+'],
  conditionsV6: ['ip6 saddr != fd00::/8', 'iifname { eth0, eth1 }', 'meta mark & 1 == 1'],
}

hosted('CHECK misses every piece', async (t, world) => {
  const c = world.container()
  const conf = await attached(world, c, everything, { masqAll: true, ...conditions })
  t.equal((await world.call('ADD', conf, c)).error, undefined)
  const { nft } = world.ns
  const check = async () => (await world.call('CHECK', conf, c)).error
  t.equal(await check(), undefined)

  const sets = nft.list.sets(inetTable).filter(({ name }) => !ofLocalhost.test(name))
  for (const one of sets.flatMap(set => nft.list.elements(set))) {
    const key = keyText(one)
    nft.run(new NftTransaction().delete(element({ set: one.set, key: one.key })))
    t.match(await check(), {
      code: 100,
      msg: `${key} is gone from nftables set inet plumbline ${one.set.name}`,
    })
    const wrong = altered(one)
    nft.run(new NftTransaction().create(wrong))
    t.match(await check(), { code: 100, msg: new RegExp(`inet plumbline ${one.set.name} `) }, key)
    nft.run(new NftTransaction().delete(wrong).create(one))
  }

  const rules = listRules(nft.list, inetTable).filter(
    ({ comment }) => comment !== undefined && !ofLocalhost.test(comment),
  )
  for (const one of rules) {
    nft.run(new NftTransaction().delete(one))
    t.match(await check(), { code: 100, msg: new RegExp(one.comment!) }, ruleText(one))
    const { handle: _, ...again } = one
    nft.run(new NftTransaction().add(again))
  }
  const generation = nft.list.generation()
  t.equal(await check(), undefined)
  t.equal(nft.list.generation(), generation, 'CHECK changes nothing')

  nft.run(new NftTransaction().delete(inetTable))
  t.match(await check(), { code: 100 })
  t.equal((await world.call('DEL', conf, c)).stdout, '')
})

/** The same key with another value; where there is none, of another owner. */
function altered(one: Element): Element {
  const { value, counter: _, ...rest } = one
  if (!Array.isArray(value)) return { ...rest, comment: 'plvaaaaaaaaaaaa' }
  const [address, port] = value as [Ip, number?]
  return { ...rest, value: port === undefined ? [address.add(1)] : [address, port + 1] }
}

hosted('DEL needs neither a result nor a namespace nor the same keys', async (t, world) => {
  const c = world.container()
  const before = world.glance().elements
  const {
    prevResult: _,
    runtimeConfig: __,
    ...bare
  } = await (async () => {
    const conf = await attached(world, c, everything)
    t.equal((await world.call('ADD', conf, c)).error, undefined)
    return conf
  })()
  t.equal((await world.call('DEL', bare, c, { netns: undefined })).stdout, '')
  t.strictSame(portContents(world), {})
  t.equal((await world.call('DEL', bare, c, { netns: undefined })).stdout, '', 'again')
  t.strictSame(before, [])
})

hosted('GC takes what is not valid, and leaves the rest', async (t, world) => {
  const [a, b] = [world.container(), world.container()]
  const confA = await attached(world, a, [{ hostPort: 1, containerPort: 80 }])
  const confB = await attached(world, b, [{ hostPort: 2, containerPort: 80 }])
  await world.call('ADD', confA, a)
  await world.call('ADD', confB, b)
  t.equal((await world.gc(confA, [{ id: b.id }])).stdout, '')
  t.strictSame(portContents(world).ports4, ['tcp . 2 : 10.1.0.3 . 80'])
  t.strictSame(portContents(world).reserved, ['tcp . 2'])
  t.equal((await world.call('CHECK', confB, b)).stdout, '')
})

hosted('a second ADD is refused, and one after an earlier life clears that away', async (t, world) => {
  const c = world.container()
  const conf = await attached(world, c, [{ hostPort: 1, containerPort: 80 }])
  await world.call('ADD', conf, c)
  t.match((await world.call('ADD', conf, c)).error, { code: 102 })
  t.strictSame(portContents(world).reserved, ['tcp . 1'])
  const other = { ...conf, runtimeConfig: { portMappings: [{ hostPort: 2, containerPort: 80 }] } }
  const reborn = world.container()
  t.equal((await world.call('ADD', other, reborn, { id: c.id })).error, undefined)
  t.strictSame(portContents(world).reserved, ['tcp . 2'])
})
