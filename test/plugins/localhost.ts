// Published ports at the host's loopback addresses: there for the host and nobody else, over bridges and without.
import t, { type Test } from 'tap'
import { askAll, type Question } from '../helpers/ask-all.js'
import { needs } from '../helpers/needs.js'
import type { Json } from '../helpers/netns.js'
import { type PluginWorld, pluginWorld } from '../helpers/plugin-world.js'
import {
  type PublishedAttachment,
  type Publishing,
  publish,
  seeBridged,
  serveBoth,
} from '../helpers/publishing.js'
import { serve } from '../helpers/service.js'
import { sh } from '../helpers/sh.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter', 'socat', 'ss')

const ports = [
  { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
  { hostPort: 8080, containerPort: 80, protocol: 'udp' },
  { hostPort: '9000-9002', containerPort: '80-82', protocol: 'tcp' },
  { hostPort: '80-82', containerPort: '80-82', protocol: 'tcp' },
  { hostPort: 8081, containerPort: 80, hostIP: '127.0.0.1' },
  { hostPort: 8081, containerPort: 80, hostIP: '::1' },
  { hostPort: 8082, containerPort: 80, hostIP: '127.0.0.2' },
]

interface Way extends Publishing {
  /** Netfilter sees what passes bridges. */
  readonly seen: boolean
}

const ways: Record<string, Way> = {
  'chained behind bridge, bridged frames seen': { type: 'bridge', chained: true, seen: true },
  'chained behind bridge, bridged frames not seen': { type: 'bridge', chained: true, seen: false },
  'chained behind ptp': { type: 'ptp', chained: true, seen: true },
  'bridge, bridged frames seen': { type: 'bridge', chained: false, seen: true },
  ptp: { type: 'ptp', chained: false, seen: true },
}

const loopback = ['127.0.0.1', '::1'] as const

/** They stand for ::1 on the loop. */
const onLoop = ['fd70:6c75:6d62:6c6f::1', 'fd70:6c75:6d62:6c6f::2']

/** What is the host's alone. */
const martians = [...loopback, '127.0.0.2', ...onLoop]

for (const [name, way] of Object.entries(ways))
  t.test(name, { skip }, async t => {
    const world = pluginWorld(t, { uplink: { mtu: 1500 } })
    seeBridged(world, way.seen)
    const web = await publish(world, way, ports)
    const neighbour = await publish(world, way, [{ hostPort: 1, containerPort: 1 }])
    await serveBoth(t, web.container, 'web')
    for (const address of loopback)
      await serve(t, { netns: world.path, port: 7777, address, greeting: 'secret' })
    await theHostReachesThem(t, world, web)
    await itReachesItself(t, world, web)
    await nobodyElseDoes(t, world, neighbour)
  })

t.test('what the conditions of the network exclude', { skip }, async t => {
  const world = pluginWorld(t, { uplink: { mtu: 1500 } })
  const keys = { conditionsV6: ['-s', '2001:db8::/32'] }
  const web = await publish(world, { type: 'bridge', chained: true, keys }, [
    { hostPort: 8080, containerPort: 80 },
  ])
  await serveBoth(t, web.container, 'web')
  const { stderr } = world.trySh('socat -u TCP6:[::1]:8080 -')
  t.match(stderr, /Connection refused/, 'is refused at [::1], and does not go round')
  t.match(await askAll(world.uplink!.peer, [{ address: world.uplink!.host6, port: 8080 }]), [/^web/])
})

for (const seen of [true, false])
  t.test(`a host with a strict firewall, bridged frames ${seen ? '' : 'not '}seen`, { skip }, async t => {
    const world = pluginWorld(t)
    seeBridged(world, seen)
    const ports = ['tcp', 'udp'].map(protocol => ({ hostPort: 8080, containerPort: 80, protocol }))
    const web = await publish(world, { type: 'bridge', chained: true }, ports)
    await serveBoth(t, web.container, 'web')
    world.sh(strictFirewall)
    const answers = await askAll(
      world.path,
      loopback.flatMap((address): Question[] => [
        { address, port: 8080 },
        { address, port: 8080, transport: 'udp' },
      ]),
    )
    t.match(answers, [/^web/, /^web/, /^web/, /^web/])
  })

/** Reverse path filter, nothing invalid, and from elsewhere only what was asked for; published ports are let through. */
const strictFirewall = `nft -f - <<'END'
table inet strict {
  chain arrived {
    type filter hook prerouting priority -150
    fib saddr . mark . iif oif missing drop
    ct state invalid drop
  }
  chain entering {
    type filter hook input priority 0
    policy drop
    iif lo accept
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  }
  chain passing {
    type filter hook forward priority 0
    policy drop
    ct state established,related accept
    ct status dnat accept
  }
}
END`

async function theHostReachesThem(
  t: Test,
  world: PluginWorld,
  { gateways }: PublishedAttachment,
): Promise<void> {
  const at = (address: string): Question[] => [
    { address, port: 8080 },
    { address, port: 8080, transport: 'udp' },
    { address, port: 9000 },
    { address, port: 80 },
    { address, port: 8081 },
  ]
  const more = [
    { address: '127.0.0.9', port: 8080 },
    { address: '127.0.0.2', port: 8082 },
  ]
  const secrets = loopback.map(address => ({ address, port: 7777 }))
  const answers = await askAll(
    world.path,
    [...loopback.flatMap(at), ...more, ...secrets],
    [{ address: '127.0.0.1', port: 8082 }],
  )
  const [v4, v6] = gateways.map(caller => `web ${caller}`)
  t.strictSame(answers.slice(0, 5), [v4, v4, v4, v4, v4], 'at 127.0.0.1, from an address on its link')
  t.strictSame(answers.slice(5, 10), [v6, v6, v6, v6, v6], 'at ::1')
  t.strictSame(answers.slice(10, 12), [v4, v4], 'at others of 127.0.0.0/8')
  t.match(answers.slice(12, 14), [/^secret/, /^secret/], 'its own services as before')
  t.equal(answers[14], undefined, 'an address of 127.0.0.0/8 is that one only')
}

async function itReachesItself(
  t: Test,
  { uplink }: PluginWorld,
  { container }: PublishedAttachment,
): Promise<void> {
  const questions = [uplink!.host4, uplink!.host6].flatMap((address): Question[] => [
    { address, port: 8080 },
    { address, port: 8080, transport: 'udp' },
  ])
  const answers = await askAll(container.path, questions)
  t.match(answers, [/^web/, /^web/, /^web/, /^web/], 'by the published port')
}

async function nobodyElseDoes(
  t: Test,
  world: PluginWorld,
  { container, gateways, addresses }: PublishedAttachment,
): Promise<void> {
  const { peer, ifname, peer4, peer6, host4, host6 } = world.uplink!
  const attackers = [
    { who: 'a container', netns: container.path, ifname: 'eth0', own: addresses, host: gateways },
    { who: 'a neighbour', netns: peer, ifname, own: [peer4, peer6], host: [host4, host6] },
  ]
  for (const { who, netns, ifname, own, host } of attackers) {
    const sent = countMartians(netns, ifname)
    routeLoopbackOut(netns, ifname, own, host)
    const published = host.map(address => ({ address, port: 8080 }))
    const bound = host.map(address => ({ address, port: 8081 }))
    const attacks = martians.flatMap(address => [7777, 8080, 8081, 8082].map(port => ({ address, port })))
    const answers = await askAll(netns, published, [...bound, ...attacks])
    t.match(answers.slice(0, 2), [/^web/, /^web/], `${who} has what is published to all`)
    const more = [...bound, ...attacks].filter((_, i) => answers[2 + i] !== undefined)
    t.strictSame(more, [], `${who} has nothing else`)
    t.strictSame(
      Object.entries(sent()).filter(([, packets]) => packets === 0),
      [],
      `${who} has sent them`,
    )
  }
}

/** What one sends to a loopback address, or to one that stands for it, goes out to the host. */
function routeLoopbackOut(netns: string, ifname: string, own: readonly string[], via: readonly string[]) {
  sh(
    `echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
     for family in 4 6; do
       ip -$family rule add pref 10 lookup 77
       ip -$family rule add pref 20 lookup local
       ip -$family rule del pref 0
     done
     ip -4 route add 127.0.0.0/8 via ${via[0]} dev ${ifname} src ${own[0]} table 77
     for dst in ::1 ${onLoop.join(' ')}; do
       ip -6 route add $dst via ${via[1]} dev ${ifname} src ${own[1]} table 77
     done`,
    netns,
  )
}

/** How many packets to such addresses go out there, by address. */
function countMartians(netns: string, ifname: string): () => Record<string, number> {
  const counters = martians.map(
    address => `${address.includes(':') ? 'ip6' : 'ip'} daddr ${address} counter comment "${address}"`,
  )
  sh(
    `nft -f - <<'END'
table inet sent {
  chain out {
    type filter hook postrouting priority 0
    oifname != ${ifname} accept
    ${counters.join('\n    ')}
  }
}
END`,
    netns,
  )
  return () =>
    Object.fromEntries(
      JSON.parse(sh('nft -j list table inet sent', netns)).nftables.flatMap(({ rule }: Json) =>
        rule?.comment ? [[rule.comment, rule.expr[1].counter.packets]] : [],
      ),
    )
}
