// The source guard against frames made by hand: addresses, ARP and neighbour discovery, routers; also behind VLAN tags and extension
// headers, which must not hide anything. And what must go on to work.
import t from 'tap'
import { onPtp, type Walls, wall } from '../helpers/firewall.js'
import * as f from '../helpers/frames.js'
import { needs } from '../helpers/needs.js'
import type { Json } from '../helpers/netns.js'
import { type PluginWorld, pluginWorld } from '../helpers/plugin-world.js'
import { until } from '../helpers/processes.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter', 'python3')

interface Party {
  readonly mac: string
  readonly v4: string
  readonly v6: string
}

interface Case {
  /** Type and payload of the frame, and the tags it is sent with. */
  readonly frame: readonly [type: number, payload: Buffer, tags?: readonly number[]]
  /** What it is known by where it arrives: an nft match of the inet or the arp family. */
  readonly seen: string
  readonly passes?: true
}

const stranger4 = '198.51.100.7'
const stranger6 = '2001:db8:bad::7'
const linkLocal = 'fe80::5'
const allNodes = 'ff02::1'

/** `me` sends to `you`; `gateway` is whom one would like to be. */
function cases(me: Party, you: Party, gateway: Party): Record<string, Case> {
  const ip6 = (payload: Buffer, ...tags: number[]): Case['frame'] => [f.ETH_P_IPV6, payload, tags]
  const arp = (...args: [...Parameters<typeof f.arp>, ...number[]]): Case['frame'] => {
    const [operation, sender, target, ...tags] = args
    return [f.ETH_P_ARP, f.arp(operation, sender, target), tags]
  }
  const mine = (ip: string) => ({ mac: me.mac, ip })
  const yours = { mac: you.mac, ip: you.v4 }
  // Each has an address of its own somewhere, to be counted by.
  const router = (n: number, options?: f.Icmpv6Options, ...tags: number[]): Case => ({
    frame: ip6(f.icmpv6(`fe80::bad:${n}`, allNodes, 134, f.routerAdvertisement, options), ...tags),
    seen: `ip6 saddr fe80::bad:${n} icmpv6 type nd-router-advert`,
  })
  const advertises = (n: number, from: string, target: string, ...tags: number[]): Case => ({
    frame: ip6(f.icmpv6(from, `ff02::${n}`, 136, f.advertisement(target, me.mac)), ...tags),
    seen: `ip6 daddr ff02::${n} icmpv6 type nd-neighbor-advert`,
  })
  return {
    'a foreign source, IPv4': {
      frame: [f.ETH_P_IP, f.udp4(stranger4, you.v4, 9)],
      seen: `ip saddr ${stranger4} udp dport 9`,
    },
    'a foreign source, IPv4, priority-tagged': {
      frame: [f.ETH_P_IP, f.udp4(stranger4, you.v4, 10), [0]],
      seen: `ip saddr ${stranger4} udp dport 10`,
    },
    'a foreign source, IPv4, tagged twice': {
      frame: [f.ETH_P_IP, f.udp4(stranger4, you.v4, 11), [0, 0]],
      seen: `ip saddr ${stranger4} udp dport 11`,
    },
    'the loopback address': {
      frame: [f.ETH_P_IP, f.udp4('127.0.0.1', you.v4, 12)],
      seen: 'ip saddr 127.0.0.1 udp dport 12',
    },
    'the gateway’s source, IPv4': {
      frame: [f.ETH_P_IP, f.udp4(gateway.v4, you.v4, 13)],
      seen: `ip saddr ${gateway.v4} udp dport 13`,
    },
    'a foreign source, IPv6': {
      frame: ip6(f.icmpv6(stranger6, you.v6, 128, Buffer.from([0, 1, 0, 1]))),
      seen: `ip6 saddr ${stranger6} icmpv6 type echo-request`,
    },
    'its own source, IPv4': {
      frame: [f.ETH_P_IP, f.udp4(me.v4, you.v4, 14)],
      seen: `ip saddr ${me.v4} udp dport 14`,
      passes: true,
    },
    'its own source, IPv6': {
      frame: ip6(f.icmpv6(me.v6, you.v6, 128, Buffer.from([0, 1, 0, 2]))),
      seen: `ip6 saddr ${me.v6} icmpv6 type echo-request`,
      passes: true,
    },
    'no address yet, IPv4': {
      frame: [f.ETH_P_IP, f.udp4('0.0.0.0', '255.255.255.255', 67)],
      seen: 'ip saddr 0.0.0.0 udp dport 67',
      passes: true,
    },
    multicast: {
      frame: [f.ETH_P_IP, f.udp4(me.v4, '224.0.0.251', 5353)],
      seen: 'ip daddr 224.0.0.251 udp dport 5353',
      passes: true,
    },
    'ARP reply for the gateway': {
      frame: arp('reply', mine(gateway.v4), yours),
      seen: `arp operation reply arp saddr ip ${gateway.v4}`,
    },
    'ARP request from the gateway': {
      frame: arp('request', mine(gateway.v4), yours),
      seen: `arp operation request arp saddr ip ${gateway.v4}`,
    },
    'ARP for a stranger, priority-tagged': {
      frame: arp('reply', mine(stranger4), yours, 0),
      seen: `arp saddr ip ${stranger4}`,
    },
    'ARP for another, tagged twice': {
      frame: arp('reply', mine('198.51.100.8'), yours, 0, 0),
      seen: 'arp saddr ip 198.51.100.8',
    },
    'ARP reply of its own': {
      frame: arp('reply', mine(me.v4), yours),
      seen: `arp operation reply arp saddr ip ${me.v4}`,
      passes: true,
    },
    'ARP probe': {
      frame: arp('request', mine('0.0.0.0'), { mac: '00:00:00:00:00:00', ip: you.v4 }),
      seen: 'arp saddr ip 0.0.0.0',
      passes: true,
    },
    'neighbour advertisement for the gateway': advertises(0x11, me.v6, gateway.v6),
    'the same from a link-local address': advertises(0x12, linkLocal, gateway.v6),
    'the same, priority-tagged': advertises(0x13, linkLocal, gateway.v6, 0),
    'neighbour advertisement of its own': { ...advertises(0x14, me.v6, me.v6), passes: true },
    'and of a link-local address': { ...advertises(0x15, linkLocal, linkLocal), passes: true },
    'duplicate address detection': {
      frame: ip6(f.icmpv6('::', 'ff02::16', 135, f.solicitation(me.v6))),
      seen: 'ip6 saddr :: ip6 daddr ff02::16',
      passes: true,
    },
    'neighbour solicitation from a link-local address': {
      frame: ip6(f.icmpv6(linkLocal, 'ff02::17', 135, f.solicitation(you.v6))),
      seen: `ip6 saddr ${linkLocal} ip6 daddr ff02::17`,
      passes: true,
    },
    'router advertisement': router(1),
    'router advertisement behind options': router(2, { hopByHop: true }),
    'router advertisement, priority-tagged': router(3, {}, 0),
    'router advertisement, tagged twice': router(4, {}, 0, 0),
    redirect: {
      frame: ip6(f.icmpv6(linkLocal, 'ff02::18', 137, f.redirect(linkLocal, stranger6))),
      seen: 'ip6 daddr ff02::18 icmpv6 type nd-redirect',
    },
  }
}

/** Counts what arrives in a namespace, behind what guards it. */
function count(place: Pick<PluginWorld, 'sh'>, wanted: Record<string, Case>): () => string[] {
  const names = Object.keys(wanted)
  const rules = (isArp: boolean) =>
    names
      .filter(name => wanted[name]!.seen.startsWith('arp') === isArp)
      .map(name => `    ${wanted[name]!.seen} counter comment "case ${names.indexOf(name)}"`)
      .join('\n')
  place.sh(`nft -f - <<'END'
table inet seen {
  chain in {
    type filter hook prerouting priority -250
${rules(false)}
    udp dport 99 counter comment "end"
  }
}
table arp seen {
  chain in {
    type filter hook input priority 0
${rules(true)}
  }
}
END`)
  return () => {
    const listed = JSON.parse(place.sh('nft -j list ruleset')).nftables as Json[]
    return listed
      .filter(
        ({ rule }) => rule?.table === 'seen' && rule.expr.some((each: Json) => each.counter?.packets > 0),
      )
      .map(({ rule }) => (rule.comment === 'end' ? 'end' : names[Number(rule.comment.slice(5))]!))
  }
}

const setups: Record<string, Walls> = { bridge: {}, ptp: { link: onPtp } }

for (const [name, walls] of Object.entries(setups))
  for (const sourceGuard of [true, false])
    t.test(`${name}, ${sourceGuard ? 'guarded' : 'not guarded'}`, { skip }, async t => {
      const world = pluginWorld(t)
      world.sh(
        'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter',
      )
      const attacker = await wall(world, { ...walls, firewall: { sourceGuard } })
      const victim = await wall(world, walls)
      const hostMac = world.ns.link.get(attacker.bridge)!.address!.toString()
      const [gateway4, gateway6] = attacker.link.prevResult.ips.map(({ gateway }: Json) => gateway)
      const gateway = { mac: hostMac, v4: gateway4, v6: gateway6 }
      // Behind a bridge the neighbour is the one to be fooled, else it is the host.
      const you: Party = name === 'ptp' ? gateway : victim
      const all = Object.entries(cases(attacker, you, gateway)).filter(
        ([, { seen }]) => name === 'bridge' || !seen.startsWith('arp'),
      )
      const wanted = Object.fromEntries(all)
      const arrived = count(name === 'ptp' ? world : victim.container, wanted)
      const frames = all.map(
        ([
          ,
          {
            frame: [type, payload, tags],
          },
        ]) =>
          f.ethernet(
            payload.readUInt8(0) >> 4 === 6 && payload[24] === 0xff ? '33:33:00:00:00:01' : you.mac,
            attacker.mac,
            type,
            payload,
            tags,
          ),
      )
      f.sendFrames(attacker.container.path, 'eth0', [
        ...frames,
        f.ethernet(you.mac, attacker.mac, f.ETH_P_IP, f.udp4(attacker.v4, you.v4, 99)),
      ])
      await until(() => arrived().includes('end'), 'the last frame')
      const expected = all.filter(([, { passes }]) => passes || !sourceGuard).map(([name]) => name)
      t.strictSame(
        arrived()
          .filter(each => each !== 'end')
          .sort(),
        expected.sort(),
      )
    })
