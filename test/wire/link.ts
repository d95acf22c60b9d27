// Links: our requests against those of ip and bridge, and what the kernel tells of links.
import t, { type Test } from 'tap'
import { Ip } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'
import type { NlWriter } from '../../wire/netlink/attr.js'
import { AF_BRIDGE } from '../../wire/netlink/constants.js'
import { encodePortVlans, portVlans } from '../../wire/route/bridge-vlan.js'
import {
  ARPHRD_ETHER,
  IF_OPER_UP,
  IFF_UP,
  RTEXT_FILTER_SKIP_STATS,
  RTEXT_FILTER_VF,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_SETLINK,
} from '../../wire/route/constants.js'
import { BRIDGE_VLAN_INFO_RANGE_END, IN6_ADDR_GEN_MODE_NONE } from '../../wire/route/constants-link.js'
import {
  decodeLink,
  encodeLinkChange,
  encodeLinkDump,
  encodeLinkSelector,
  encodeLinkSpec,
  type LinkChange,
  type LinkSpec,
} from '../../wire/route/link.js'
import { decodeLinkMessage, encodeLinkMessage } from '../../wire/route/link-message.js'
import { canonical } from '../helpers/canonical.js'
import { golden, plain, sentBy } from '../helpers/golden.js'
import { matchBytes } from '../helpers/match-bytes.js'
import { bytesOf, roundTrips } from '../helpers/round-trip.js'

const areas = ['route/link', 'route/bridge', 'route/vxlan', 'route/macvlan']
const captures = areas.flatMap(golden)
const mac = (n: number) => Mac.parse(`02:00:00:00:00:0${n}`)

/** Our bytes say what the tool's bytes said. */
function sameAs(t: Test, command: string, type: number, write: (w: NlWriter) => void): void {
  const want = canonical(type, sentBy(captures, command, type).payload)
  matchBytes(t, canonical(type, bytesOf(write)), want, command)
}

/** The last link of a name that a command showed. */
function shown(command: string, name: string) {
  const messages = captures.find(capture => capture.command === command)?.received ?? []
  const payloads = messages.filter(({ type }) => type === RTM_NEWLINK).map(({ payload }) => payload)
  const payload = payloads.findLast(candidate => decodeLinkMessage(candidate).name === name)
  if (payload === undefined) throw new Error(`${command} does not show ${name}`)
  return payload
}

t.test('every captured message comes back as it was', async t => {
  for (const area of areas) t.ok(roundTrips(t, area) > 8, area)
})

t.test('links to be made', async t => {
  const specs: [string, LinkSpec][] = [
    [
      'ip link add name v0 mtu 1400 type veth peer name v1',
      { name: 'v0', mtu: 1400, kind: 'veth', peer: { name: 'v1' } },
    ],
    [
      'ip link add name v2 index 22 address 02:00:00:00:00:02 txqueuelen 500 type veth peer name v3 index 23 address 02:00:00:00:00:03 mtu 9000',
      {
        name: 'v2',
        index: 22,
        address: mac(2),
        txqlen: 500,
        kind: 'veth',
        peer: { name: 'v3', index: 23, address: mac(3), mtu: 9000 },
      },
    ],
    [
      'ip link add name v4 group 7 up type veth peer name v5 netns /proc/self/ns/net',
      { name: 'v4', group: 7, up: true, kind: 'veth', peer: { name: 'v5', netnsFd: 4 } },
    ],
    ['ip link add name d0 type dummy', { name: 'd0', kind: 'dummy' }],
    ['ip link add name i0 type ifb', { name: 'i0', kind: 'ifb' }],
    ['ip link add name br0 type bridge', { name: 'br0', kind: 'bridge' }],
    [
      'ip link add name br1 type bridge stp_state 0 forward_delay 200 ageing_time 30000 vlan_filtering 0 mcast_snooping 0',
      {
        name: 'br1',
        kind: 'bridge',
        bridge: { stp: 0, forwardDelay: 200, ageingTime: 30000, vlanFiltering: false, mcastSnooping: false },
      },
    ],
    [
      'ip link add name br2 type bridge vlan_filtering 1 vlan_default_pvid 0 vlan_protocol 802.1Q',
      {
        name: 'br2',
        kind: 'bridge',
        bridge: { vlanFiltering: true, vlanDefaultPvid: 0, vlanProtocol: 0x8100 },
      },
    ],
    [
      'ip link add link p0 name m0 type macvlan mode bridge',
      { name: 'm0', kind: 'macvlan', lower: 10, macvlan: { mode: 4 } },
    ],
    [
      'ip link add link p0 name p0.20 type vlan protocol 802.1ad id 20 reorder_hdr off',
      {
        name: 'p0.20',
        kind: 'vlan',
        lower: 10,
        vlan: { id: 20, protocol: 0x88a8, flags: { values: 0, mask: 1 } },
      },
    ],
  ]
  for (const [command, spec] of specs) sameAs(t, command, RTM_NEWLINK, w => encodeLinkSpec(w, spec))
})

t.test('vxlan', async t => {
  const vxlan = (command: string) => {
    const { info } = decodeLinkMessage(sentBy(captures, command, RTM_NEWLINK).payload)
    return plain(info?.vxlan)
  }
  t.match(vxlan('ip link add name x0 type vxlan id 42 local 10.0.0.1 dstport 4789 nolearning dev p0'), {
    id: 42,
    local: '10.0.0.1',
    port: 4789,
    learning: false,
    device: 10,
  })
  t.match(
    vxlan(
      'ip link add name x1 type vxlan id 43 remote 10.0.0.2 local 10.0.0.1 dstport 8472 ttl 64 tos 16 df set ageing 300 maxaddress 1000 srcport 10000 20000',
    ),
    {
      id: 43,
      remote: '10.0.0.2',
      port: 8472,
      ttl: 64,
      tos: 0x16,
      df: 1,
      ageing: 300,
      limit: 1000,
      portRange: { low: 10000, high: 20000 },
    },
  )
  t.match(
    vxlan(
      'ip link add name x2 type vxlan id 44 group ff05::100 local fd00::1 dev p0 dstport 4789 udp6zerocsumtx udp6zerocsumrx flowlabel 0x12345',
    ),
    { remote: 'ff05::100', local: 'fd00::1', udpZeroCsum6Tx: true, udpZeroCsum6Rx: true, label: 0x12345 },
  )
  t.match(
    vxlan(
      'ip link add name x3 type vxlan id 45 group 239.1.1.1 dev p0 dstport 4790 proxy rsc l2miss l3miss noudpcsum gbp',
    ),
    { proxy: true, routeShortCircuit: true, l2miss: true, l3miss: true, udpCsum: false, gbp: true },
  )
  t.match(vxlan('ip link add name x4 type vxlan external dstport 4791 remcsumtx remcsumrx ttl inherit'), {
    external: true,
    remoteCsumTx: true,
    remoteCsumRx: true,
    ttlInherit: true,
  })
  t.match(vxlan('ip link add name x5 type vxlan external vnifilter dstport 4792 gpe'), {
    external: true,
    vniFilter: true,
    gpe: true,
  })
  const command = 'ip link add name x0 type vxlan id 42 local 10.0.0.1 dstport 4789 nolearning dev p0'
  sameAs(t, command, RTM_NEWLINK, w =>
    encodeLinkSpec(w, {
      name: 'x0',
      kind: 'vxlan',
      vxlan: { id: 42, local: Ip.parse('10.0.0.1'), port: 4789, learning: false, device: 10 },
    }),
  )
  const x0 = decodeLink(shown('ip -d link show type vxlan', 'x0'))
  t.match(plain(x0.info?.vxlan), {
    id: 42,
    local: '10.0.0.1',
    port: 4789,
    device: 10,
    ageing: 100,
    learning: true,
  })
  t.equal(x0.kind, 'vxlan')
  t.match(plain(decodeLink(shown('ip -6 -d link show x2', 'x2')).info?.vxlan), {
    local: 'fd00::1',
    remote: 'ff05::100',
    label: 0x12345,
  })
})

t.test('changes', async t => {
  const changes: [string, LinkChange][] = [
    ['ip link set v0 up', { index: 3, up: true }],
    ['ip link set v0 down', { index: 3, up: false }],
    ['ip link set v0 mtu 1300', { index: 3, mtu: 1300 }],
    ['ip link set v0 address 02:00:00:00:00:09', { index: 3, address: mac(9) }],
    ['ip link set v0 alias uplink', { index: 3, alias: 'uplink' }],
    ['ip link set v0 promisc on', { index: 3, promisc: true }],
    ['ip link set v0 allmulticast on', { index: 3, allmulti: true }],
    ['ip link set v0 arp off', { index: 3, arp: false }],
    ['ip link set v0 txqueuelen 100', { index: 3, txqlen: 100 }],
    ['ip link set v0 group 42', { index: 3, group: 42 }],
    ['ip link set v0 name v9', { index: 3, rename: 'v9' }],
    ['ip link set v9 addrgenmode none', { index: 3, addrGenMode: IN6_ADDR_GEN_MODE_NONE }],
    ['ip link set v9 netns /proc/self/ns/net', { index: 3, netnsFd: 4 }],
    ['ip link set p0 master br0', { index: 10, master: 2 }],
    ['ip link set p0 nomaster', { index: 10, master: 0 }],
    [
      'ip link set br0 type bridge nf_call_iptables 1 nf_call_ip6tables 1 nf_call_arptables 1 vlan_stats_enabled 1',
      {
        index: 2,
        bridge: { nfCallIptables: true, nfCallIp6tables: true, nfCallArptables: true, vlanStats: true },
      },
    ],
    [
      'ip link set br0 type bridge group_address 01:80:c2:00:00:04 fdb_flush',
      { index: 2, bridge: { groupAddress: Mac.parse('01:80:c2:00:00:04'), fdbFlush: true } },
    ],
    ['ip link set x0 type vxlan ageing 100 learning', { index: 2, vxlan: { ageing: 100, learning: true } }],
  ]
  for (const [command, change] of changes) {
    const want = sentBy(captures, command, RTM_NEWLINK).payload
    const got = bytesOf(w => encodeLinkChange(w, change))
    // The index that a link got in its namespace is not the matter here.
    want.copy(got, 4, 4, 8)
    matchBytes(t, canonical(RTM_NEWLINK, got), canonical(RTM_NEWLINK, want), command)
  }
  t.throws(() => bytesOf(w => encodeLinkChange(w, { up: true })), RangeError)
  t.throws(() => bytesOf(w => encodeLinkChange(w, { name: 'a', rename: 'b' })), RangeError)
  const byName = decodeLinkMessage(bytesOf(w => encodeLinkChange(w, { name: 'eth0', up: true, arp: true })))
  t.match(byName, { index: 0, name: 'eth0', flags: IFF_UP, change: IFF_UP | 0x80 })
})

t.test('ports', async t => {
  const port = (command: string, type: number) =>
    decodeLinkMessage(sentBy(captures, command, type).payload).port
  const off =
    'ip link set p0 type bridge_slave hairpin on isolated on learning off flood off mcast_flood off bcast_flood off'
  t.same(port(off, RTM_NEWLINK), {
    hairpin: true,
    isolated: true,
    learning: false,
    flood: false,
    mcastFlood: false,
    bcastFlood: false,
  })
  t.same(
    port(
      'ip link set p0 type bridge_slave state 3 priority 16 cost 50 guard on root_block on fastleave on',
      RTM_NEWLINK,
    ),
    { state: 3, priority: 16, cost: 50, guard: true, rootBlock: true, fastLeave: true },
  )
  t.same(
    port(
      'ip link set p0 type bridge_slave proxy_arp on proxy_arp_wifi on mcast_router 1 mcast_to_unicast on neigh_suppress on vlan_tunnel off group_fwd_mask 8 locked on',
      RTM_NEWLINK,
    ),
    {
      proxyArp: true,
      proxyArpWifi: true,
      mcastRouter: 1,
      mcastToUnicast: true,
      neighSuppress: true,
      vlanTunnel: false,
      groupFwdMask: 8,
      locked: true,
    },
  )
  const on = 'bridge link set dev p0 hairpin off isolated off learning on flood on mcast_flood on'
  const settings = { hairpin: false, isolated: false, learning: true, flood: true, mcastFlood: true }
  sameAs(t, on, RTM_SETLINK, w => encodeLinkMessage(w, { family: AF_BRIDGE, index: 10, port: settings }))
  const change = decodeLinkMessage(bytesOf(w => encodeLinkChange(w, { index: 10, port: settings })))
  t.same(change.port, settings)
  t.equal(change.slaveKind, 'bridge')

  const p0 = decodeLink(shown('ip -d link show master br0', 'p0'))
  t.equal(p0.slaveKind, 'bridge')
  t.match(p0.port, { hairpin: false, isolated: false, learning: true, proxyArp: true, groupFwdMask: 8 })
  const dumped = decodeLink(shown('bridge -d link show', 'p0'))
  t.match(dumped, { family: AF_BRIDGE, master: 2, port: { hairpin: false, learning: true, state: 3 } })
})

t.test('VLANs of ports', async t => {
  const cases: [string, number, Parameters<typeof encodePortVlans>[1]][] = [
    [
      'bridge vlan add dev p0 vid 10 pvid untagged',
      RTM_SETLINK,
      { index: 10, vlans: [{ vid: 10, pvid: true, untagged: true }] },
    ],
    ['bridge vlan add dev p0 vid 100-200', RTM_SETLINK, { index: 10, vlans: [{ vid: 100, to: 200 }] }],
    ['bridge vlan add dev br0 vid 20 self', RTM_SETLINK, { index: 2, self: true, vlans: [{ vid: 20 }] }],
    ['bridge vlan del dev p0 vid 100-200', RTM_DELLINK, { index: 10, vlans: [{ vid: 100, to: 200 }] }],
  ]
  for (const [command, type, vlans] of cases) sameAs(t, command, type, w => encodePortVlans(w, vlans))
  const vlans = [
    { vid: 1, pvid: true, untagged: true },
    { vid: 10, to: 20 },
    { vid: 30 },
    { vid: 40, to: 40 },
  ]
  const { bridgeSpec } = decodeLinkMessage(bytesOf(w => encodePortVlans(w, { index: 5, vlans })))
  t.same(portVlans(bridgeSpec?.vlans), [
    { vid: 1, pvid: true, untagged: true },
    { vid: 10, to: 20, pvid: false, untagged: false },
    { vid: 30, pvid: false, untagged: false },
    { vid: 40, pvid: false, untagged: false },
  ])
  t.same(portVlans(), [])
  t.throws(() => portVlans([{ flags: BRIDGE_VLAN_INFO_RANGE_END, vid: 9 }]), { name: 'WireError' })
})

t.test('which links', async t => {
  sameAs(t, 'ip link set v0 up', RTM_GETLINK, w =>
    encodeLinkSelector(w, 'v0', RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS),
  )
  sameAs(t, 'ip -d link show a-name-that-is-longer-than-fifteen', RTM_GETLINK, w => {
    encodeLinkSelector(w, 'a-name-that-is-longer-than-fifteen', RTEXT_FILTER_VF)
    // iproute2 asks in the family of packet sockets.
    w.finish()[0] = 17
  })
  sameAs(t, 'ip link del v2', RTM_DELLINK, w => encodeLinkSelector(w, 22))
  sameAs(t, 'ip link del group 42', RTM_DELLINK, w => encodeLinkSelector(w, { group: 42 }))
  const dump = (filter: Parameters<typeof encodeLinkDump>[1]) =>
    decodeLinkMessage(bytesOf(w => encodeLinkDump(w, filter)))
  t.match(dump({ master: 3, kind: 'veth' }), {
    index: 0,
    master: 3,
    kind: 'veth',
    extMask: RTEXT_FILTER_SKIP_STATS,
  })
  t.match(dump({ family: AF_BRIDGE, extMask: 4 }), { family: AF_BRIDGE, extMask: 4 })
})

t.test('what the kernel tells', async t => {
  const v2 = decodeLink(shown('ip -d link show v2', 'v2'))
  t.match(plain(v2), {
    index: 22,
    name: 'v2',
    type: ARPHRD_ETHER,
    mtu: 1500,
    group: 0,
    txqlen: 500,
    address: '02:00:00:00:00:02',
    broadcast: 'ff:ff:ff:ff:ff:ff',
    kind: 'veth',
    peerIndex: 23,
    qdisc: 'noop',
    maxMtu: 65535,
    properties: { altNames: ['a-name-that-is-longer-than-fifteen'] },
    spec: { inet6: { addrGenMode: 0 } },
  })
  const v9 = decodeLink(shown('ip -d link show', 'v9'))
  t.match(v9, { alias: 'uplink', group: 42, promiscuity: 1, allmulticast: 1, txqlen: 100 })
  const lo = decodeLink(shown('ip -d link show', 'lo'))
  t.equal(lo.kind, undefined)
  t.equal(lo.info, undefined)
  const br0 = decodeLink(shown('ip -d link show br0', 'br0'))
  t.match(plain(br0), {
    operstate: IF_OPER_UP,
    kind: 'bridge',
    info: {
      bridge: {
        stp: 0,
        helloTime: 100,
        maxAge: 1000,
        priority: 4096,
        groupFwdMask: 8,
        groupAddress: '01:80:c2:00:00:04',
        mcastRouter: 2,
        mcastQuerier: true,
        mcastMembershipInterval: '26000',
        mcastHashMax: 1024,
        mcastIgmpVersion: 3,
        nfCallIptables: true,
      },
    },
  })
  t.match(decodeLink(shown('ip -d link show type macvlan', 'm2')).info, {
    macvlan: { mode: 1, broadcastQueueLength: 2000 },
  })
})

t.test('links of unknown kinds, and links without a name', async t => {
  const data = Uint8Array.of(1, 2, 3, 4)
  const bytes = bytesOf(w => encodeLinkMessage(w, { name: 'x', kind: 'geneve', info: { data } }))
  const { info } = decodeLinkMessage(bytes)
  t.same([...(info?.data ?? [])], [...data])
  t.throws(() => decodeLink(bytesOf(w => encodeLinkMessage(w, { index: 3 }))), { name: 'WireError' })
  t.throws(() => decodeLink(Buffer.alloc(15)), { name: 'WireError' })
})
