// ADD twice, DEL in every state of decay, GC with and without records: for bridge (with and without IPAM) and ptp, two
// networks side by side with the same subnet, and nothing of the other's is touched.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { needs } from '../helpers/needs.js'
import type { Json } from '../helpers/netns.js'
import {
  type Answer,
  bridgeConf,
  confs,
  leasing,
  type PluginWorld,
  plainConf,
  pluginWorld,
  ptpConf,
  type TestContainer,
} from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

/** A neighbour in the same subnet, by another network: its own bridge, its own leases, the same set of addresses. */
function neighbourOf(world: PluginWorld, conf: Conf): Conf {
  const upper = (set: Conf[]) =>
    set.map(range => ({
      ...range,
      rangeStart: range.subnet.includes(':') ? range.subnet.replace('::/64', '::80') : '10.1.0.128',
    }))
  return {
    ...bridgeConf(world, { name: 'neighbour', bridge: 'brnext', isDefaultGateway: false }),
    ...(conf.type === 'bridge' && conf.ipam && { bridge: conf.bridge, isDefaultGateway: true }),
    ipam: { ...leasing(world, 1), ranges: leasing(world, 1).ranges.map(upper) },
  }
}

interface Scene {
  readonly t: Test
  readonly world: PluginWorld
  readonly conf: Conf
  readonly container: TestContainer
  /** The configuration with ADD's result. */
  readonly added: Conf
  /** Another container of the same network. */
  readonly sibling: TestContainer
}

function succeeds({ t }: Scene, { code, stdout, log }: Answer, what: string): void {
  t.match({ code, stdout }, { code: 0, stdout: '' }, `${what} ${log}`)
}

const scenes = new Map<string, (scene: Scene) => Promise<void>>()

/** A test with an attachment, beside one of the same network and one of another. Afterwards only these two are left. */
function each(name: string, test: (scene: Scene) => Promise<void>): void {
  scenes.set(name, test)
}

async function play(t: Test, confOf: (world: PluginWorld) => Conf): Promise<void> {
  const world = pluginWorld(t)
  const conf = confOf(world)
  const neighbour = neighbourOf(world, conf)
  const [sibling, next] = [world.container(), world.container()]
  const siblingAdded = await world.add(conf, sibling)
  const nextAdded = await world.add(neighbour, next)
  const before = world.outside()
  for (const [name, test] of scenes)
    await t.test(name, async t => {
      const container = world.container()
      const scene = { t, world, conf, container, sibling, added: await world.add(conf, container) }
      await test(scene)
      t.strictSame(world.outside(), before, 'nothing is left, and nothing else is gone')
      succeeds(scene, await world.call('CHECK', siblingAdded, sibling), 'the sibling is well')
      succeeds(scene, await world.call('CHECK', nextAdded, next), 'the neighbour is well')
      container.remove()
    })
}

/** The run directory is wiped, as by an overzealous script: no record of anybody is left. What the test keeps comes back. */
function loseRecords({ runDir }: PluginWorld): { bringBack(except: TestContainer): void } {
  renameSync(`${runDir}/attachments`, `${runDir}.lost`)
  return {
    bringBack(except) {
      rmSync(`${runDir}/attachments`, { recursive: true, force: true })
      renameSync(`${runDir}.lost`, `${runDir}/attachments`)
      for (const network of ['bridged', 'plain', 'routed'])
        for (const type of ['bridge', 'ptp'])
          rmSync(`${runDir}/attachments/${network}/${except.id}@eth0.${type}.json`, { force: true })
    },
  }
}

each('a second ADD', async scene => {
  const { t, world, conf, container, added } = scene
  const before = world.state()
  t.match((await world.call('ADD', conf, container)).error, { code: 102, msg: /attached already/ })
  t.strictSame(world.state(), before, 'changes nothing')
  succeeds(scene, await world.call('CHECK', added, container), 'CHECK')
  t.strictSame(world.state(), before, 'and neither does CHECK')
  succeeds(scene, await world.call('DEL', added, container), 'DEL')
  t.strictSame(container.ip('link').length, 1, 'the container has its loopback only')
  succeeds(scene, await world.call('DEL', added, container), 'DEL again')
  succeeds(scene, await world.call('DEL', conf, container), 'and without prevResult')
})

each('DEL with the namespace gone', async scene => {
  const { world, added, container } = scene
  container.remove()
  succeeds(scene, await world.call('DEL', added, container), 'DEL')
  succeeds(scene, await world.call('DEL', added, container, { netns: undefined }), 'DEL without CNI_NETNS')
})

each('DEL with the namespace gone and nothing known of it', async scene => {
  const { world, conf, container } = scene
  container.remove()
  succeeds(scene, await world.call('DEL', conf, container, { netns: undefined }), 'DEL')
})

each('DEL without prevResult', async scene => {
  succeeds(scene, await scene.world.call('DEL', scene.conf, scene.container), 'DEL')
})

each('DEL with the record lost', async scene => {
  const { world, added, container } = scene
  const records = loseRecords(world)
  succeeds(scene, await world.call('DEL', added, container), 'DEL')
  records.bringBack(container)
})

each('DEL with the record lost, without prevResult', async scene => {
  const { world, conf, container } = scene
  const records = loseRecords(world)
  succeeds(scene, await world.call('DEL', conf, container), 'DEL')
  records.bringBack(container)
})

each('DEL with record, namespace and prevResult lost', async scene => {
  const { world, conf, container } = scene
  const records = loseRecords(world)
  container.remove()
  succeeds(scene, await world.call('DEL', conf, container, { netns: undefined }), 'DEL')
  records.bringBack(container)
})

each('DEL with the record damaged', async scene => {
  const { world, conf, added, container } = scene
  const path = `${world.runDir}/attachments/${conf.name}/${container.id}@eth0.${conf.type}.json`
  writeFileSync(path, readFileSync(path, 'utf8').slice(0, 100))
  succeeds(scene, await world.call('DEL', added, container), 'DEL')
})

each('DEL with a configuration that no longer parses', async scene => {
  const { world, conf, container } = scene
  const broken = { ...conf, mtu: 'large', ipMasq: 'yes', ipam: 7 }
  succeeds(scene, await world.call('DEL', broken, container), 'DEL')
})

each('DEL with other spellings of the keys, and the record lost', async scene => {
  const { world, conf, container } = scene
  const { ipMasq, macspoofchk, ipam, ...rest } = conf
  const records = loseRecords(world)
  const respelt = { ...rest, IPMASQ: ipMasq, macSpoofChk: macspoofchk, ...(ipam && { IPAM: ipam }) }
  succeeds(scene, await world.call('DEL', respelt, container), 'DEL')
  records.bringBack(container)
})

each('DEL of what was taken apart by hand', async scene => {
  const { world, conf, added, container } = scene
  for (const path of Object.keys(world.state().leases))
    if (world.state().leases[path]!.includes(container.id)) rmSync(`${world.dataDir}/${path}`)
  const { name } = hostEnd(added)
  world.sh(`ip link del ${name}`)
  for (const { set, keys } of elementsOf(world, name))
    for (const key of keys) world.sh(`nft delete element ${set} '{ ${key} }'`)
  succeeds(scene, await world.call('DEL', conf, container), 'DEL')
})

each('DEL of one interface leaves the other', async scene => {
  const { t, world, conf, added, container } = scene
  const second = await world.add(conf, container, { ifname: 'eth1' })
  succeeds(scene, await world.call('DEL', added, container), 'DEL of eth0')
  succeeds(scene, await world.call('CHECK', second, container, { ifname: 'eth1' }), 'CHECK of eth1')
  t.match((await world.call('CHECK', added, container)).error, { code: 100 }, 'CHECK of eth0')
  succeeds(scene, await world.call('DEL', second, container, { ifname: 'eth1' }), 'DEL of eth1')
})

each('GC', async scene => {
  const { t, world, conf, container, sibling } = scene
  await world.add(conf, container, { ifname: 'eth1' })
  const gone = world.container()
  await world.add(conf, gone)
  gone.remove()
  const valid = [sibling]
  succeeds(scene, await world.gc(conf, [...valid, { id: container.id }, { id: 'unheard-of' }]), 'GC')
  t.strictSame(
    container.ip('link').map((link: Json) => link.ifname),
    ['lo', 'eth0'],
    'of eth1 only',
  )
  succeeds(scene, await world.gc(conf, valid), 'GC of the rest')
  succeeds(scene, await world.gc(conf, valid), 'GC with nothing to do')
})

each('GC without records', async scene => {
  const { world, conf, container, sibling } = scene
  await world.add(conf, container, { ifname: 'eth1' })
  const records = loseRecords(world)
  succeeds(scene, await world.gc(conf, [sibling]), 'GC')
  records.bringBack(container)
  rmSync(`${world.runDir}/attachments/${conf.name}/${container.id}@eth1.${conf.type}.json`)
})

for (const [kind, confOf] of Object.entries(confs)) t.test(kind, { skip }, t => play(t, confOf))

t.test('GC of everything takes away what nobody uses', { skip }, async t => {
  for (const lost of [false, true])
    await t.test(lost ? 'without records' : 'with records', async t => {
      const world = pluginWorld(t)
      const bridged = bridgeConf(world)
      const routed = ptpConf(world)
      const sharing = neighbourOf(world, bridged)
      const [a, b, c] = [world.container(), world.container(), world.container()]
      await world.add(bridged, a)
      const routedAdded = await world.add(routed, b)
      const sharingAdded = await world.add(sharing, c)
      if (lost) rmSync(world.runDir, { recursive: true })

      t.equal((await world.gc(bridged, [])).code, 0)
      t.strictSame(
        Object.keys(world.state().leases).filter(path => path.startsWith('bridged/')),
        [],
      )
      t.strictSame(a.ip('link').length, 1, 'its container is cut off')
      t.strictSame(
        setSizes(world),
        {
          'masq4-10.1.0.0-24': 1,
          'masq4-10.2.0.0-24': 1,
          'masq6-fd00_1__-64': 1,
          'masq6-fd00_2__-64': 1,
          port_macs: 1,
        },
        "the others' sets and elements are there",
      )
      if (!lost) {
        t.equal((await world.call('CHECK', routedAdded, b)).code, 0, 'ptp is well')
        t.equal((await world.call('CHECK', sharingAdded, c)).code, 0, 'and so is who shares the bridge')
      }

      t.equal((await world.gc(sharing, [])).code, 0)
      t.strictSame(
        setSizes(world),
        { 'masq4-10.2.0.0-24': 1, 'masq6-fd00_2__-64': 1 },
        'what was shared is gone with the last user, and its table',
      )
      t.equal(world.nft().filter(object => object.rule).length, 2, 'with its rules')

      t.equal((await world.gc(routed, [])).code, 0)
      const { leases, records, host } = world.state()
      t.strictSame({ leases, records, nft: host.nft }, { leases: {}, records: {}, nft: [] })
      t.strictSame(Object.keys(host.links).sort(), ['brtest', 'lo'], 'a bridge is never taken away')

      const added = await world.add(bridged, a)
      t.equal((await world.call('CHECK', added, a)).code, 0, 'and all of it comes back')
    })
})

t.test('an address that comes again after its record was lost is its new owner’s', { skip }, async t => {
  const world = pluginWorld(t)
  const ipam = {
    type: 'static',
    addresses: [{ address: '10.1.0.7/24', gateway: '10.1.0.1' }],
  }
  const conf = bridgeConf(world, { ipam })
  const [old, young] = [world.container(), world.container()]
  await world.add(conf, old)
  rmSync(world.runDir, { recursive: true })
  old.remove()
  const added = await world.add(conf, young)
  t.equal((await world.gc(conf, [young])).code, 0)
  const check = await world.call('CHECK', added, young)
  t.equal(check.code, 0, check.stdout)
})

t.test('others who make and sweep sets at the same moment', { skip }, async t => {
  const world = pluginWorld(t)
  const conf = bridgeConf(world, { ipam: leasing(world, 1, [4]) })
  const { kernel } = world.host
  type Run = typeof kernel.nft.run
  const interfering = (interfere: (run: number, tx: Parameters<Run>[0]) => unknown) => {
    let runs = 0
    const run: Run = (tx, options) => {
      interfere(++runs, tx)
      kernel.nft.run(tx, options)
    }
    const { link, addr, route, sysctl } = kernel
    const host = {
      ...world.host,
      kernel: { link, addr, route, sysctl, nft: { run, list: kernel.nft.list } } as never,
    }
    return world.call('ADD', conf, world.container(), {}, host)
  }
  // Runs 1 and 4 are for the elements; the sets are made in between, one after the other.
  const swept = await interfering(run => run === 4 && world.sh('nft flush ruleset; nft add table inet x'))
  t.equal(swept.code, 0, swept.stdout)
  world.sh('nft delete table inet plumbline; nft delete table bridge plumbline')
  const raced = await interfering((run, tx) => (run === 2 || run === 3) && kernel.nft.run(tx))
  t.equal(raced.code, 0, raced.stdout)
  t.strictSame(setSizes(world), { 'masq4-10.1.0.0-24': 1, port_macs: 1 })
  t.equal(world.nft().filter(object => object.rule).length, 2, 'no rule was made twice')
  const never = await interfering(() => world.sh('nft flush ruleset'))
  t.match(never.error, { code: 103, msg: /^nft (create|add)/ }, 'and it gives up in the end')
})

t.test('what others put into the container, or beside our things, stays', { skip }, async t => {
  const world = pluginWorld(t)
  const conf = bridgeConf(world)
  const container = world.container()
  container.sh('ip link add eth0 type veth peer name other')
  world.sh(
    `ip link add plvforeign type veth peer name plvpeer
     nft add table inet plumbline
     nft add set inet plumbline mine '{ type ipv4_addr; }'
     nft add element inet plumbline mine '{ 192.0.2.7 }'`,
  )
  const before = container.ip('link')
  const refused = await world.call('ADD', conf, container)
  t.match(refused.error, { code: 102, msg: `interface eth0 exists already in ${container.path}` })
  t.equal((await world.call('DEL', conf, container)).code, 0, 'the DEL that follows every failed ADD')
  t.strictSame(container.ip('link'), before, 'the container is as it was')
  t.equal((await world.gc(conf, [])).code, 0)
  t.strictSame(setSizes(world), { mine: 1 })
  t.match(world.ip('link show plvforeign'), [{ ifname: 'plvforeign' }])
})

t.test('an attachment that another bridge plugin has made', { skip }, async t => {
  const world = pluginWorld(t)
  const conf = bridgeConf(world, { ipam: leasing(world, 1, [4]) })
  const container = world.container()
  world.sh(`ip link add brtest type bridge
            ip link add veth0 master brtest type veth peer name eth0 netns ${container.path}`)
  const prevResult = {
    cniVersion: '1.1.0',
    interfaces: [{ name: 'brtest' }, { name: 'veth0' }, { name: 'eth0', sandbox: container.path }],
    ips: [{ address: '10.1.0.9/24', interface: 2 }],
  }
  t.equal((await world.call('DEL', { ...conf, prevResult }, container)).code, 0)
  t.strictSame(container.ip('link').length, 1)
  t.strictSame(
    world.ip('link').map((link: Json) => link.ifname),
    ['lo', 'brtest'],
  )
})

t.test('records that stay when DEL can not do all', { skip }, async t => {
  const world = pluginWorld(t)
  const conf = bridgeConf(world)
  const container = world.container()
  await world.add(conf, container)
  for (const step of ['veth', 'guard', 'ipam']) {
    const env = { PLUMBLINE_FAULT: `DEL:${step}:before:fail` }
    const failed = await world.call('DEL', conf, container, { env })
    t.match(failed.error, { msg: `fault injected before DEL of step ${step}` })
    t.equal(Object.keys(world.state().records).length, 1, 'the next DEL knows what is left')
  }
  t.equal((await world.call('DEL', conf, container)).code, 0)
  const { records, leases, host } = world.state()
  t.strictSame({ records, leases }, { records: {}, leases: {} })
  t.notMatch(host.nft.join(), /elem/)
})

t.test('STATUS', { skip }, async t => {
  const world = pluginWorld(t)
  for (const conf of [bridgeConf(world), ptpConf(world), plainConf()]) {
    const { code, stdout } = await world.call('STATUS', conf)
    t.strictSame({ code, stdout }, { code: 0, stdout: '' }, conf.name)
  }
  writeFileSync(`${world.root}/file`, '')
  const env = { PLUMBLINE_RUN_DIR: `${world.root}/file/run` }
  t.match((await world.call('STATUS', bridgeConf(world), undefined, { env })).error, {
    code: 50,
    msg: /run directory/,
  })
  const unknown = bridgeConf(world, { ipam: { type: 'no-such-ipam' } })
  t.match((await world.call('STATUS', unknown)).error, { code: 50, msg: /no-such-ipam/ })
})

function hostEnd({ prevResult }: Conf): Conf {
  return prevResult.interfaces.find((each: Conf) => /^pl[vs]/.test(each.name))
}

/** The sets that hold elements of an owner, and these as nft writes them. */
function elementsOf(world: PluginWorld, owner: string): { set: string; keys: string[] }[] {
  const text = (value: Json) => (typeof value === 'string' ? value : value.concat.join(' . '))
  return world.nft().flatMap(({ set }) =>
    set
      ? {
          set: `${set.family} ${set.table} ${set.name}`,
          keys: (set.elem ?? [])
            .filter((each: Json) => each.elem?.comment === owner)
            .map((each: Json) => text(each.elem.val)),
        }
      : [],
  )
}

function setSizes(world: PluginWorld): Record<string, number> {
  const sets = world.nft().flatMap(({ set }) => (set ? [[set.name, set.elem?.length ?? 0] as const] : []))
  return Object.fromEntries(sets.sort(([a], [b]) => (a < b ? -1 : 1)))
}
