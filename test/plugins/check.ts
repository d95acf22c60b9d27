// CHECK notices every single thing that is altered by hand, names it, and changes nothing. DEL afterwards leaves nothing.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { needs } from '../helpers/needs.js'
import type { Json } from '../helpers/netns.js'
import {
  bridgeConf,
  leasing,
  type PluginWorld,
  pluginWorld,
  ptpConf,
  type TestContainer,
} from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

interface Attached {
  readonly world: PluginWorld
  readonly container: TestContainer
  /** The configuration with ADD's result. */
  readonly conf: Conf
  /** Name of the host's end. */
  readonly end: string
  readonly v4: string
  readonly v6: string
}

interface Alteration {
  /** A script for the host, or something that can't be done with one. */
  readonly host?: (attached: Attached) => string
  readonly inside?: string | ((attached: Attached) => string)
  readonly files?: (attached: Attached) => void
  /** What the message must say. */
  readonly msg: RegExp
}

type Alterations = Readonly<Record<string, Alteration>>

const anyEnd = /pl[sv][a-z2-7]{12}/.source

const insideAlterations: Alterations = {
  'link deleted': { inside: 'ip link del eth0', msg: /^host interface pl\w+ is gone$/ },
  'link down': { inside: 'ip link set eth0 down', msg: /^eth0 in .* is down$/ },
  'link replaced': {
    inside: 'ip link set eth0 name old; ip link add eth0 type veth peer name other; ip link set eth0 up',
    msg: /^eth0 in .* is not the peer of pl/,
  },
  'link of another kind': {
    inside: 'ip link set eth0 name old; ip link add eth0 type bridge',
    msg: /^eth0 in .* is not a veth$/,
  },
  'link renamed': { inside: 'ip link set eth0 name net9', msg: /^eth0 is gone from / },
  'MAC changed': {
    inside: 'ip link set eth0 address 02:00:00:00:00:99',
    msg: /^eth0 has MAC 02:00:00:00:00:99, not /,
  },
  'MTU changed': { inside: 'ip link set eth0 mtu 1300', msg: /^eth0 has MTU 1300, not 1500$/ },
  'address removed, IPv4': {
    inside: ({ v4 }) => `ip address del ${v4}/24 dev eth0`,
    msg: /^eth0 in .* lacks the address 10\.\d\.0\.\d+\/24$/,
  },
  'address removed, IPv6': {
    inside: ({ v6 }) => `ip address del ${v6}/64 dev eth0`,
    msg: /^eth0 in .* lacks the address fd00:\d::[0-9a-f]+\/64$/,
  },
  'address with another length': {
    inside: ({ v4 }) => `ip address del ${v4}/24 dev eth0; ip address add ${v4}/16 dev eth0`,
    msg: /lacks the address 10\.\d\.0\.\d+\/24$/,
  },
  'default route removed, IPv4': {
    inside: 'ip route del default',
    msg: /^route 0\.0\.0\.0\/0 via 10.* is gone/,
  },
  'default route removed, IPv6': {
    inside: 'ip -6 route del default',
    msg: /^route ::\/0 via fd00.* is gone/,
  },
  'default route by another gateway': {
    inside: ({ v4 }) => `ip route replace default via ${v4.replace(/\d+$/, '99')} dev eth0 onlink`,
    msg: /^route 0\.0\.0\.0\/0 via .* is gone/,
  },
  'another route removed': {
    inside: 'ip route del 192.0.2.0/24',
    msg: /^route 192\.0\.2\.0\/24 via .* is gone/,
  },
  'another route with other metrics': {
    inside: ({ conf }) =>
      `ip route replace 192.0.2.0/24 via ${conf.prevResult.ips[0].gateway} dev eth0 metric 9 mtu 1100`,
    msg: /^route 192\.0\.2\.0\/24 via .* is gone/,
  },
}

const hostEndAlterations: Alterations = {
  'host end down': {
    host: ({ end }) => `ip link set ${end} down`,
    msg: RegExp(`^host interface ${anyEnd} is down`),
  },
  'host end with another MAC': {
    host: ({ end }) => `ip link set ${end} address 02:00:00:00:00:98`,
    msg: RegExp(`^${anyEnd} has MAC 02:00:00:00:00:98, not `),
  },
  'host end with another MTU': {
    host: ({ end }) => `ip link set ${end} mtu 1301`,
    msg: RegExp(`^${anyEnd} has MTU 1301, not 1500`),
  },
  'IPv4 forwarding off': {
    host: () => 'echo 0 >/proc/sys/net/ipv4/ip_forward',
    msg: /^IPv4 forwarding is off/,
  },
  'IPv6 forwarding off': {
    host: () => 'echo 0 >/proc/sys/net/ipv6/conf/all/forwarding',
    msg: /^IPv6 forwarding is off/,
  },
}

const masqueradeAlterations: Alterations = {
  'masquerade element removed, IPv4': {
    host: ({ v4 }) => `nft delete element inet plumbline masq4-${subnetOf(v4)} { ${v4} }`,
    msg: /^10\.\d\.0\.\d+ is gone from nftables set inet plumbline masq4-/,
  },
  'masquerade element removed, IPv6': {
    host: ({ v6 }) => `nft delete element inet plumbline masq6-${subnetOf(v6)} { ${v6} }`,
    msg: /^fd00:\d::[0-9a-f]+ is gone from nftables set inet plumbline masq6-/,
  },
  'masquerade rules removed': {
    host: () => 'nft flush chain inet plumbline postrouting',
    msg: /^the nftables rule that uses set inet plumbline masq4-.* is gone/,
  },
  'one masquerade rule removed': {
    host: ({ world, v6 }) =>
      `nft delete rule inet plumbline postrouting handle ${handleOf(world, `masq6-${subnetOf(v6)}`)}`,
    msg: /^the nftables rule that uses set inet plumbline masq6-.* is gone/,
  },
  'masquerade set removed': {
    host: ({ v4 }) =>
      `nft flush chain inet plumbline postrouting; nft delete set inet plumbline masq4-${subnetOf(v4)}`,
    msg: /^nftables set inet plumbline masq4-.* is gone/,
  },
  'masquerade table removed': {
    host: () => 'nft delete table inet plumbline',
    msg: /^nftables set inet plumbline masq4-.* is gone/,
  },
}

const fileAlterations: Alterations = {
  'lease removed': { files: attached => leases(attached, undefined), msg: /10\.\d\.0\.\d+|leased/ },
  'lease of somebody else': {
    files: attached => leases(attached, 'other\r\neth0'),
    msg: /10\.\d\.0\.\d+|leased/,
  },
  'record removed': {
    files: ({ world }) => rmSync(`${world.runDir}/attachments`, { recursive: true }),
    msg: /^no record of attachment /,
  },
}

const bridgeAlterations: Alterations = {
  'bridge down': { host: () => 'ip link set brtest down', msg: /^bridge brtest is down$/ },
  'bridge deleted': { host: () => 'ip link del brtest', msg: /^bridge brtest is gone$/ },
  'bridge replaced by another kind': {
    host: () => 'ip link del brtest; ip link add brtest type veth peer name peer',
    msg: /^bridge brtest is no bridge$/,
  },
  'bridge with another MAC': {
    host: () => 'ip link set brtest address 02:00:00:00:00:97',
    msg: /^brtest has MAC 02:00:00:00:00:97, not /,
  },
  'gateway address removed, IPv4': {
    host: () => 'ip address del 10.1.0.1/24 dev brtest',
    msg: /^brtest lacks the gateway address 10\.1\.0\.1\/24$/,
  },
  'gateway address removed, IPv6': {
    host: () => 'ip address del fd00:1::1/64 dev brtest',
    msg: /^brtest lacks the gateway address fd00:1::1\/64$/,
  },
  'moved out of the bridge': {
    host: ({ end }) => `ip link set ${end} nomaster`,
    msg: RegExp(`^host interface ${anyEnd} is not a port of brtest`),
  },
  'moved to another bridge': {
    host: ({ end }) => `ip link add brother type bridge; ip link set ${end} master brother`,
    msg: RegExp(`^host interface ${anyEnd} is not a port of brtest`),
  },
  'hairpin mode off': {
    host: ({ end }) => `bridge link set dev ${end} hairpin off`,
    msg: RegExp(`^hairpin mode of ${anyEnd} is off`),
  },
  'isolation off': {
    host: ({ end }) => `bridge link set dev ${end} isolated off`,
    msg: RegExp(`^port isolation of ${anyEnd} is off`),
  },
  'subnet route removed, IPv4': { inside: 'ip route del 10.1.0.0/24', msg: /^route 10\.1\.0\.0\/24 is gone/ },
  'subnet route removed, IPv6': {
    inside: 'ip -6 route del fd00:1::/64',
    msg: /^route fd00:1::\/64 is gone/,
  },
  'port_macs element removed': {
    host: ({ end, conf }) =>
      `nft delete element bridge plumbline port_macs { ${end} . ${conf.prevResult.interfaces[2].mac} }`,
    msg: RegExp(`^${anyEnd} \\. [0-9a-f:]{17} is gone from nftables set bridge plumbline port_macs`),
  },
  'spoof check rule removed': {
    host: () => 'nft flush chain bridge plumbline spoofed',
    msg: /^the nftables rule that uses set bridge plumbline port_macs is gone/,
  },
  'spoof check table removed': {
    host: () => 'nft delete table bridge plumbline',
    msg: /^nftables set bridge plumbline port_macs is gone/,
  },
}

const ptpAlterations: Alterations = {
  'host gateway removed, IPv4': {
    host: ({ end }) => `ip address del 10.2.0.1/32 dev ${end}`,
    msg: RegExp(`^${anyEnd} lacks 10\\.2\\.0\\.1/32`),
  },
  'host gateway removed, IPv6': {
    host: ({ end }) => `ip address del fd00:2::1/128 dev ${end}`,
    msg: RegExp(`^${anyEnd} lacks fd00:2::1/128`),
  },
  'host route removed, IPv4': {
    host: ({ v4 }) => `ip route del ${v4}`,
    msg: /^host route 10\.2\.0\.\d+\/32 dev /,
  },
  'host route removed, IPv6': {
    host: ({ v6 }) => `ip route del ${v6}`,
    msg: /^host route fd00:2::[0-9a-f]+\/128 dev /,
  },
  'route to the gateway removed, IPv4': {
    inside: 'ip route del 10.2.0.1',
    msg: /^route 10\.2\.0\.1\/32 is gone/,
  },
  'route to the subnet removed, IPv6': {
    inside: 'ip -6 route del fd00:2::/64',
    msg: /^route fd00:2::\/64 via fd00:2::1 is gone/,
  },
}

const moreRoutes = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }, { dst: '192.0.2.0/24', mtu: 1200, priority: 9 }]

const subjects: Record<string, { conf: (world: PluginWorld) => Conf; alterations: readonly Alterations[] }> =
  {
    bridge: {
      conf: world => bridgeConf(world, { ipam: { ...leasing(world, 1), routes: moreRoutes } }),
      alterations: [
        insideAlterations,
        hostEndAlterations,
        masqueradeAlterations,
        fileAlterations,
        bridgeAlterations,
      ],
    },
    'bridge, promiscuous': {
      conf: world => bridgeConf(world, { hairpinMode: false, promiscMode: true }),
      alterations: [
        {
          'promiscuous mode off': {
            host: () => 'ip link set brtest promisc off',
            msg: /^bridge brtest is not promiscuous$/,
          },
        },
      ],
    },
    ptp: {
      conf: world => ptpConf(world, { ipam: { ...leasing(world, 2), routes: moreRoutes } }),
      alterations: [
        insideAlterations,
        hostEndAlterations,
        masqueradeAlterations,
        fileAlterations,
        ptpAlterations,
      ],
    },
  }

for (const [name, { conf, alterations }] of Object.entries(subjects))
  t.test(name, { skip }, async t => {
    const world = pluginWorld(t)
    for (const [name, alteration] of alterations.flatMap(each => Object.entries(each)))
      await t.test(name, async t => {
        await altered(t, world, conf(world), alteration)
        if (alteration.host) restore(world)
      })
  })

async function altered(t: Test, world: PluginWorld, conf: Conf, alteration: Alteration): Promise<void> {
  const container = world.container()
  const added = await world.add(conf, container)
  const sound = await world.call('CHECK', added, container)
  t.match(sound, { code: 0, stdout: '' }, `CHECK before ${sound.stdout}`)
  const [v4, v6] = added.prevResult.ips.map((ip: Conf) => ip.address.split('/')[0])
  const end = added.prevResult.interfaces.find((each: Conf) => each.name.startsWith('pl')).name
  const attached = { world, container, conf: added, end, v4, v6 }

  const { host, inside, files } = alteration
  if (host) world.sh(host(attached))
  if (inside) container.sh(typeof inside === 'string' ? inside : inside(attached))
  files?.(attached)
  const before = world.glance(container)
  const check = await world.call('CHECK', added, container)
  t.match(check.error, { code: 100, msg: alteration.msg }, check.stdout)
  t.strictSame(world.glance(container), before, 'nothing is mended')

  const del = await world.call('DEL', added, container)
  t.match(del, { code: 0, stdout: '' }, `DEL ${del.stdout}`)
  const { leases, records, links, elements } = world.glance()
  t.strictSame(
    Object.entries({ ...leases, ...records }).filter(entry => entry.join().includes(container.id)),
    [],
    'no lease and no record is left',
  )
  t.notOk(
    links.some(link => link.name === end),
    'nor the link',
  )
  t.notOk(
    elements.some(element => element.comment === end),
    'nor an element',
  )
  container.remove()
}

/** Whatever was altered and is shared must be in order again for the next ADD. */
function restore(world: PluginWorld): void {
  world.sh(
    `for link in peer brother; do ip link del $link 2>/dev/null || true; done
     if [ -e /sys/class/net/brtest ] && ! ip link show type bridge | grep -q brtest; then ip link del brtest; fi
     nft flush ruleset`,
  )
}

/** As a set's name has it. */
function subnetOf(address: string): string {
  return address.includes(':')
    ? `${address.split('::')[0]!.replaceAll(':', '_')}__-64`
    : address.replace(/\d+$/, '0-24')
}

function handleOf(world: PluginWorld, comment: string): number {
  return world.nft().find((object: Json) => object.rule?.comment === comment).rule.handle
}

/** The files are the truth, whatever the index says. */
function leases({ world, container }: Attached, replacement: string | undefined): void {
  for (const path of Object.keys(world.state().leases).map(path => `${world.dataDir}/${path}`)) {
    if (!readFileSync(path, 'utf8').includes(container.id)) continue
    if (replacement === undefined) rmSync(path)
    else writeFileSync(path, replacement)
  }
}
