// VLANs of bridge, on a kernel that pretends to filter them: what is asked of it for each port, and for the gateway's
// interface. Everything but the VLANs themselves is real.
import t, { type Test } from 'tap'
import type { Namespace } from '../../kernel/namespace.js'
import type { PortVlan, PortVlans } from '../../wire/route/bridge-vlan.js'
import type { Link } from '../../wire/route/link.js'
import { needs } from '../helpers/needs.js'
import type { Json } from '../helpers/netns.js'
import {
  type Answer,
  leasing,
  type PluginWorld,
  pluginWorld,
  type TestContainer,
} from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nsenter')

interface FilteringWorld {
  readonly world: PluginWorld
  /** The VLANs of a port, as `bridge vlan` would print them. */
  vlansOf(link: string): string[]
  /** Whether new bridges filter. */
  filters: boolean
  call(verb: 'ADD' | 'CHECK' | 'DEL', conf: Conf, container: TestContainer): Promise<Answer>
}

/** The kernel gives each new port VLAN 1, untagged. */
function filteringWorld(t: Test): FilteringWorld {
  const world = pluginWorld(t)
  const { ns } = world
  const ports = new Map<number, Map<number, PortVlan>>()
  const vlansAt = (index: number) => {
    const fresh = () => new Map<number, PortVlan>([[1, { vid: 1, pvid: true, untagged: true }]])
    if (!ports.has(index)) ports.set(index, fresh())
    return ports.get(index)!
  }
  const each = (vlans: readonly PortVlan[], work: (vid: number, vlan: PortVlan) => void) => {
    for (const vlan of vlans) for (let vid = vlan.vid; vid <= (vlan.to ?? vlan.vid); vid++) work(vid, vlan)
  }
  const bridgeVlan = {
    add({ index, vlans }: PortVlans) {
      each(vlans, (vid, { pvid, untagged }) => vlansAt(index).set(vid, { vid, pvid, untagged }))
    },
    remove({ index, vlans }: PortVlans) {
      each(vlans, vid => vlansAt(index).delete(vid))
    },
    list: () => [...ports].map(([index, vlans]) => ({ index, vlans: [...vlans.values()] })),
  }
  const link: Json = {}
  for (const verb of ['index', 'list', 'set', 'remove'] as const) link[verb] = ns.link[verb].bind(ns.link)
  link.add = ({ bridge: _filtering, ...spec }: Json) => ns.link.add(spec)
  link.get = (which: string | number): Link | undefined => {
    const found = ns.link.get(which)
    if (found?.kind !== 'bridge') return found
    return { ...found, info: { bridge: { vlanFiltering: filtering.filters, vlanProtocol: 0x8100 } } }
  }
  const { addr, route, nft, sysctl } = ns
  const kernel = { link, addr, route, nft, sysctl, bridgeVlan } as unknown as Namespace
  const host = { ...world.host, kernel }
  const filtering: FilteringWorld = {
    world,
    filters: true,
    call: (verb, conf, container) => world.call(verb, conf, container, {}, host),
    vlansOf: name =>
      [...vlansAt(ns.link.index(name)!).values()]
        .sort((a, b) => a.vid - b.vid)
        .map(({ vid, pvid, untagged }) => `${vid}${pvid ? ' PVID' : ''}${untagged ? ' untagged' : ''}`),
  }
  return filtering
}

const conf = (world: PluginWorld, more: Conf): Conf => ({
  cniVersion: '1.1.0',
  name: 'net',
  type: 'bridge',
  bridge: 'br0',
  ipam: leasing(world, 1),
  ...more,
})

t.test('VLANs of a port', { skip }, async t => {
  const filtering = filteringWorld(t)
  const { world, vlansOf } = filtering
  const cases: [Conf, string[]][] = [
    [{ vlan: 10 }, ['10 PVID untagged']],
    [{ vlan: 10, preserveDefaultVlan: true }, ['1 PVID untagged', '10 PVID untagged']],
    [{ vlanTrunk: [{ id: 30 }, { minID: 20, maxID: 22 }] }, ['1 PVID untagged', '20', '21', '22', '30']],
    [{ vlan: 10, vlanTrunk: [{ id: 30, minID: 20, maxID: 20 }] }, ['10 PVID untagged', '20', '30']],
    [{ vlan: 21, vlanTrunk: [{ minID: 20, maxID: 22 }] }, ['20', '21 PVID untagged', '22']],
  ]
  for (const [more, vlans] of cases) {
    const container = world.container()
    const added = await filtering.call('ADD', conf(world, more), container)
    t.equal(added.code, 0, added.stdout)
    const port = added.json.interfaces[1].name
    t.strictSame(vlansOf(port), vlans, JSON.stringify(more))
    const withResult = { ...conf(world, more), prevResult: added.json }
    t.equal((await filtering.call('CHECK', withResult, container)).code, 0)
    const other = { ...withResult, vlanTrunk: [{ id: 4000 }] }
    t.match((await filtering.call('CHECK', other, container)).error, {
      code: 100,
      msg: `VLAN 4000 is gone from port ${port}`,
    })
    t.equal((await filtering.call('DEL', withResult, container)).code, 0)
  }
})

t.test('the gateway of a VLAN', { skip }, async t => {
  const filtering = filteringWorld(t)
  const { world, vlansOf } = filtering
  const asked = conf(world, { vlan: 10, isDefaultGateway: true })
  const [first, second] = [world.container(), world.container()]
  const added = await filtering.call('ADD', asked, first)
  t.equal(added.code, 0, added.stdout)
  const gateway = world.ip('-d link show br0.10')[0]
  t.match(added.json.interfaces, [
    { name: 'br0' },
    {},
    { name: 'eth0', sandbox: first.path },
    { name: 'br0.10', mac: gateway.address },
  ])
  t.match(added.json.ips, [{ interface: 2 }, { interface: 2 }])
  const global = (link: string) =>
    world
      .ip(`address show dev ${link}`)[0]
      .addr_info.filter((each: Json) => each.scope === 'global')
      .map((each: Json) => `${each.local}/${each.prefixlen}`)
  t.strictSame(global('br0.10'), ['10.1.0.1/24', 'fd00:1::1/64'])
  t.strictSame(global('br0'), [], 'and not to the bridge')
  const port = world.ip('link show master br0').find((link: Json) => link.ifname.startsWith('plg'))
  t.strictSame(vlansOf(port.ifname), ['10 PVID untagged'])
  t.match(port.flags, ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'])
  for (const name of ['accept_ra', 'accept_dad'])
    t.equal(world.sh(`cat /proc/sys/net/ipv6/conf/br0.10/${name}`), '0\n', name)
  t.equal(first.trySh('ping -n -q -c1 -W1 10.1.0.1').code, 0)

  t.equal((await filtering.call('ADD', asked, second)).code, 0)
  t.equal(world.ip('link show type veth').length, 4, 'one pair for all')
  const withResult = { ...asked, prevResult: added.json }
  const check = await filtering.call('CHECK', withResult, first)
  t.equal(check.code, 0, check.stdout)

  world.sh('ip address del 10.1.0.1/24 dev br0.10')
  t.match((await filtering.call('CHECK', withResult, first)).error, {
    code: 100,
    msg: 'br0.10 lacks the gateway address 10.1.0.1/24',
  })
  world.sh('ip link set br0.10 down')
  t.match((await filtering.call('CHECK', withResult, first)).error, {
    code: 100,
    msg: 'interface br0.10 is down',
  })
  for (const container of [first, second]) t.equal((await filtering.call('DEL', asked, container)).code, 0)

  world.sh('ip link del br0')
  t.equal((await filtering.call('ADD', asked, first)).code, 0, 'a new bridge of the same name')
  t.match(
    world.ip('link show master br0'),
    [{ ifname: /^pl[vg]/ }, { ifname: /^pl[vg]/ }],
    'gets the old gateway',
  )
  t.ok(world.ip('link show br0.10')[0].flags.includes('UP'))
  t.equal(first.trySh('ping -n -q -c1 -W1 10.1.0.1').code, 0)
  world.sh('ip link del br0.10')
  t.match((await filtering.call('CHECK', withResult, first)).error, { code: 100 })
})

t.test('a bridge that does not filter', { skip }, async t => {
  const filtering = filteringWorld(t)
  filtering.filters = false
  const { world } = filtering
  world.sh('ip link add br0 type bridge')
  const { error } = await filtering.call('ADD', conf(world, { vlan: 10 }), world.container())
  t.match(error, { code: 7, msg: 'bridge "br0" exists without VLAN filtering', details: /vlan_filtering 1/ })
  t.strictSame(world.state().leases, {})
})
