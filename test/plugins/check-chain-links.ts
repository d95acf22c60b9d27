// CHECK notices every object outside of our nftables tables that is removed or altered by hand, names it, and changes nothing: queues
// and filters, links, routes, neighbours, settings, and rules in tables of other owners. DEL afterwards leaves nothing. Inline and chained.
import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { Attaching } from '../helpers/attaching.js'
import { chained, inlineBridge, inlinePtp, type Network } from '../helpers/everything.js'
import { needs } from '../helpers/needs.js'
import { pluginWorld } from '../helpers/plugin-world.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

interface Alteration {
  /** Scripts for the host and for the container. */
  readonly host?: (attaching: Attaching) => string
  readonly inside?: string
  /** What the message must say. */
  readonly msg: RegExp | ((attaching: Attaching) => string)
  readonly of?: readonly Network[]
}

type Alterations = Readonly<Record<string, Alteration>>

const end = /pl[vs][a-z2-7]{12}/.source
const ifb = /plb[a-z2-7]{12}/.source

const bandwidth: Alterations = {
  'qdisc of the host end': {
    host: ({ end }) => `tc qdisc del dev ${end} root`,
    msg: RegExp(`qdisc tbf is gone from ${end}`),
  },
  'qdisc of the host end, another kind': {
    host: ({ end }) => `tc qdisc replace dev ${end} root pfifo limit 10`,
    msg: RegExp(`qdisc tbf is gone from ${end}.*pfifo`),
  },
  'rate to the container': {
    host: ({ end }) => `${tbf(end)} rate 1mbit burst 50kb limit 100kb`,
    msg: RegExp(`tbf of ${end} has .*rate`),
  },
  'burst to the container': {
    host: ({ end }) => `${tbf(end)} rate 100mbit burst 50kb limit 100kb`,
    msg: RegExp(`tbf of ${end} has .*(burst|limit)`),
  },
  'ingress of the host end': {
    host: ({ end }) => `tc qdisc del dev ${end} ingress`,
    msg: RegExp(`qdisc ingress is gone from ${end}`),
  },
  'filter of the host end': {
    host: ({ end }) => `tc filter del dev ${end} ingress`,
    msg: RegExp(`filter u32 is gone from ${end}`),
  },
  'filter that leads elsewhere': {
    host: ({ end }) =>
      `tc filter del dev ${end} ingress
       tc filter add dev ${end} ingress prio 1 protocol all u32 match u32 0 0 action mirred egress redirect dev lo`,
    msg: RegExp(`filter u32 of ${end} does not redirect every packet to ${ifb}`),
  },
  'filter that is about some packets only': {
    host: attaching =>
      `tc filter del dev ${attaching.end} ingress
       tc filter add dev ${attaching.end} ingress prio 1 protocol all u32 match ip dport 80 0xffff action mirred egress redirect dev ${attaching.ifb}`,
    msg: RegExp(`filter u32 of ${end} does not redirect every packet to ${ifb}`),
  },
  'filter before ours': {
    host: ({ end }) =>
      `tc filter add dev ${end} ingress prio 1 handle 800::1 protocol all u32 match u32 0 0 flowid 1:1`,
    msg: RegExp(`filter u32 of ${end} does not redirect every packet to ${ifb}`),
  },
  'the ifb': { host: ({ ifb }) => `ip link del ${ifb}`, msg: RegExp(`ifb ${ifb} is gone`) },
  'the ifb, down': { host: ({ ifb }) => `ip link set ${ifb} down`, msg: RegExp(`ifb ${ifb} is down`) },
  'the ifb, another kind': {
    host: ({ ifb }) => `ip link del ${ifb}; ip link add ${ifb} type bridge`,
    msg: RegExp(`${ifb} is no ifb`),
  },
  'the ifb, another one': {
    host: ({ ifb }) => `ip link del ${ifb}; ip link add ${ifb} type ifb; ip link set ${ifb} up`,
    msg: RegExp(`(filter u32 of ${end}|filter u32 is gone from ${end}|tbf is gone from ${ifb})`),
  },
  'qdisc of the ifb': {
    host: ({ ifb }) => `tc qdisc del dev ${ifb} root`,
    msg: RegExp(`qdisc tbf is gone from ${ifb}`),
  },
  'rate from the container': {
    host: ({ ifb }) => `${tbf(ifb)} rate 1mbit burst 50kb limit 100kb`,
    msg: RegExp(`tbf of ${ifb} has .*rate`),
  },
}

/** In place: with the handle that it has. */
function tbf(link: string): string {
  return `tc qdisc change dev ${link} root handle $(tc qdisc show dev ${link} | awk '/tbf/ { print $3; exit }') tbf`
}

const port: Alterations = {
  'hairpin mode': {
    host: ({ end }) => `bridge link set dev ${end} hairpin off`,
    msg: RegExp(`hairpin mode of ${end} is off`),
    of: [inlineBridge, chained],
  },
  'port isolation': {
    host: ({ end }) => `bridge link set dev ${end} isolated off`,
    msg: RegExp(`port isolation of ${end} is off`),
    of: [inlineBridge, chained],
  },
  route_localnet: {
    host: ({ l3 }) => `echo 0 >/proc/sys/net/ipv4/conf/${l3}/route_localnet`,
    msg: ({ l3 }) => `net/ipv4/conf/${l3}/route_localnet is 0, not 1`,
  },
}

const settings: Alterations = {
  'a setting of the namespace': {
    inside: 'echo 600 >/proc/sys/net/core/somaxconn',
    msg: /sysctl net\.core\.somaxconn in .* is "600", not "500"/,
  },
  'a setting of the interface': {
    inside: 'echo 0 >/proc/sys/net/ipv4/conf/eth0/arp_filter',
    msg: /sysctl net\.ipv4\.conf\.(IFNAME|eth0)\.arp_filter in .* is "0", not "1"/,
  },
  'MTU inside': { inside: 'ip link set eth0 mtu 1300', msg: /eth0.*1300, not 1400/ },
  'MTU of the host end': {
    host: ({ end }) => `ip link set ${end} mtu 1300`,
    msg: RegExp(`${end}.*1300, not 1400`),
  },
  'all-multicast mode': {
    inside: 'ip link set eth0 allmulticast off',
    msg: /allmulti of eth0/,
    of: [chained],
  },
  'length of the queue': {
    inside: 'ip link set eth0 txqueuelen 5',
    msg: /txQLen of eth0.*5, not 500/,
    of: [chained],
  },
}

const [T, P] = ['fd70:6c75:6d62:6c6f::1', 'fd70:6c75:6d62:6c6f::2']

const loop: Alterations = {
  'the loop': { host: () => 'ip link del pl-lo0', msg: /interface pl-lo0 or pl-lo1 is gone/ },
  'near end down': { host: () => 'ip link set pl-lo0 down', msg: /interface pl-lo0 is down/ },
  'far end down': { host: () => 'ip link set pl-lo1 down', msg: /interface pl-lo1 is down/ },
  'other links of these names': {
    host: () => 'ip link del pl-lo0; ip link add pl-lo0 type bridge; ip link add pl-lo1 type bridge',
    msg: /interface pl-lo0 or pl-lo1 is gone/,
  },
  'route to the target': { host: () => `ip -6 route del ${T}`, msg: RegExp(`route ${T}.*pl-lo0 is gone`) },
  'route to the source': { host: () => `ip -6 route del ${P}`, msg: RegExp(`route ${P}.*pl-lo1 is gone`) },
  'route to ::1': {
    host: () => 'ip -6 route del local ::1 dev pl-lo0 table local',
    msg: /route ::1.*pl-lo0 is gone/,
  },
  'neighbour on the near end': {
    host: () => `ip -6 neighbour del ${T} dev pl-lo0`,
    msg: RegExp(`neighbour ${T} .* dev pl-lo0 is gone`),
  },
  'neighbour on the far end': {
    host: () => `ip -6 neighbour del ${P} dev pl-lo1`,
    msg: RegExp(`neighbour ${P} .* dev pl-lo1 is gone`),
  },
  'neighbour with another MAC': {
    host: () => `ip -6 neighbour replace ${T} dev pl-lo0 lladdr 02:00:00:00:00:99 nud permanent`,
    msg: RegExp(`neighbour ${T} `),
  },
  'neighbour that may expire': {
    host: () => `ip -6 neighbour change ${T} dev pl-lo0 nud reachable`,
    msg: RegExp(`neighbour ${T} `),
  },
  'MAC of the far end': {
    host: () => 'ip link set pl-lo1 address 02:00:00:00:00:98',
    msg: /pl-lo1/,
  },
  'MTU of the loop': { host: () => 'ip link set pl-lo0 mtu 1280', msg: /pl-lo0/ },
  'IPv6 off on the near end': {
    host: () => 'echo 1 >/proc/sys/net/ipv6/conf/pl-lo0/disable_ipv6',
    msg: /pl-lo0/,
  },
  'IPv6 forwarding': {
    host: () => 'echo 0 >/proc/sys/net/ipv6/conf/all/forwarding',
    msg: /IPv6 forwarding is off/,
  },
}

/** Tables of other owners, who drop what is forwarded. */
const foreign = [
  ['ip filter', 'FORWARD'],
  ['ip6 filter', 'FORWARD'],
  ['inet firewalld', 'filter_FORWARD'],
] as const

const passages: Alterations = Object.fromEntries(
  foreign.flatMap(([table, base]): [string, Alteration][] => [
    [
      `jump in ${table}`,
      {
        host: () => `nft flush chain ${table} ${base}`,
        msg: RegExp(`jump to PLUMBLINE-FORWARD is gone from .*${table} ${base}`),
      },
    ],
    [
      `jump in ${table}, behind a rule that drops`,
      {
        host: () => `nft insert rule ${table} ${base} drop`,
        msg: RegExp(`jump to PLUMBLINE-FORWARD .*${table} ${base}`),
      },
    ],
    [
      `our chain in ${table}`,
      {
        host: () => `nft flush chain ${table} PLUMBLINE-FORWARD`,
        msg: RegExp(`${table} PLUMBLINE-FORWARD is not as it should be`),
      },
    ],
    [
      `our chain in ${table}, with another rule before`,
      {
        host: () => `nft insert rule ${table} PLUMBLINE-FORWARD drop`,
        msg: RegExp(`${table} PLUMBLINE-FORWARD is not as it should be`),
      },
    ],
  ]),
)

const othersTables = foreign
  .map(
    ([table, base]) =>
      `nft 'add table ${table}; flush table ${table}; add chain ${table} ${base} { type filter hook forward priority 0; policy drop; }'`,
  )
  .join('\n')

for (const network of [inlineBridge, inlinePtp, chained])
  t.test(network.name, { skip }, async t => {
    const world = pluginWorld(t)
    const attaching = new Attaching(world, network.confs(world))
    // What all attachments of a host share is looked at with one network each.
    const kinds = {
      ...{ bandwidth, port, settings },
      ...(network === inlineBridge && { loop }),
      ...(network === chained && { passages }),
    }
    for (const [kind, alterations] of Object.entries(kinds))
      for (const [name, alteration] of Object.entries(alterations))
        if (alteration.of?.includes(network) ?? true)
          await t.test(`${kind}: ${name}`, t => noticed(t, attaching, alteration))
  })

async function noticed(t: Test, attaching: Attaching, { host, inside, msg }: Alteration): Promise<void> {
  const { world, container } = attaching
  world.sh(othersTables)
  await attaching.attach()
  t.equal(await attaching.check(), undefined, 'CHECK before')
  if (host) world.sh(host(attaching))
  if (inside) container.sh(inside)
  const before = attaching.glance()
  const error = await attaching.check()
  const after = attaching.glance()
  t.match(
    error,
    { code: 100, msg: typeof msg === 'function' ? msg(attaching) : msg },
    error?.msg ?? 'nobody notices',
  )
  t.ok(isDeepStrictEqual(before, after), 'nothing is mended')
  t.strictSame(await attaching.remove(), [], 'DEL leaves nothing')
  world.sh(
    'for link in pl-lo0 pl-lo1; do if ip -d link show $link 2>/dev/null | grep -q bridge; then ip link del $link; fi; done',
  )
  t.strictSame(await attaching.collect(), [], 'nor does GC')
}
