// Packets that arrive, and packets that must not: bridge and ptp between containers, to the gateway, and through
// masquerade to a peer outside. Both families, and at once: nobody waits for duplicate address detection.
import t, { type Test } from 'tap'
import { type Container, type FakeHost, fakeHost, type HostOptions } from '../helpers/host.js'
import { needs } from '../helpers/needs.js'
import { type Conf, hostLocal, modes, newest } from '../helpers/subjects.js'

const skip = needs('root', 'plugins', 'nsenter', 'iproute', 'nft', 'ping')
const mode = modes.at(-1)!

interface Attached {
  readonly container: Container
  readonly result: Conf
  readonly v4: string
  readonly v6: string
}

function attach(t: Test, host: FakeHost, conf: Conf): Attached {
  const container = host.container()
  const call = { id: container.id, netns: container.netns, ifname: 'eth0', conf }
  const { code, json, stdout, stderr } = host.exec(conf.type, 'ADD', call)
  t.equal(code, 0, `ADD: ${stdout}${stderr}`)
  const [v4, v6] = json.ips.map((ip: Conf) => ip.address.split('/')[0])
  return { container, result: json, v4, v6 }
}

const bridgeConf = (host: FakeHost, more: Conf = {}): Conf => ({
  cniVersion: newest,
  name: 'bridged',
  type: 'bridge',
  bridge: 'brtest',
  isGateway: true,
  ipMasq: true,
  ipam: hostLocal(host),
  ...more,
})

const ptpConf = (host: FakeHost, more: Conf = {}): Conf => ({
  cniVersion: newest,
  name: 'routed',
  type: 'ptp',
  ipMasq: true,
  ipam: hostLocal(host, 2),
  ...more,
})

const confs = { bridge: bridgeConf, ptp: ptpConf }

/** Answers within the limit, or not: nothing here is slower than a few milliseconds when it works. */
function pings({ container }: Attached, target: string, options = ''): boolean {
  return container.trySh(`ping -n -q -c 1 -W 2 ${options} ${target}`).code === 0
}

function isCutOff({ container }: Attached, target: string, options = ''): boolean {
  return container.trySh(`ping -n -q -c 1 -W 0.4 ${options} ${target}`).code === 1
}

/** Counts echo requests by their source on the peer outside. */
function countOutside(host: FakeHost, sources: readonly string[]): () => number[] {
  const { peer } = host.uplink!
  const enter = `nsenter --net=${peer}`
  const rules = sources.map(source =>
    source.includes(':')
      ? `ip6 saddr ${source} icmpv6 type echo-request counter`
      : `ip saddr ${source} icmp type echo-request counter`,
  )
  host.sh(`${enter} nft -f - <<'END'
flush ruleset
table inet seen {
  chain in {
    type filter hook input priority 0
    ${rules.join('\n    ')}
  }
}
END`)
  return () => {
    const { nftables } = JSON.parse(host.sh(`${enter} nft -j list ruleset`)) as { nftables: Conf[] }
    return nftables.flatMap(({ rule }) =>
      rule ? rule.expr.flatMap((each: Conf) => (each.counter ? [each.counter.packets] : [])) : [],
    )
  }
}

function hosted(name: string, options: HostOptions, test: (t: Test, host: FakeHost) => void): void {
  t.test(name, { skip }, async t => test(t, fakeHost(t, { resident: mode, ...options })))
}

for (const type of ['bridge', 'ptp'] as const)
  hosted(`${type}: everybody reaches everybody`, { uplink: true }, (t, host) => {
    const conf = confs[type](host)
    const [a, b] = [attach(t, host, conf), attach(t, host, conf)]
    t.ok(pings(a, b.v6), 'container to container, IPv6, at once')
    t.ok(pings(a, b.v4), 'container to container, IPv4')
    const [gateway4, gateway6] = a.result.ips.map((ip: Conf) => ip.gateway)
    t.ok(pings(b, gateway6), 'gateway, IPv6')
    t.ok(pings(b, gateway4), 'gateway, IPv4')
    t.equal(host.trySh(`ping -n -q -c 1 -W 2 ${a.v4}`).code, 0, 'from the host, IPv4')
    t.equal(host.trySh(`ping -n -q -c 1 -W 2 ${a.v6}`).code, 0, 'from the host, IPv6')

    const { host4, host6, peer4, peer6 } = host.uplink!
    const counts = countOutside(host, [host4, host6, a.v4, a.v6])
    t.ok(pings(a, peer4), 'outside, IPv4')
    t.ok(pings(a, peer6), 'outside, IPv6')
    t.strictSame(
      counts().map(n => n > 0),
      [true, true, false, false],
      'where the host is seen, not the container',
    )
    t.strictSame(
      JSON.parse(a.container.sh('ip -6 -j address show dev eth0 tentative')).filter((l: Conf) =>
        l.addr_info?.some((i: Conf) => i.scope === 'global'),
      ),
      [],
      'no address is tentative',
    )
  })

for (const type of ['bridge', 'ptp'] as const)
  hosted(`${type}: without masquerade the container is seen`, { uplink: true }, (t, host) => {
    const a = attach(t, host, confs[type](host, { ipMasq: false }))
    const { host4, host6, peer4, peer6 } = host.uplink!
    host.sh(
      `nsenter --net=${host.uplink!.peer} sh -c 'ip route add ${a.v4} via ${host4}; ip -6 route add ${a.v6} via ${host6}'`,
    )
    const counts = countOutside(host, [host4, host6, a.v4, a.v6])
    t.ok(pings(a, peer4), 'IPv4')
    t.ok(pings(a, peer6), 'IPv6')
    t.strictSame(
      counts().map(n => n > 0),
      [false, false, true, true],
    )
  })

for (const type of ['bridge', 'ptp'] as const)
  hosted(`${type}: traffic to a neighbour keeps its source`, {}, (t, host) => {
    const [a, b] = [attach(t, host, confs[type](host)), attach(t, host, confs[type](host))]
    b.container.sh(`nft -f - <<'END'
table ip seen {
  chain in {
    type filter hook input priority 0
    ip saddr ${a.v4} icmp type echo-request accept
    icmp type echo-request drop
  }
}
END`)
    t.ok(pings(a, b.v4))
  })

for (const type of ['bridge', 'ptp'] as const)
  hosted(`${type}: MTU`, { uplink: { mtu: 1380 } }, (t, host) => {
    const given = attach(t, host, confs[type](host, { mtu: 1300 }))
    const other = attach(t, host, confs[type](host, { mtu: 1300 }))
    const mtus = ({ container, result }: Attached) => [
      JSON.parse(container.sh('ip -j link show eth0'))[0].mtu,
      JSON.parse(host.sh(`ip -j link show ${result.interfaces.at(-2).name}`))[0].mtu,
    ]
    t.strictSame(mtus(given), [1300, 1300], 'as given, on both ends')
    t.ok(pings(given, other.v4, '-M do -s 1272'), 'the largest packet passes')
    t.ok(isCutOff(given, other.v4, '-M do -s 1273'), 'one byte more does not')
    const found = attach(
      t,
      host,
      confs[type](host, {
        name: 'second',
        ...(type === 'bridge' && { bridge: 'brsecond' }),
        ipam: hostLocal(host, 5),
      }),
    )
    t.strictSame(mtus(found), [1380, 1380], "the uplink's when none is given")
  })

hosted('bridge: hairpin', {}, (t, host) => {
  if (host.trySh('ip link add link lo name try0 type macvlan && ip link del try0').code !== 0)
    return void t.pass('this kernel has no macvlan to test it with')
  for (const hairpinMode of [true, false]) {
    const name = hairpinMode ? 'reflecting' : 'plain'
    const number = hairpinMode ? 3 : 4
    const a = attach(
      t,
      host,
      bridgeConf(host, { name, bridge: `br${name}`, hairpinMode, ipam: hostLocal(host, number) }),
    )
    // Two VEPA interfaces over one port reach each other only when the bridge reflects.
    const inner = host.container()
    a.container.sh(
      `ip link add vepa0 link eth0 type macvlan mode vepa
       ip link add vepa1 link eth0 type macvlan mode vepa
       ip address add 10.${number}.0.201/24 dev vepa0 && ip link set vepa0 up
       ip link set vepa1 netns ${inner.netns}`,
    )
    inner.sh(`ip address add 10.${number}.0.202/24 dev vepa1 && ip link set vepa1 up`)
    const target = `10.${number}.0.202`
    if (hairpinMode) t.ok(pings(a, target, '-I vepa0'), 'what a port sends comes back to it')
    else t.ok(isCutOff(a, target, '-I vepa0'), 'and not when it is not asked for')
  }
})

hosted('bridge: isolated ports', {}, (t, host) => {
  const conf = bridgeConf(host, { portIsolation: true })
  const [a, b] = [attach(t, host, conf), attach(t, host, conf)]
  t.ok(isCutOff(a, b.v4), 'do not reach each other, IPv4')
  t.ok(isCutOff(a, b.v6), 'nor IPv6')
  t.ok(pings(a, a.result.ips[0].gateway), 'but the gateway, IPv4')
  t.ok(pings(a, a.result.ips[1].gateway), 'and IPv6')
})

hosted('bridge: a forged MAC address', {}, (t, host) => {
  const [guarded, free] = [
    attach(t, host, bridgeConf(host, { macspoofchk: true })),
    attach(t, host, bridgeConf(host)),
  ]
  const gateway = guarded.result.ips[0].gateway
  const mac = guarded.result.interfaces[2].mac
  t.ok(pings(guarded, gateway), 'its own passes')
  for (const attached of [guarded, free]) {
    attached.container.sh('ip link set eth0 address 02:00:00:00:00:99; ip neighbour flush dev eth0')
    host.sh('ip neighbour flush dev brtest')
    if (attached === guarded) t.ok(isCutOff(attached, gateway), 'another one does not')
    else t.ok(pings(attached, gateway), 'where nobody asked for the check it does')
  }
  guarded.container.sh(`ip link set eth0 address ${mac}; ip neighbour flush dev eth0`)
  t.ok(pings(guarded, gateway), 'and its own again')
})

hosted('bridge: requested addresses', {}, (t, host) => {
  const conf = bridgeConf(host, { isDefaultGateway: true })
  const container = host.container()
  const mac = '02:00:00:aa:bb:cc'
  const call = { id: container.id, netns: container.netns, ifname: 'eth0' }
  const added = host.exec('bridge', 'ADD', {
    ...call,
    conf: { ...conf, runtimeConfig: { mac, ips: ['10.1.0.77', 'fd00:1::77'] } },
  })
  t.match(added.json, { ips: [{ address: '10.1.0.77/24' }, { address: 'fd00:1::77/64' }] }, added.stdout)
  t.match(JSON.parse(container.sh('ip -j link show eth0')), [{ address: mac }])
  t.ok(pings({ container, result: added.json, v4: '', v6: '' }, '10.1.0.1'))
})

hosted('the host side does not listen to router advertisements', {}, (t, host) => {
  for (const type of ['bridge', 'ptp'] as const) {
    const { result } = attach(t, host, confs[type](host))
    for (const { name, sandbox } of result.interfaces)
      if (!sandbox) t.equal(host.sh(`cat /proc/sys/net/ipv6/conf/${name}/accept_ra`).trim(), '0', name)
  }
})
