// Ports that two attachments want: who came first keeps them, whoever they are mapped by.
import { rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { printElement } from '../../kernel/nft/element.js'
import { hostIfname } from '../../plugins/names.js'
import { needs } from '../helpers/needs.js'
import { leasing, type PluginWorld, pluginWorld, type TestContainer } from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

interface Claim {
  readonly name: string
  readonly ports: readonly [first: number, last: number]
  /** Of the container; by default the same. */
  readonly to?: number
  readonly protocol?: string
  readonly hostIP?: string
  readonly keys?: Conf
}

const claims: readonly Claim[] = [
  { name: 'single', ports: [8080, 8080], to: 80 },
  { name: 'single of udp', ports: [8080, 8080], protocol: 'udp' },
  {
    name: 'single with conditions',
    ports: [8080, 8080],
    keys: { conditionsV4: ['ip', 'saddr', '10.0.0.0/8'] },
  },
  { name: 'range', ports: [8000, 8100] },
  { name: 'long range', ports: [7000, 8081] },
  { name: 'range beside it', ports: [8101, 8110] },
  { name: 'range that ends with it', ports: [8070, 8080] },
  { name: 'range to other ports', ports: [8079, 8081], to: 79 },
  { name: 'any IPv4', ports: [8080, 8080], hostIP: '0.0.0.0' },
  { name: 'any IPv6', ports: [8080, 8080], hostIP: '::' },
  { name: 'range of any IPv4', ports: [8075, 8085], hostIP: '0.0.0.0' },
  { name: 'one address', ports: [8080, 8080], to: 80, hostIP: '192.0.2.1' },
  { name: 'another address', ports: [8080, 8080], hostIP: '192.0.2.2' },
  { name: 'range of one address', ports: [8078, 8088], hostIP: '192.0.2.1' },
  { name: 'one IPv6 address', ports: [8080, 8080], hostIP: '2001:db8::1' },
  { name: '::1', ports: [8080, 8080], hostIP: '::1' },
]

const named = (wanted: string) => claims.find(({ name }) => name === wanted)!

/** Said in another way than the code under test says it: every (protocol, port, address) of a small world. */
function atoms({ ports: [first, last], protocol = 'tcp', hostIP }: Claim): Set<string> {
  const worlds: Record<string, string[]> = {
    4: ['192.0.2.1', '192.0.2.2', 'others of 4'],
    6: ['2001:db8::1', '::1', 'others of 6'],
  }
  const addresses =
    hostIP === undefined
      ? [...worlds[4]!, ...worlds[6]!]
      : hostIP === '0.0.0.0'
        ? worlds[4]!
        : hostIP === '::'
          ? worlds[6]!
          : [hostIP]
  const all = new Set<string>()
  for (let port = first; port <= last; port++)
    for (const address of addresses) all.add(`${protocol} ${port} ${address}`)
  return all
}

const clash = (a: Claim, b: Claim) => [...atoms(a)].some(atom => atoms(b).has(atom))

function mapping({ ports: [first, last], to = first, protocol = 'tcp', hostIP = '' }: Claim): Conf {
  const text = (port: number) => (first === last ? port : `${port}-${port + last - first}`)
  return { hostPort: text(first), containerPort: text(to), protocol, hostIP }
}

async function bridged(world: PluginWorld, container: TestContainer, name = 'net'): Promise<Conf> {
  const bridge = { cniVersion: '1.1.0', name, type: 'bridge', bridge: `br${name}`, ipam: leasing(world, 1) }
  const { prevResult } = await world.add(bridge, container)
  return { cniVersion: '1.1.0', name, type: 'portmap', prevResult }
}

const asking = (conf: Conf, claim: Claim): Conf => ({
  ...conf,
  ...claim.keys,
  runtimeConfig: { portMappings: [mapping(claim)] },
})

/** The elements of single attachments: whose, in which set, and what. */
const ours = ({ ns }: PluginWorld) =>
  ns.nft.list
    .tables()
    .flatMap(table => ns.nft.list.sets(table).flatMap(set => ns.nft.list.elements(set)))
    .filter(({ comment }) => comment !== 'shared')
    .map(one => `${one.set.name} ${printElement(one)}`)
    .sort()

t.test('who came first keeps the port', { skip }, async t => {
  const world = pluginWorld(t)
  const [a, b] = [world.container(), world.container()]
  const [confA, confB] = [await bridged(world, a), await bridged(world, b)]
  for (const first of claims) {
    t.equal((await world.call('ADD', asking(confA, first), a)).stdout === '', false)
    const held = ours(world)
    for (const second of claims) {
      const conf = asking(confB, second)
      const { error } = await world.call('ADD', conf, b)
      const what = `${first.name}, then ${second.name}`
      if (clash(first, second)) {
        t.match(error, { code: 106, msg: new RegExp(`^host port .* is held by net/${a.id}/eth0$`) }, what)
        t.strictSame(ours(world), held, `${what}: nothing has changed`)
      } else t.equal(error, undefined, what)
      await world.call('DEL', conf, b)
      t.strictSame(ours(world), held, `${what}: DEL leaves the first alone`)
    }
    await world.call('DEL', asking(confA, first), a)
  }
})

t.test('the message', { skip }, async t => {
  const world = pluginWorld(t)
  const [a, b] = [world.container(), world.container()]
  const confA = asking(await bridged(world, a, 'one'), { name: '', ports: [53, 53], protocol: 'udp' })
  const confB = await bridged(world, b, 'two')
  await world.call('ADD', confA, a)
  const { error } = await world.call('ADD', asking(confB, { name: '', ports: [50, 60], protocol: 'udp' }), b)
  t.match(error, {
    code: 106,
    msg: `host port 50-60/udp is held by one/${a.id}/eth0`,
    details: 'choose another port, or remove that attachment first',
  })
})

t.test('one container, two attachments', { skip }, async t => {
  const world = pluginWorld(t)
  const c = world.container()
  const one = asking(await bridged(world, c), { name: '', ports: [80, 80] })
  const bridge = {
    cniVersion: '1.1.0',
    name: 'net',
    type: 'bridge',
    bridge: 'brnet',
    ipam: leasing(world, 1),
  }
  const second = await world.add(bridge, c, { ifname: 'eth1' })
  const two = { ...one, prevResult: second.prevResult }
  t.equal((await world.call('ADD', one, c)).error, undefined)
  t.match((await world.call('ADD', two, c, { ifname: 'eth1' })).error, { msg: /held by net\/.*\/eth0$/ })
  const other = asking(two, { name: '', ports: [81, 81] })
  t.equal((await world.call('ADD', other, c, { ifname: 'eth1' })).error, undefined)
  await world.call('DEL', other, c, { ifname: 'eth1' })
  t.equal((await world.call('CHECK', one, c)).stdout, '', 'the first is untouched')
})

/** As a killed call leaves it, where its record was lost: elements that nobody has on record. */
async function orphaned(world: PluginWorld, claim: Claim): Promise<void> {
  const c = world.container()
  await world.call('ADD', asking(await bridged(world, c), claim), c)
  rmSync(`${world.runDir}/attachments`, { recursive: true })
}

t.test('leftovers hold nothing', { skip }, async t => {
  for (const left of claims) {
    const world = pluginWorld(t as Test)
    await orphaned(world, left)
    const c = world.container()
    const conf = asking(await bridged(world, c), left)
    t.equal((await world.call('ADD', conf, c)).error, undefined, `${left.name} again`)
    t.equal((await world.call('CHECK', conf, c)).stdout, '')
    await world.call('DEL', conf, c)
  }
  for (const [left, wanted] of [
    [named('range'), named('single')],
    [named('single'), named('range')],
    [named('one address'), named('single')],
    [named('single'), named('any IPv4')],
    [named('single'), named('long range')],
  ] as const) {
    const world = pluginWorld(t as Test)
    await orphaned(world, left)
    const c = world.container()
    const conf = asking(await bridged(world, c), wanted)
    t.equal((await world.call('ADD', conf, c)).error, undefined, `${wanted.name} over ${left.name}`)
    t.equal((await world.call('CHECK', conf, c)).stdout, '')
  }
})

t.test('an ADD that was killed before it was refused takes nothing of the holder', { skip }, async t => {
  for (const claim of ['single', 'range', 'long range', 'one address', 'range of one address'].map(named)) {
    const world = pluginWorld(t as Test)
    const [a, b] = [world.container(), world.container()]
    const confA = asking(await bridged(world, a), claim)
    const confB = asking(await bridged(world, b), claim)
    t.equal((await world.call('ADD', confA, a)).error, undefined)
    // What a kill between the record and the batch leaves: the record. Nothing is undone by the call itself.
    const store = `${world.runDir}/attachments/net`
    const record = world.sh(`cat ${store}/${a.id}@eth0.portmap.json`)
    const killed = [
      [a.id, b.id],
      [a, b].map(({ id }) => hostIfname({ network: 'net', containerId: id, ifname: 'eth0' })),
      ['"attached"', '"adding"'],
      ['10.1.0.2', '10.1.0.3'],
      ['fd00:1::2', 'fd00:1::3'],
    ].reduce((text, [from, to]) => text.replaceAll(from!, to!), record)
    world.sh(`cat >${store}/${b.id}@eth0.portmap.json <<'END'\n${killed}\nEND`)
    t.equal((await world.call('DEL', confB, b)).stdout, '')
    t.equal((await world.call('CHECK', confA, a)).stdout, '', `${claim.name}: all is there`)
  }
})
