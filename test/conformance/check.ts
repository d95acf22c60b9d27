// CHECK finds whatever is not as ADD left it, and mends nothing. One attachment for each way of tampering with it.
// CNI SPEC 1.1.0, section 2 "CHECK".
import { rmSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { changes } from '../helpers/difference.js'
import { type Container, type FakeHost, fakeHost } from '../helpers/host.js'
import { needs } from '../helpers/needs.js'
import { Runtime } from '../helpers/runtime.js'
import { type Conf, modes, type Subject, subjects, testsReference } from '../helpers/subjects.js'

interface Attachment {
  readonly host: FakeHost
  readonly container: Container
  /** The configuration with ADD's result. */
  readonly conf: Conf
  /** Name of the host's end of the veth pair. */
  readonly hostEnd: string
}

interface Tampering {
  readonly name: string
  readonly of: readonly string[]
  /** Merged into the configuration. */
  readonly conf?: Conf
  readonly tamper: (attachment: Attachment) => unknown
  /** What the message must name. */
  readonly msg: RegExp
  /** Found by the reference plugins, too. */
  readonly reference?: boolean
  /** A resident notices and mends it within a second, so that CHECK may come too late. */
  readonly mended?: boolean
}

const links = ['bridge', 'ptp']

const tamperings: readonly Tampering[] = [
  {
    name: 'the interface is gone',
    of: links,
    tamper: ({ container }) => container.sh('ip link del eth0'),
    msg: /eth0|pl[vs]/,
    reference: true,
  },
  {
    name: 'the interface is down',
    of: links,
    tamper: ({ container }) => container.sh('ip link set eth0 down'),
    msg: /eth0/,
  },
  {
    name: 'the interface is another one',
    of: links,
    tamper: ({ container }) =>
      container.sh('ip link del eth0; ip link add eth0 type veth peer name other; ip link set eth0 up'),
    msg: /eth0|pl[vs]/,
  },
  {
    name: 'the interface has another MAC',
    of: links,
    tamper: ({ container }) => container.sh('ip link set eth0 address 02:00:00:00:00:99'),
    msg: /02:00:00:00:00:99|MAC/i,
    reference: true,
  },
  {
    name: 'the interface has another MTU',
    of: links,
    tamper: ({ container }) => container.sh('ip link set eth0 mtu 1300'),
    msg: /mtu/i,
  },
  {
    name: 'the IPv4 address is gone',
    of: links,
    tamper: ({ container, conf }) =>
      container.sh(`ip address del ${conf.prevResult.ips[0].address} dev eth0`),
    msg: /10\.\d\.0\.\d+/,
    reference: true,
  },
  {
    name: 'the IPv6 address is gone',
    of: links,
    tamper: ({ container, conf }) =>
      container.sh(`ip address del ${conf.prevResult.ips[1].address} dev eth0`),
    msg: /fd00:\d::/,
    reference: true,
  },
  {
    name: 'the default route is gone',
    of: links,
    tamper: ({ container }) => container.sh('ip route del default'),
    msg: /0\.0\.0\.0\/0/,
    reference: true,
  },
  {
    name: 'the IPv6 default route leads elsewhere',
    of: links,
    tamper: ({ container }) => container.sh('ip -6 route replace default via fe80::1 dev eth0'),
    msg: /::\/0/,
  },
  {
    name: "the host's end is down",
    of: links,
    tamper: ({ host, hostEnd }) => host.sh(`ip link set ${hostEnd} down`),
    msg: /pl[vs]/,
  },
  {
    name: "the host's end is on no bridge",
    of: ['bridge'],
    tamper: ({ host, hostEnd }) => host.sh(`ip link set ${hostEnd} nomaster`),
    msg: /brtest/,
    reference: true,
  },
  {
    name: 'the bridge is down',
    of: ['bridge'],
    tamper: ({ host }) => host.sh('ip link set brtest down'),
    msg: /brtest/,
  },
  {
    name: 'the bridge has lost its address',
    of: ['bridge'],
    tamper: ({ host }) => host.sh('ip -4 address flush dev brtest'),
    msg: /10\.1\.0\.1/,
  },
  {
    name: "the host's route is gone",
    of: ['ptp'],
    tamper: ({ host, conf }) => host.sh(`ip route del ${conf.prevResult.ips[0].address.split('/')[0]}`),
    msg: /10\.2\.0\.\d+/,
  },
  {
    name: 'IPv4 forwarding is off',
    of: links,
    tamper: ({ host }) => host.sh('echo 0 > /proc/sys/net/ipv4/ip_forward'),
    msg: /forward/,
  },
  {
    name: 'hairpin is off',
    of: ['bridge'],
    conf: { hairpinMode: true },
    tamper: ({ host, hostEnd }) => host.sh(`bridge link set dev ${hostEnd} hairpin off`),
    msg: /hairpin/,
  },
  {
    name: 'the port is not isolated',
    of: ['bridge'],
    conf: { portIsolation: true },
    tamper: ({ host, hostEnd }) => host.sh(`bridge link set dev ${hostEnd} isolated off`),
    msg: /isolat/i,
  },
  {
    name: 'promiscuous mode is off',
    of: ['bridge'],
    conf: { promiscMode: true },
    tamper: ({ host }) => host.sh('ip link set brtest promisc off'),
    msg: /promisc/i,
  },
  {
    name: 'the rules are gone',
    of: links,
    conf: { macspoofchk: true },
    tamper: ({ host }) => host.sh('nft flush ruleset'),
    msg: /masquerade|spoof|table|plumbline|element/i,
    mended: true,
  },
  {
    name: 'the elements are gone',
    of: links,
    tamper: ({ host }) => host.sh(flushSets(host)),
    msg: /masquerade|element|10\.\d\.0\.\d+|fd00:/i,
    mended: true,
  },
  {
    name: 'the lease is gone',
    of: ['bridge', 'ptp', 'host-local'],
    tamper: ({ host, container }) => removeLeases(host, container),
    msg: /10\.\d\.0\.\d+|lease|reserv|address/i,
  },
  {
    name: 'the lease is somebody else’s',
    of: ['bridge', 'ptp', 'host-local'],
    tamper: ({ host, container }) => removeLeases(host, container, 'somebody-else\r\neth0'),
    msg: /10\.\d\.0\.\d+|lease|reserv|address|somebody/i,
  },
  {
    name: 'the map of ports is empty',
    of: ['portmap'],
    tamper: ({ host }) => host.sh('nft flush map inet plumbline ports4'),
    msg: /tcp \. 8080 is gone from nftables set inet plumbline ports4/,
    mended: true,
  },
  {
    name: 'hairpin mode is off',
    of: ['portmap'],
    tamper: ({ host, hostEnd }) => host.sh(`bridge link set dev ${hostEnd} hairpin off`),
    msg: /hairpin mode of pl[vs]/,
  },
  {
    name: 'route_localnet is off',
    of: ['portmap'],
    tamper: ({ host }) => host.sh('echo 0 >/proc/sys/net/ipv4/conf/brportmap/route_localnet'),
    msg: /brportmap\/route_localnet is 0/,
  },
  {
    name: 'the bucket is gone',
    of: ['bandwidth'],
    tamper: ({ host, hostEnd }) => host.sh(`tc qdisc del dev ${hostEnd} root`),
    msg: /qdisc tbf is gone from pl[vs]/,
  },
  {
    name: 'the ifb is gone',
    of: ['bandwidth'],
    tamper: ({ host, conf }) => host.sh(`ip link del ${conf.prevResult.interfaces.at(-1).name}`),
    msg: /ifb plb/,
    reference: true,
  },
  {
    name: 'the rules are gone',
    of: ['portmap', 'firewall'],
    tamper: ({ host }) => host.sh('nft flush ruleset'),
    msg: /nftables set .* is gone/,
    mended: true,
  },
  {
    name: 'the address is not let through',
    of: ['firewall'],
    tamper: ({ host }) => host.sh('nft flush set inet plumbline allowed6'),
    msg: /fd00:13::\w+ is gone from nftables set inet plumbline allowed6/,
    mended: true,
  },
  {
    name: 'a setting is another',
    of: ['tuning'],
    tamper: ({ container }) => container.sh('echo 600 >/proc/sys/net/core/somaxconn'),
    msg: /net\.core\.somaxconn.*"600", not "500"/,
    reference: true,
  },
  {
    name: 'promiscuous mode is off',
    of: ['tuning'],
    tamper: ({ container }) => container.sh('ip link set eth0 promisc off'),
    msg: /promisc of eth0 .* is off/,
    reference: true,
  },
  {
    name: 'the record is gone',
    of: ['portmap', 'bandwidth', 'firewall', 'tuning'],
    tamper: ({ host }) => rmSync(`${host.runDir}/attachments`, { recursive: true }),
    msg: /^no record of attachment /,
  },
  {
    name: 'lo is down',
    of: ['loopback'],
    tamper: ({ container }) => container.sh('ip link set lo down'),
    msg: /lo/,
    reference: true,
  },
]

function flushSets(host: FakeHost): string {
  const { nftables } = JSON.parse(host.sh('nft -j list ruleset')) as { nftables: Conf[] }
  return nftables
    .flatMap(object => Object.entries(object).filter(([kind]) => kind === 'set' || kind === 'map'))
    .map(([kind, { family, table, name }]) => `nft flush ${kind} ${family} ${table} ${name}`)
    .join('\n')
}

/** The files are the truth; an index beside them is built from them. */
function removeLeases(host: FakeHost, container: Container, replacement?: string): void {
  for (const [path, content] of Object.entries(host.snapshot().leases)) {
    if (!content.includes(container.id)) continue
    if (replacement === undefined) rmSync(`${host.dataDir}/${path}`)
    else writeFileSync(`${host.dataDir}/${path}`, replacement)
  }
}

/** Behind the launcher is the same code: each case is met once, warm or cold. A resident mends what some of them break. */
function modeOf({ mended }: Tampering, index: number) {
  return mended || index % 2 === 0 ? 'off' : modes.at(-1)
}

for (const mode of modes)
  for (const subject of subjects.filter(each => tamperings.some(one => one.of.includes(each.type))))
    t.test(
      `CHECK of ${subject.type}, resident ${mode}`,
      { skip: needs('root', 'plugins', 'nsenter', 'iproute', 'nft') },
      async t => {
        for (const [index, one] of tamperings.filter(each => each.of.includes(subject.type)).entries())
          if ((one.reference || !testsReference) && modeOf(one, index) === mode)
            t.test(one.name, async t => tampered(t, subject, one, fakeHost(t, { resident: mode })))
      },
    )

function tampered(t: Test, subject: Subject, { conf: more, tamper, msg }: Tampering, host: FakeHost): void {
  const runtime = new Runtime(t, host, subject, more)
  const container = host.container()
  const conf = runtime.add(container)
  const hostEnd = (conf.prevResult.interfaces ?? []).find((each: Conf) =>
    /^(pl[vs]|veth)/.test(each.name),
  )?.name
  runtime.succeeds(runtime.call('CHECK', container, { conf }), 'CHECK before')

  tamper({ host, container, conf, hostEnd })
  const before = host.snapshot()
  const check = runtime.call('CHECK', container, { conf })
  if (testsReference) t.equal(check.code, 1)
  else t.match(check, { code: 1, error: { code: 100, msg } }, `CHECK: ${check.stdout}`)
  t.strictSame(changes(before, host.snapshot()), [], 'nothing was mended')

  runtime.succeeds(runtime.call('DEL', container, { conf }), 'DEL')
  runtime.detach()
  const { leases, records, host: left } = host.snapshot()
  t.strictSame(
    { leases: Object.values(leases).filter(lease => lease.includes(container.id)), records },
    { leases: [], records: {} },
  )
  t.strictSame(
    Object.keys(left.links).filter(name => name === hostEnd || /^pl[vsb][a-z2-7]{12}/.test(name)),
    [],
    'the veth pair is gone',
  )
}
