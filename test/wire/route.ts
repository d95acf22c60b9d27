// Addresses, routes, neighbours and rules: our requests against those of ip and bridge, and what the kernel tells.
import t, { type Test } from 'tap'
import { Ip, Prefix } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'
import type { NlWriter } from '../../wire/netlink/attr.js'
import { AF_BRIDGE, AF_INET, NLM_F_DUMP } from '../../wire/netlink/constants.js'
import { type Address, decodeAddress, encodeAddress, encodeAddressDump } from '../../wire/route/address.js'
import * as c from '../../wire/route/constants.js'
import {
  decodeNeighbour,
  encodeNeighbour,
  encodeNeighbourDump,
  type Neighbour,
} from '../../wire/route/neighbour.js'
import {
  decodeRoute,
  encodeRoute,
  encodeRouteDump,
  encodeRouteQuery,
  encodeRouteRemoval,
  type Route,
} from '../../wire/route/route.js'
import {
  decodeRule,
  encodeRule,
  encodeRuleDump,
  encodeRuleRemoval,
  type Rule,
} from '../../wire/route/rule.js'
import { canonical } from '../helpers/canonical.js'
import { golden, plain, sentBy } from '../helpers/golden.js'
import { matchBytes } from '../helpers/match-bytes.js'
import { bytesOf, roundTrips } from '../helpers/round-trip.js'

const areas = ['route/address', 'route/route', 'route/neighbour', 'route/rule']
const captures = areas.flatMap(golden)
const ip = Ip.parse
const net = Prefix.parse
const mac = Mac.parse

function sameAs(t: Test, command: string, type: number, write: (w: NlWriter) => void): void {
  const want = canonical(type, sentBy(captures, command, type).payload)
  matchBytes(t, canonical(type, bytesOf(write)), want, command)
}

/** What the kernel answered to a command: messages of the type, decoded and made plain. */
function told<T>(command: string, type: number, decode: (payload: Buffer) => T): T[] {
  const messages = captures.find(capture => capture.command === command)?.received ?? []
  return messages.filter(message => message.type === type).map(({ payload }) => decode(payload))
}

const broken = { name: 'WireError', offset: Number }

t.test('every captured message comes back as it was', async t => {
  for (const area of areas) t.ok(roundTrips(t, area) > 20, area)
})

t.test('addresses to be set', async t => {
  const cases: [string, Address][] = [
    ['ip addr add 10.1.0.1/24 dev p0', { index: 10, address: net('10.1.0.1/24') }],
    [
      'ip addr add 10.1.0.2/24 brd + dev p0 label p0:x',
      { index: 10, address: net('10.1.0.2/24'), broadcast: ip('10.1.0.255'), label: 'p0:x' },
    ],
    [
      'ip addr add 10.2.0.1 peer 10.2.0.2/32 dev p0',
      { index: 10, address: net('10.2.0.1/32'), peer: ip('10.2.0.2') },
    ],
    [
      'ip addr add 169.254.1.1/32 dev p0 scope link',
      { index: 10, address: net('169.254.1.1/32'), scope: c.RT_SCOPE_LINK },
    ],
    [
      'ip addr add 10.3.0.1/24 dev p0 valid_lft 1000 preferred_lft 500 metric 77 noprefixroute',
      {
        index: 10,
        address: net('10.3.0.1/24'),
        flags: c.IFA_F_NOPREFIXROUTE,
        priority: 77,
        cacheInfo: { preferred: 500, valid: 1000, created: 0, updated: 0 },
      },
    ],
    [
      'ip addr add fd00:1::1/64 dev p0 nodad',
      { index: 10, address: net('fd00:1::1/64'), flags: c.IFA_F_NODAD },
    ],
    [
      'ip addr add fd00:3::1 peer fd00:3::2/128 dev p0',
      { index: 10, address: net('fd00:3::1/128'), peer: ip('fd00:3::2') },
    ],
    [
      'ip addr add fd00:4::1/64 dev p0 home mngtmpaddr',
      { index: 10, address: net('fd00:4::1/64'), flags: c.IFA_F_HOMEADDRESS | c.IFA_F_MANAGETEMPADDR },
    ],
  ]
  for (const [command, address] of cases) sameAs(t, command, c.RTM_NEWADDR, w => encodeAddress(w, address))
  sameAs(t, 'ip addr del fd00:1::1/64 dev p0', c.RTM_DELADDR, w =>
    encodeAddress(w, { index: 10, address: net('fd00:1::1/64') }),
  )
  const { payload } = sentBy(captures, 'ip addr show dev p0', c.RTM_GETADDR)
  matchBytes(
    t,
    bytesOf(w => encodeAddressDump(w, { index: 10 })),
    payload,
  )
  t.same([...bytesOf(w => encodeAddressDump(w, { family: 6 }))], [10, 0, 0, 0, 0, 0, 0, 0])
  t.same([...bytesOf(w => encodeAddressDump(w))], [0, 0, 0, 0, 0, 0, 0, 0])
})

t.test('addresses that are set', async t => {
  const all = told('ip addr show dev p0', c.RTM_NEWADDR, decodeAddress)
  const of = (address: string) => plain(all.find(candidate => String(candidate.address) === address))
  t.match(of('10.1.0.2/24'), {
    index: 10,
    broadcast: '10.1.0.255',
    label: 'p0:x',
    scope: c.RT_SCOPE_UNIVERSE,
    flags: c.IFA_F_PERMANENT | c.IFA_F_SECONDARY,
    cacheInfo: { preferred: 0xffffffff, valid: 0xffffffff },
  })
  t.match(of('10.2.0.1/32'), { peer: '10.2.0.2' })
  t.match(of('10.3.0.1/24'), { flags: c.IFA_F_NOPREFIXROUTE, priority: 77 })
  t.match(of('fd00:1::1/64'), { flags: c.IFA_F_PERMANENT | c.IFA_F_NODAD })
  t.match(of('fd00:3::1/128'), { peer: 'fd00:3::2' })
  t.notOk(Object.hasOwn(all[0]!, 'peer'))
})

t.test('addresses that are none', async t => {
  const bytes = bytesOf(w => encodeAddress(w, { index: 1, address: net('10.0.0.1/8') }))
  const broken6 = Buffer.from(bytes).fill(10, 0, 1)
  const long = Buffer.from(bytes).fill(33, 1, 2)
  for (const bad of [bytes.subarray(0, 7), bytes.subarray(0, 8), broken6, long])
    t.throws(() => decodeAddress(bad), broken)
})

t.test('routes to be set', async t => {
  const via = ip('10.1.0.254')
  const cases: [string, Route][] = [
    ['ip route add default via 10.1.0.254', { dst: net('0.0.0.0/0'), gateway: via }],
    [
      'ip route add 10.5.0.0/16 via 10.1.0.254 dev p0 proto static metric 100',
      { dst: net('10.5.0.0/16'), gateway: via, oif: 10, protocol: c.RTPROT_STATIC, priority: 100 },
    ],
    [
      'ip route add 10.6.0.0/16 dev p0 scope link src 10.1.0.1',
      { dst: net('10.6.0.0/16'), oif: 10, src: ip('10.1.0.1') },
    ],
    [
      'ip route add 10.7.0.0/16 via 10.1.0.254 mtu lock 1400 advmss 1360 window 65535 initcwnd 20 initrwnd 20 quickack 1 rto_min 20ms hoplimit 64 features ecn congctl reno',
      {
        dst: net('10.7.0.0/16'),
        gateway: via,
        mtu: 1400,
        advmss: 1360,
        metrics: {
          // rto_min is locked by ip without being asked.
          lock: (1 << c.RTAX_MTU) | (1 << c.RTAX_RTO_MIN),
          window: 65535,
          initCwnd: 20,
          initRwnd: 20,
          quickAck: 1,
          rtoMin: 20,
          hopLimit: 64,
          features: c.RTAX_FEATURE_ECN,
          congestionControl: 'reno',
        },
      },
    ],
    [
      'ip route add 10.8.0.0/16 via 10.1.0.254 table 100',
      { dst: net('10.8.0.0/16'), gateway: via, table: 100 },
    ],
    [
      'ip route add 10.8.0.0/16 via 10.1.0.254 table 1000',
      { dst: net('10.8.0.0/16'), gateway: via, table: 1000 },
    ],
    [
      'ip route add 10.9.0.0/16 via 192.0.2.1 dev p0 onlink',
      { dst: net('10.9.0.0/16'), gateway: ip('192.0.2.1'), oif: 10, onlink: true },
    ],
    [
      'ip route add 10.10.0.0/16 nexthop via 10.1.0.2 weight 3 nexthop via 10.1.0.3 dev p0 weight 256',
      {
        dst: net('10.10.0.0/16'),
        nexthops: [
          { gateway: ip('10.1.0.2'), weight: 3 },
          { gateway: ip('10.1.0.3'), oif: 10, weight: 256 },
        ],
      },
    ],
    [
      'ip route add 10.11.0.0/16 nexthop via 192.0.2.1 dev p0 onlink nexthop dev p0',
      {
        dst: net('10.11.0.0/16'),
        nexthops: [{ gateway: ip('192.0.2.1'), oif: 10, onlink: true }, { oif: 10 }],
      },
    ],
    [
      'ip route add 10.12.0.0/16 via inet6 fe80::1 dev p0',
      { dst: net('10.12.0.0/16'), gateway: ip('fe80::1'), oif: 10 },
    ],
    [
      'ip route add 10.12.1.0/24 nexthop via inet6 fe80::1 dev p0 nexthop via 10.1.0.3 weight 5',
      {
        dst: net('10.12.1.0/24'),
        nexthops: [
          { gateway: ip('fe80::1'), oif: 10 },
          { gateway: ip('10.1.0.3'), weight: 5 },
        ],
      },
    ],
    [
      'ip route add unreachable 10.14.0.0/16 metric 4278198272',
      { dst: net('10.14.0.0/16'), type: c.RTN_UNREACHABLE, priority: 4278198272 },
    ],
    [
      'ip route add throw 10.16.0.0/16 table 1000',
      { dst: net('10.16.0.0/16'), type: c.RTN_THROW, table: 1000 },
    ],
    ['ip route add local 10.17.0.0/16 dev p0', { dst: net('10.17.0.0/16'), type: c.RTN_LOCAL, oif: 10 }],
    [
      'ip route add broadcast 10.18.255.255 dev p0',
      { dst: net('10.18.255.255/32'), type: c.RTN_BROADCAST, oif: 10 },
    ],
    [
      'ip route add 10.19.0.0/16 tos 0x10 dev p0 realm 5',
      { dst: net('10.19.0.0/16'), tos: 16, oif: 10, realm: 5 },
    ],
    [
      'ip route replace default via 10.1.0.253 proto 201',
      { dst: net('0.0.0.0/0'), gateway: ip('10.1.0.253'), protocol: 201 },
    ],
    ['ip route add 10.20.0.0/16 nhid 7', { dst: net('10.20.0.0/16'), nexthopId: 7 }],
    [
      'ip -6 route add default via fd00:1::fe dev p0',
      { dst: net('::/0'), gateway: ip('fd00:1::fe'), oif: 10 },
    ],
    [
      'ip -6 route add fd00:5::/48 via fe80::1 dev p0 metric 50 mtu 1280 pref high expires 600',
      {
        dst: net('fd00:5::/48'),
        gateway: ip('fe80::1'),
        oif: 10,
        priority: 50,
        mtu: 1280,
        pref: 1,
        expires: 600,
      },
    ],
    [
      'ip -6 route add fd00:6::/48 from fd00:1::/64 via fd00:1::fe dev p0',
      { dst: net('fd00:6::/48'), from: net('fd00:1::/64'), gateway: ip('fd00:1::fe'), oif: 10 },
    ],
    ['ip -6 route add blackhole fd00:8::/48', { dst: net('fd00:8::/48'), type: c.RTN_BLACKHOLE }],
  ]
  for (const [command, route] of cases) sameAs(t, command, c.RTM_NEWROUTE, w => encodeRoute(w, route))
  const weight = (n: number) => () =>
    bytesOf(w => encodeRoute(w, { dst: net('10.0.0.0/8'), nexthops: [{ oif: 1, weight: n }] }))
  for (const bad of [0, 257, 1.5]) t.throws(weight(bad), RangeError)
})

t.test('routes to be removed, asked for, listed', async t => {
  const removals: [string, Route][] = [
    ['ip route del 10.5.0.0/16 metric 100', { dst: net('10.5.0.0/16'), priority: 100 }],
    ['ip route del default', { dst: net('0.0.0.0/0') }],
    ['ip -6 route del fd00:9::/48 table 5000', { dst: net('fd00:9::/48'), table: 5000 }],
  ]
  for (const [command, route] of removals)
    sameAs(t, command, c.RTM_DELROUTE, w => encodeRouteRemoval(w, route))
  const queries: [string, Parameters<typeof encodeRouteQuery>[1]][] = [
    ['ip route get 10.5.0.1', { dst: ip('10.5.0.1') }],
    ['ip route get 10.7.0.1 from 10.1.0.1 oif p0', { dst: ip('10.7.0.1'), src: ip('10.1.0.1'), oif: 10 }],
    ['ip route get fibmatch 10.10.0.1', { dst: ip('10.10.0.1'), fibMatch: true }],
    ['ip route get 10.5.0.1 mark 5 uid 0', { dst: ip('10.5.0.1'), mark: 5, uid: 0 }],
    ['ip -6 route get fd00:5::1', { dst: ip('fd00:5::1') }],
    ['ip -6 route get fibmatch fd00:7::1', { dst: ip('fd00:7::1'), fibMatch: true }],
  ]
  for (const [command, query] of queries) sameAs(t, command, c.RTM_GETROUTE, w => encodeRouteQuery(w, query))
  const dumps = captures
    .find(({ command }) => command === 'ip route show dev p0 proto static')!
    .sent.filter(({ type, flags }) => type === c.RTM_GETROUTE && (flags & NLM_F_DUMP) === NLM_F_DUMP)
  const dump = bytesOf(w => encodeRouteDump(w, { family: 4, oif: 10, protocol: c.RTPROT_STATIC, table: 254 }))
  matchBytes(t, canonical(c.RTM_GETROUTE, dump), canonical(c.RTM_GETROUTE, dumps[0]!.payload))
  const big = bytesOf(w => encodeRouteDump(w, { table: 1000 }))
  t.same([...big], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 15, 0, 0xe8, 3, 0, 0])
})

t.test('routes that are set', async t => {
  const all = told('ip route show table all', c.RTM_NEWROUTE, decodeRoute)
  const of = (dst: string) => plain(all.filter(route => String(route.dst) === dst))
  t.same(of('10.7.0.0/16'), [
    {
      dst: '10.7.0.0/16',
      gateway: '10.1.0.254',
      oif: 10,
      table: c.RT_TABLE_MAIN,
      protocol: c.RTPROT_BOOT,
      scope: c.RT_SCOPE_UNIVERSE,
      type: c.RTN_UNICAST,
      mtu: 1400,
      advmss: 1360,
      metrics: {
        lock: (1 << c.RTAX_MTU) | (1 << c.RTAX_RTO_MIN),
        window: 65535,
        hopLimit: 64,
        initCwnd: 20,
        features: 1,
        rtoMin: 20,
        initRwnd: 20,
        quickAck: 1,
        congestionControl: 'reno',
      },
    },
  ])
  t.match(of('10.8.0.0/16'), [{ table: 100 }, { table: 1000 }])
  t.match(of('10.9.0.0/16'), [{ gateway: '192.0.2.1', onlink: true }])
  t.match(of('10.12.0.0/16'), [{ gateway: 'fe80::1', oif: 10 }])
  t.match(of('10.12.1.0/24'), [
    {
      nexthops: [
        { gateway: 'fe80::1', oif: 10, weight: 1 },
        { gateway: '10.1.0.3', oif: 10, weight: 5 },
      ],
    },
  ])
  t.match(of('10.11.0.0/16'), [{ nexthops: [{ gateway: '192.0.2.1', onlink: true }, { oif: 10 }] }])
  t.match(of('0.0.0.0/0'), [{ protocol: 201, gateway: '10.1.0.253' }])
  t.match(of('fd00:6::/48'), [{ from: 'fd00:1::/64', priority: 1024 }])
  const [found] = told('ip route get 10.7.0.1 from 10.1.0.1 oif p0', c.RTM_NEWROUTE, decodeRoute)
  t.match(plain(found), {
    dst: '10.7.0.1/32',
    gateway: '10.1.0.254',
    oif: 10,
    mtu: 1400,
    flags: c.RTM_F_CLONED,
  })
})

t.test('routes that are none', async t => {
  const bytes = bytesOf(w => encodeRoute(w, { dst: net('10.0.0.0/8'), nexthops: [{ oif: 1 }, { oif: 2 }] }))
  t.doesNotThrow(() => decodeRoute(bytes))
  const at = (offset: number, value: number) => Buffer.from(bytes).fill(value, offset, offset + 1)
  const hops = bytes.length - 16
  const cases = {
    'no header': bytes.subarray(0, 11),
    'a family of no routes of ours': at(0, 28),
    'a prefix of 33 bits': at(1, 33),
    'a next hop of no bytes': at(hops, 0),
    'a next hop of 7 bytes': at(hops, 7),
    'a next hop of too many bytes': at(hops, 20),
  }
  for (const [what, bad] of Object.entries(cases)) t.throws(() => decodeRoute(bad), broken, what)
})

t.test('neighbours', async t => {
  const cases: [string, Neighbour][] = [
    [
      'ip neigh add 10.1.0.6 lladdr 02:00:00:00:00:06 dev p0 nud permanent',
      { index: 10, ip: ip('10.1.0.6'), mac: mac('02:00:00:00:00:06'), state: c.NUD_PERMANENT },
    ],
    [
      'ip neigh add 10.1.0.7 dev p0 nud noarp lladdr 02:00:00:00:00:08 protocol 201',
      { index: 10, ip: ip('10.1.0.7'), mac: mac('02:00:00:00:00:08'), state: c.NUD_NOARP, protocol: 201 },
    ],
    [
      'ip neigh add fd00:1::5 lladdr 02:00:00:00:00:05 dev p0 nud stale router',
      {
        index: 10,
        ip: ip('fd00:1::5'),
        mac: mac('02:00:00:00:00:05'),
        state: c.NUD_STALE,
        flags: c.NTF_ROUTER,
      },
    ],
    [
      'ip neigh add proxy 10.1.0.9 dev p0',
      { index: 10, ip: ip('10.1.0.9'), state: c.NUD_PERMANENT, flags: c.NTF_PROXY },
    ],
    [
      'bridge fdb add 02:00:00:00:01:01 dev p1 master static',
      { index: 11, mac: mac('02:00:00:00:01:01'), state: c.NUD_REACHABLE | c.NUD_NOARP, flags: c.NTF_MASTER },
    ],
    [
      'bridge fdb add 02:00:00:00:01:04 dev p1 master static vlan 10',
      { index: 11, mac: mac('02:00:00:00:01:04'), state: 66, flags: c.NTF_MASTER, vlan: 10 },
    ],
    [
      'bridge fdb append 00:00:00:00:00:00 dev x0 dst 10.0.0.2 self permanent',
      {
        family: AF_BRIDGE,
        index: 3,
        mac: mac('00:00:00:00:00:00'),
        ip: ip('10.0.0.2'),
        state: c.NUD_PERMANENT | c.NUD_NOARP,
        flags: c.NTF_SELF,
      },
    ],
    [
      'bridge fdb append 00:00:00:00:00:00 dev x0 dst 10.0.0.3 port 8472 vni 77 via p0 self permanent',
      {
        family: AF_BRIDGE,
        index: 3,
        mac: mac('00:00:00:00:00:00'),
        ip: ip('10.0.0.3'),
        state: c.NUD_PERMANENT | c.NUD_NOARP,
        flags: c.NTF_SELF,
        port: 8472,
        vni: 77,
        viaIndex: 10,
      },
    ],
  ]
  for (const [command, neighbour] of cases)
    sameAs(t, command, c.RTM_NEWNEIGH, w => encodeNeighbour(w, neighbour))
  sameAs(t, 'ip neigh get 10.1.0.5 dev p0', c.RTM_GETNEIGH, w =>
    encodeNeighbour(w, { index: 10, ip: ip('10.1.0.5') }),
  )
  const shown = told('bridge fdb show', c.RTM_NEWNEIGH, decodeNeighbour).map(plain)
  t.match(
    shown.find(entry => (entry as { vni?: number }).vni === 77),
    { family: AF_BRIDGE, index: 3, flags: c.NTF_SELF, ip: '10.0.0.3', port: 8472, viaIndex: 10 },
  )
  t.match(told('ip neigh get 10.1.0.5 dev p0', c.RTM_NEWNEIGH, decodeNeighbour).map(plain), [
    { family: AF_INET, index: 10, ip: '10.1.0.5', mac: '02:00:00:00:00:05', state: c.NUD_PERMANENT },
  ])
  t.match(decodeNeighbour(bytesOf(w => encodeNeighbourDump(w, { family: AF_INET, index: 5 }))), {
    index: 0,
    viaIndex: 5,
  })
  t.match(decodeNeighbour(bytesOf(w => encodeNeighbourDump(w, { family: AF_BRIDGE, index: 5 }))), {
    index: 5,
  })
  t.match(decodeNeighbour(bytesOf(w => encodeNeighbourDump(w, { master: 7 }))), { family: 0, master: 7 })
  t.throws(() => decodeNeighbour(Buffer.alloc(11)), broken)
})

t.test('rules', async t => {
  const cases: [string, Rule][] = [
    ['ip rule add from 10.1.0.0/16 table 100', { family: 4, from: net('10.1.0.0/16'), table: 100 }],
    [
      'ip rule add to 10.2.0.0/16 lookup 1000 priority 50',
      { family: 4, to: net('10.2.0.0/16'), table: 1000, priority: 50 },
    ],
    [
      'ip rule add fwmark 0x10/0xf0 table 100 pref 60',
      { family: 4, fwmark: 16, fwmask: 0xf0, table: 100, priority: 60 },
    ],
    [
      'ip rule add iif lo oif p0 table 100 pref 70',
      { family: 4, iif: 'lo', oif: 'p0', table: 100, priority: 70 },
    ],
    [
      'ip rule add not from 10.3.0.0/16 table 100 pref 80',
      { family: 4, from: net('10.3.0.0/16'), flags: c.FIB_RULE_INVERT, table: 100, priority: 80 },
    ],
    [
      'ip rule add table main suppress_prefixlength 0 pref 90',
      { family: 4, suppressPrefixLength: 0, priority: 90 },
    ],
    ['ip rule add table main suppress_ifgroup 7 pref 91', { family: 4, suppressGroup: 7, priority: 91 }],
    [
      'ip rule add uidrange 1000-2000 table 100 pref 100',
      { family: 4, uidRange: { start: 1000, end: 2000 }, table: 100, priority: 100 },
    ],
    [
      'ip rule add ipproto tcp sport 1000-2000 dport 443 table 100 pref 110',
      {
        family: 4,
        ipProtocol: 6,
        sourcePorts: { start: 1000, end: 2000 },
        destinationPorts: { start: 443, end: 443 },
        table: 100,
        priority: 110,
      },
    ],
    ['ip rule add blackhole pref 120', { family: 4, action: c.FR_ACT_BLACKHOLE, priority: 120 }],
    ['ip rule add goto 32766 pref 140', { family: 4, action: c.FR_ACT_GOTO, goto: 32766, priority: 140 }],
    [
      'ip -6 rule add from fd00::/8 to fd01::/16 table 5000 pref 160',
      { family: 6, from: net('fd00::/8'), to: net('fd01::/16'), table: 5000, priority: 160 },
    ],
    ['ip rule add tun_id 42 table 100 pref 170', { family: 4, tunnelId: 42n, table: 100, priority: 170 }],
  ]
  for (const [command, rule] of cases) sameAs(t, command, c.RTM_NEWRULE, w => encodeRule(w, rule))
  sameAs(t, 'ip rule del pref 60', c.RTM_DELRULE, w => encodeRuleRemoval(w, { family: 4, priority: 60 }))
  sameAs(t, 'ip rule del from 10.1.0.0/16 table 100', c.RTM_DELRULE, w =>
    encodeRuleRemoval(w, { family: 4, from: net('10.1.0.0/16'), table: 100 }),
  )
  const all = told('ip rule show', c.RTM_NEWRULE, decodeRule).map(plain)
  const of = (priority: number) => all.find(rule => (rule as { priority?: number }).priority === priority)
  t.match(of(50), { family: 4, to: '10.2.0.0/16', table: 1000, action: c.FR_ACT_TO_TBL })
  t.match(of(110), { ipProtocol: 6, sourcePorts: { start: 1000, end: 2000 } })
  t.match(of(150), { tos: 16, realms: 0x30004, protocol: 201 })
  t.same([...bytesOf(w => encodeRuleDump(w, 6))], [10, ...new Array(11).fill(0)])
  t.same([...bytesOf(w => encodeRuleDump(w))], new Array(12).fill(0))
  const bytes = bytesOf(w => encodeRule(w, { family: 4, from: net('10.0.0.0/8') }))
  const at = (offset: number, value: number) => Buffer.from(bytes).fill(value, offset, offset + 1)
  for (const bad of [bytes.subarray(0, 11), at(0, 28), at(2, 33)]) t.throws(() => decodeRule(bad), broken)
})
