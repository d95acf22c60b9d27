// bandwidth, inline and chained: what ADD makes, that CHECK sees each piece of it, that DEL and GC take all of it away, and what
// happens when something is in the way.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { AttachmentKey } from '../../cni/call.js'
import { allVersions } from '../../cni/plugin.js'
import { type Limited, shaping, toBeLimited, ways, withLimits, withResult } from '../helpers/limiting.js'
import { needs } from '../helpers/needs.js'
import type { Json } from '../helpers/netns.js'
import { bridgeConf, type PluginWorld, plainConf, pluginWorld } from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

const both: Conf = { ingressRate: 80e6, ingressBurst: 1_600_000, egressRate: 40e6 }

/** As tc says it: rates in bytes a second. */
const toContainer = { root: 'tbf', rate: 10e6, burst: 200_000 }
const fromContainer = { root: 'tbf', rate: 5e6, burst: 50_000, others: [], to: [] }

function eachWay(name: string, test: (t: Test, world: PluginWorld, way: string) => Promise<void>): void {
  t.test(name, { skip }, async t => {
    for (const way of Object.keys(ways)) await t.test(way, t => test(t, pluginWorld(t), way))
  })
}

const isInline = (way: string) => way.startsWith('in ')

/** Everything outside of the container, filters too. */
function outside(world: PluginWorld) {
  const links = world.ip('link show').map(({ ifname }: Json) => ifname) as string[]
  return { ...world.outside(), shaping: links.map(link => [link, shaping(world, link)]) }
}

eachWay('ADD and DEL', async (t, world, way) => {
  const before = await toBeLimited(world, way, both)
  // A bridge stays, and so it is made before.
  if (isInline(way)) {
    const { container, conf } = await withLimits(world, way, both)
    await world.call('DEL', conf, container)
  }
  const then = outside(world)
  const { code, json, stdout, log } = await before.call('ADD')
  t.equal(code, 0, stdout)
  t.equal(log, '')
  const { conf, end, ifb, call } = known(before, json)
  t.strictSame(shaping(world, end), { ...toContainer, others: ['ingress'], to: [ifb] })
  t.strictSame(shaping(world, ifb), fromContainer)
  const [link] = world.ip(`-d link show ${ifb}`)
  t.match(link, { linkinfo: { info_kind: 'ifb' }, num_tx_queues: 1, group: String(0x706c) })
  t.ok(link.flags.includes('UP'))
  t.strictSame(world.ip(`address show ${ifb}`)[0].addr_info, [], 'no address of its own')
  t.strictSame(json.interfaces.at(-1), { name: ifb, mac: link.address })
  const told = before.conf.prevResult?.interfaces
  if (told) t.strictSame(json.interfaces.slice(0, -1), told, 'what came before is passed on')
  for (const { interface: index } of json.ips)
    t.ok(json.interfaces[index].sandbox, "addresses are the container's")
  const up = world.ip(`link show ${end}`)[0].flags
  t.ok(up.includes('UP'), 'the host end is up')
  t.equal((await call('CHECK')).stdout, '')
  t.match((await call('ADD', { conf: before.conf })).error, { code: 102 }, 'a second ADD')
  for (const _ of [1, 2]) t.equal((await call('DEL', { conf })).stdout, '')
  t.strictSame(outside(world), then)
})

eachWay('one direction', async (t, world, way) => {
  const { ingressRate, ingressBurst, egressRate } = both
  const to = await withLimits(world, way, { ingressRate, ingressBurst })
  t.strictSame(shaping(world, to.end), { ...toContainer, others: [], to: [] })
  t.notMatch(world.ip('link show'), [{ ifname: to.ifb }])
  t.notOk(JSON.stringify(to.conf.prevResult).includes(to.ifb))
  const from = await withLimits(world, way, { egressRate })
  t.match(shaping(world, from.end), { root: 'noqueue', others: ['ingress'], to: [from.ifb] })
  t.strictSame(shaping(world, from.ifb), fromContainer)
  for (const one of [to, from]) {
    t.equal((await one.call('CHECK')).stdout, '')
    t.equal((await one.call('DEL')).stdout, '')
  }
})

eachWay('nothing to limit', async (t, world, way) => {
  const { conf, end, call } = await withLimits(world, way, { ingressRate: 0, egressRate: 0 })
  t.match(shaping(world, end), { root: 'noqueue', others: [], to: [] })
  t.equal((await call('CHECK')).stdout, '')
  t.equal((await call('DEL')).stdout, '')
  const records = Object.keys(world.outside().records)
  t.notOk(
    records.some(path => path.endsWith(`.${conf.type}.json`)),
    'nor on record',
  )
})

t.test('every version', { skip }, async t => {
  const world = pluginWorld(t)
  for (const cniVersion of allVersions) {
    const { conf, call, container } = await toBeLimited(world, 'behind bridge', both)
    const [{ address }] = conf.prevResult.ips
    const old = { cniVersion, ip4: { ip: address } }
    const prevResult = /^0\.[12]/.test(cniVersion) ? old : { ...conf.prevResult, cniVersion }
    const { code, stdout, json } = await call('ADD', { conf: { ...conf, cniVersion, prevResult } })
    t.equal(code, 0, `${cniVersion}: ${stdout}`)
    t.equal(json.cniVersion, cniVersion)
    t.equal((await call('DEL', { conf: { ...conf, cniVersion, prevResult: json } })).stdout, '')
    container.remove()
  }
})

t.test('without a previous result', { skip }, async t => {
  const world = pluginWorld(t)
  const conf = { cniVersion: '1.1.0', name: 'alone', type: 'bandwidth', ...both }
  const refused = await world.call('ADD', conf, world.container())
  t.match(refused.error, { code: 7, msg: /must be called as a chained plugin/ })
})

t.test('warnings', { skip }, async t => {
  const world = pluginWorld(t)
  const absurd = await toBeLimited(world, 'in bridge', { ingressRate: 80e6, ingressBurst: 2 ** 31 - 1 })
  const { log, json } = await absurd.call('ADD')
  t.match(log, /"level":"warn".*bandwidth.ingressBurst of 2147483647 bits .* using 8000000/)
  t.match(shaping(world, known(absurd, json).end), { rate: 10e6, burst: 1e6 }, 'a tenth of a second')
  const tiny = await toBeLimited(world, 'behind bridge', { egressRate: 80e6, egressBurst: 800 })
  t.match((await tiny.call('ADD')).log, /egressBurst of 800 bits is less than a packet; using 12144/)
  t.match(shaping(world, tiny.ifb).burst, /^15\d\d$/)
})

type Alterations = Readonly<Record<string, { host(limited: Limited): string; msg: RegExp }>>

const alterations: Alterations = {
  'bucket to the container removed': {
    host: ({ end }) => `tc qdisc del dev ${end} root`,
    msg: /^qdisc tbf is gone from (pl|veth)\w+$/,
  },
  'bucket to the container replaced': {
    host: ({ end }) => `tc qdisc replace dev ${end} root handle 9: pfifo limit 7`,
    msg: /^qdisc tbf is gone from (pl|veth)\w+, which has another one \(pfifo\)$/,
  },
  'another bucket': {
    host: ({ end }) => `tc qdisc replace dev ${end} root handle 9: tbf rate 80mbit burst 200000 limit 250000`,
    msg: /^qdisc tbf is gone from (pl|veth)\w+, which has another one \(tbf\)$/,
  },
  'rate to the container changed': {
    host: ({ end }) =>
      `tc qdisc change dev ${end} root handle 706c: tbf rate 81mbit burst 200000 limit 250000 peakrate 32gbit mtu 31250`,
    msg: /^qdisc tbf of (pl|veth)\w+ has a rate of 10125000 bytes\/s, not 10000000$/,
  },
  'queue to the container changed': {
    host: ({ end }) =>
      `tc qdisc change dev ${end} root handle 706c: tbf rate 80mbit burst 200000 limit 260000 peakrate 32gbit mtu 31250`,
    msg: /^qdisc tbf of (pl|veth)\w+ has a limit of 260000 bytes, not 250000$/,
  },
  'burst to the container changed': {
    host: ({ end }) =>
      `tc qdisc change dev ${end} root handle 706c: tbf rate 80mbit burst 210000 limit 250000 peakrate 32gbit mtu 31250`,
    msg: /^qdisc tbf of (pl|veth)\w+ has a burst of 2\d{5} bytes, not 200000$/,
  },
  'largest packet changed': {
    host: ({ end }) =>
      `tc qdisc change dev ${end} root handle 706c: tbf rate 80mbit burst 200000 limit 250000`,
    msg: /^qdisc tbf of (pl|veth)\w+ has a peak rate of 0 bytes\/s, not 4000000000$/,
  },
  'another queue below': {
    host: ({ end }) => `tc qdisc add dev ${end} parent 706c:1 handle 77: pfifo limit 2`,
    msg: /^qdisc pfifo is in the place of its queue below tbf of (pl|veth)\w+$/,
  },
  'bucket from the container removed': {
    host: ({ ifb }) => `tc qdisc del dev ${ifb} root`,
    msg: /^qdisc tbf is gone from plb\w+/,
  },
  'rate from the container changed': {
    host: ({ ifb }) =>
      `tc qdisc change dev ${ifb} root handle 706c: tbf rate 1mbit burst 50000 limit 125000 peakrate 32gbit mtu 15625`,
    msg: /^qdisc tbf of plb\w+ has a rate of 125000 bytes\/s, not 5000000$/,
  },
  'ifb removed': { host: ({ ifb }) => `ip link del ${ifb}`, msg: /^ifb plb\w+ is gone$/ },
  'ifb down': { host: ({ ifb }) => `ip link set ${ifb} down`, msg: /^ifb plb\w+ is down$/ },
  'ifb replaced by another kind': {
    host: ({ ifb }) => `ip link del ${ifb}; ip link add ${ifb} type veth peer name other`,
    msg: /^plb\w+ is no ifb$/,
  },
  'another ifb of that name': {
    host: ({ ifb }) => `ip link del ${ifb}; ip link add ${ifb} type ifb; ip link set ${ifb} up`,
    msg: /^filter u32 of (pl|veth)\w+ does not redirect every packet to plb\w+$/,
  },
  'ingress removed': {
    host: ({ end }) => `tc qdisc del dev ${end} ingress`,
    msg: /^qdisc ingress is gone from (pl|veth)\w+$/,
  },
  'filter removed': {
    host: ({ end }) => `tc filter del dev ${end} ingress`,
    msg: /^filter u32 is gone from (pl|veth)\w+$/,
  },
  'filter for some packets only': {
    host: ({ end, ifb }) => `tc filter del dev ${end} ingress
      tc filter add dev ${end} parent ffff: prio 1 protocol all u32 match u32 1 1 action mirred egress redirect dev ${ifb}`,
    msg: /^filter u32 of (pl|veth)\w+ does not redirect every packet to plb\w+$/,
  },
  'filter to another link': {
    host: ({ end }) => `tc filter del dev ${end} ingress
      tc filter add dev ${end} parent ffff: prio 1 protocol all u32 match u32 0 0 action mirred egress redirect dev lo`,
    msg: /^filter u32 of (pl|veth)\w+ does not redirect every packet to plb\w+$/,
  },
  'filter that copies': {
    host: ({ end, ifb }) => `tc filter del dev ${end} ingress
      tc filter add dev ${end} parent ffff: prio 1 protocol all u32 match u32 0 0 action mirred egress mirror dev ${ifb}`,
    msg: /^filter u32 of (pl|veth)\w+ does not redirect every packet to plb\w+$/,
  },
}

for (const way of ['in bridge', "behind somebody else's"])
  t.test(`CHECK, ${way}`, { skip }, async t => {
    const world = pluginWorld(t)
    const container = world.container()
    for (const [what, { host, msg }] of Object.entries(alterations)) {
      const limited = await withLimits(world, way, both, { container })
      const look = () => world.sh(`tc qdisc; tc filter show dev ${limited.end} ingress; ip -br link`)
      t.equal((await limited.call('CHECK')).stdout, '', 'as it was made')
      world.sh(host(limited))
      const altered = look()
      t.match((await limited.call('CHECK')).error, { code: 100, msg }, what)
      t.equal(look(), altered, `${what}: CHECK changes nothing`)
      t.equal((await limited.call('DEL')).stdout, '', `${what}: DEL`)
      world.trySh('ip link del other')
      await afterDel(limited, way)
      t.notMatch(world.sh('tc qdisc; ip -br link'), /tbf|pfifo|ingress|plb/, `${what}: nothing is left`)
    }
  })

t.test('CHECK, the host end removed', { skip }, async t => {
  const world = pluginWorld(t)
  const { end, call } = await withLimits(world, "behind somebody else's", both)
  world.sh(`ip link del ${end}`)
  t.match((await call('CHECK')).error, { code: 100, msg: `host interface ${end} is gone` })
  t.equal((await call('DEL')).stdout, '')
  t.strictSame(
    world.ip('link show').map(({ ifname }: Json) => ifname),
    ['lo'],
  )
})

eachWay('two attachments of one container', async (t, world, way) => {
  const container = world.container()
  const first = await withLimits(world, way, both, { container })
  const alone = outside(world)
  const second = await withLimits(world, way, both, { container, ifname: 'eth1' })
  t.not(first.ifb, second.ifb)
  t.match(shaping(world, second.end), { rate: 10e6, to: [second.ifb] })
  for (const { call } of [first, second]) t.equal((await call('CHECK')).stdout, '')
  t.equal((await second.call('DEL')).stdout, '')
  await afterDel(second, way)
  t.equal((await first.call('CHECK')).stdout, '')
  t.strictSame(outside(world), alone, 'the first is as it was')
})

eachWay('leftovers of an ADD that was killed', async (t, world, way) => {
  const { conf, key, call, end, ifb } = await withLimits(world, way, both)
  const path = recordPath(world, key, conf.type)
  for (const undone of [
    'true',
    `tc qdisc del dev ${end} root`,
    `tc qdisc del dev ${end} ingress`,
    `ip link del ${ifb}`,
  ]) {
    world.sh(undone)
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), state: 'adding' }))
    const { code, json, stdout } = await call('ADD', { conf: prior(conf) })
    t.equal(code, 0, `${undone}: ${stdout}`)
    t.equal((await call('CHECK', { conf: { ...conf, prevResult: json } })).stdout, '')
  }
})

eachWay('without a record', async (t, world, way) => {
  const { conf, key, call, ifb } = await withLimits(world, way, both)
  const forget = () => rmSync(recordPath(world, key, conf.type))
  forget()
  if (isInline(way)) {
    t.equal((await call('DEL')).stdout, '')
    world.sh(`ip link add ${ifb} type ifb`)
  }
  const again = await call('ADD', { conf: prior(conf) })
  t.equal(again.code, 0, `what is left is replaced ${again.stdout}`)
  const added = { ...conf, prevResult: again.json }
  t.equal((await call('CHECK', { conf: added })).stdout, '')
  forget()
  t.equal((await call('DEL', { conf: added })).stdout, '', 'DEL')
  t.notMatch(JSON.stringify(outside(world).shaping), /tbf|ingress|plb/)
  t.equal((await call('DEL', { conf: added })).stdout, '', 'and once more')
})

t.test('GC', { skip }, async t => {
  for (const way of ['in bridge', 'behind bridge'])
    await t.test(way, async t => {
      const world = pluginWorld(t)
      const a = await withLimits(world, way, both)
      const c = await withLimits(world, way, both, { ifname: 'eth1' })
      await withLimits(world, way, both)
      world.sh('ip link add plbelsewhere0 type ifb; ip link add ifb7 type ifb')
      // c's record is lost, but it is valid; the third is not valid; an orphan of the network is on no record at all.
      rmSync(recordPath(world, c.key, c.conf.type))
      const orphan = a.ifb.slice(0, 7).padEnd(15, 'q')
      world.sh(`ip link add ${orphan} group ${0x706c} type ifb`)
      const valid = [{ id: a.container.id }, { id: c.container.id, ifname: 'eth1' }]
      t.equal((await world.gc(prior(a.conf), valid)).stdout, '')
      const links = world.ip('link show').map(({ ifname }: Json) => ifname)
      t.strictSame(
        links.filter((name: string) => name.startsWith('plb') || name === 'ifb7').sort(),
        [a.ifb, c.ifb, 'ifb7', 'plbelsewhere0'].sort(),
      )
      t.equal((await a.call('CHECK')).stdout, '')
    })
})

t.test('what is in the way', { skip }, async t => {
  const world = pluginWorld(t)
  await t.test('limits of another plugin', async t => {
    const inline = await withLimits(world, 'in bridge', both)
    const conf = { ...inline.conf, type: 'bandwidth', bandwidth: undefined, ...both }
    const before = outside(world)
    const refused = await inline.call('ADD', { conf })
    t.match(refused.error, { code: 7, msg: `${inline.end} is limited already by bridge` })
    t.equal((await inline.call('DEL', { conf })).stdout, '', 'and the DEL that follows leaves them alone')
    t.strictSame(outside(world), before)
    t.equal((await inline.call('CHECK')).stdout, '')
  })
  for (const [what, made] of [
    ['root', 'tc qdisc add dev END root handle 1: tbf rate 1mbit burst 5k limit 10k'],
    [
      'ingress',
      `tc qdisc add dev END ingress
      tc filter add dev END parent ffff: prio 5 protocol all u32 match u32 0 0 action mirred egress redirect dev lo`,
    ],
    [
      'clsact',
      'tc qdisc add dev END clsact; tc filter add dev END ingress prio 1 protocol all u32 match u32 1 1 action mirred egress mirror dev lo',
    ],
  ] as const)
    await t.test(`somebody else's qdisc: ${what}`, async t => {
      const limited = await toBeLimited(world, "behind somebody else's", both)
      world.sh(made.replaceAll('END', limited.end))
      const before = outside(world)
      t.match((await limited.call('ADD')).error, {
        code: 7,
        msg: `${limited.end} has a qdisc that bandwidth has not made`,
      })
      t.strictSame(outside(world), before)
      t.equal((await limited.call('DEL')).stdout, '')
      t.strictSame(outside(world), before)
    })
})

t.test('STATUS', { skip }, async t => {
  const world = pluginWorld(t)
  const before = world.outside()
  for (const conf of [
    { cniVersion: '1.1.0', name: 'limits', type: 'bandwidth' },
    bridgeConf(world, { bandwidth: both }),
    plainConf(),
  ])
    t.strictSame(await world.call('STATUS', conf), {
      code: 0,
      json: undefined,
      error: undefined,
      stdout: '',
      log: '',
    })
  t.strictSame(world.outside(), before, 'the host is as it was')
})

function recordPath({ runDir }: PluginWorld, key: AttachmentKey, type: string): string {
  return `${runDir}/attachments/${key.network}/${key.containerId}@${key.ifname}.${type}.json`
}

/** As ADD gets it: without the result, where the plugin is the first. */
function prior(conf: Conf): Conf {
  const { prevResult, ...rest } = conf
  if (conf.type !== 'bandwidth') return rest
  const interfaces = prevResult.interfaces.filter(({ name }: Conf) => !name.startsWith('plb'))
  return { ...rest, prevResult: { ...prevResult, interfaces } }
}

function known({ world, container, key, conf }: Limited, result: Conf): Limited {
  return withResult(world, { ...conf, prevResult: result }, container, key.ifname)
}

/** Behind another plugin its interface is still there. */
async function afterDel({ world, container, conf, key, end }: Limited, way: string): Promise<void> {
  if (way === 'behind bridge')
    await world.call('DEL', { ...bridgeConf(world), prevResult: conf.prevResult }, container, {
      ifname: key.ifname,
    })
  else if (!isInline(way)) world.sh(`ip link del ${end}`)
}
