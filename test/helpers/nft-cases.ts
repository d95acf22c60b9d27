// Rules as nft writes them beside the same rules made with our builders. The texts are those of the captures in
// test/golden/nft, where what nft sends for them is kept; the sets are those of the captures' setup.

import type { Family } from '../../kernel/nft/family.js'
import { mapped } from '../../kernel/nft/mapped.js'
import { ct } from '../../kernel/nft/selectors/ct.js'
import { fib, fibExists } from '../../kernel/nft/selectors/fib.js'
import { arp, ether, vlan } from '../../kernel/nft/selectors/link.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip, ip6 } from '../../kernel/nft/selectors/network.js'
import { jhash, numgen, symhash } from '../../kernel/nft/selectors/number.js'
import { exthdr, tcpMaxseg } from '../../kernel/nft/selectors/option.js'
import { rt, socket } from '../../kernel/nft/selectors/route.js'
import {
  ah,
  dccp,
  esp,
  icmp,
  icmpv6,
  sctp,
  tcp,
  th,
  udp,
  udplite,
} from '../../kernel/nft/selectors/transport.js'
import { map, type NftSet, set } from '../../kernel/nft/set.js'
import type { Statement } from '../../kernel/nft/statement.js'
import { assign, calculated, withBits } from '../../kernel/nft/statements/assign.js'
import { counter } from '../../kernel/nft/statements/counter.js'
import { dup, fwd, notrack } from '../../kernel/nft/statements/device.js'
import { addTo, deleteFrom, update } from '../../kernel/nft/statements/dynset.js'
import { ctCount, limit, quota } from '../../kernel/nft/statements/limit.js'
import { log } from '../../kernel/nft/statements/log.js'
import { masked, match } from '../../kernel/nft/statements/match.js'
import { dnat, masquerade, redirect, snat } from '../../kernel/nft/statements/nat.js'
import { objref } from '../../kernel/nft/statements/objref.js'
import { reject } from '../../kernel/nft/statements/reject.js'
import {
  accept,
  continueVerdict,
  drop,
  goto,
  jump,
  returnVerdict,
} from '../../kernel/nft/statements/verdict.js'
import { vmap } from '../../kernel/nft/statements/vmap.js'
import { range } from '../../kernel/nft/value.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'

export interface NftCase {
  /** What follows `add rule FAMILY t CHAIN`. */
  readonly text: string
  readonly statements: readonly Statement[]
  readonly comment?: string
  readonly chain?: string
  /** The kernel on which the captures were made refuses it. */
  readonly refused?: true
}

type Row = readonly [
  text: string,
  statements: readonly Statement[],
  more?: Omit<NftCase, 'text' | 'statements'>,
]

const a = (text: string) => Ip.parse(text)
const p = (text: string) => Prefix.parse(text)
const mac = Mac.parse('02:00:00:00:00:01')

/** The sets of the captures' setup. */
export function nftSets(family: Family) {
  const table = { family, name: 't' }
  const pair = ['ipv4_addr', 'inet_service']
  const triple = ['ipv4_addr', 'inet_proto', 'inet_service']
  return {
    addrs: set({ table, name: 'addrs', type: family === 'ip6' ? 'ipv6_addr' : 'ipv4_addr' }),
    addrs6: set({ table, name: 'addrs6', type: 'ipv6_addr' }),
    ports: set({ table, name: 'ports', type: 'inet_service' }),
    nets: set({
      table,
      name: 'nets',
      type: family === 'ip6' ? 'ipv6_addr' : 'ipv4_addr',
      flags: ['interval'],
    }),
    marks: set({ table, name: 'marks', type: 'mark', flags: ['interval'] }),
    macs: set({ table, name: 'macs', type: 'ether_addr' }),
    ifs: set({ table, name: 'ifs', type: 'ifname' }),
    pairs: set(
      family === 'ip6'
        ? { table, name: 'pairs', type: ['ipv6_addr', 'inet_service'], flags: ['interval'] }
        : { table, name: 'pairs', type: pair },
    ),
    ifmacs: set({ table, name: 'ifmacs', type: ['ifname', 'ether_addr'] }),
    netports: set({ table, name: 'netports', type: triple, flags: ['interval'] }),
    dyn: set({ table, name: 'dyn', type: 'ipv4_addr', flags: ['dynamic', 'timeout'], timeout: 60_000 }),
    dyn2: set({ table, name: 'dyn2', type: pair, flags: ['dynamic'] }),
    addrmap: map({ table, name: 'addrmap', type: 'inet_service', data: 'ipv4_addr' }),
    pairmap: map({ table, name: 'pairmap', type: 'inet_service', data: pair }),
    hostmap: map({ table, name: 'hostmap', type: triple, data: pair }),
    markmap: map({ table, name: 'markmap', type: 'ifname', data: 'mark' }),
    verdicts: map({ table, name: 'verdicts', type: 'ipv4_addr', data: 'verdict' }),
    ifverdicts: map({ table, name: 'ifverdicts', type: ['ifname', 'ipv4_addr'], data: 'verdict' }),
    counters: map({ table, name: 'counters', type: 'ipv4_addr', data: 'counter' }),
  } satisfies Record<string, NftSet>
}

function inet(): readonly Row[] {
  const s = nftSets('inet')
  const refused = { refused: true } as const
  return [
    ['iifname "cni0"', [match(meta('iifname'), '==', 'cni0')]],
    ['iifname != "cni0" accept', [match(meta('iifname'), '!=', 'cni0'), accept]],
    ['iifname "pl*" accept', [match(meta('iifname'), '==', 'pl*'), accept]],
    ['oifname != "veth*" accept', [match(meta('oifname'), '!=', 'veth*'), accept]],
    ['iifname "abcdefghijklmno" accept', [match(meta('iifname'), '==', 'abcdefghijklmno'), accept]],
    ['iif "lo" accept', [match(meta('iif'), '==', 1), accept]],
    ['iifname { "eth0", "eth1" } accept', [match(meta('iifname'), 'in', ['eth1', 'eth0']), accept]],
    ['meta mark 0x10', [match(meta('mark'), '==', 0x10)]],
    ['meta mark != 0x10', [match(meta('mark'), '!=', 0x10)]],
    ['meta mark 0x10-0x20', [match(meta('mark'), '==', range(0x10, 0x20))]],
    ['meta mark != 0x10-0x20', [match(meta('mark'), '!=', range(0x10, 0x20))]],
    ['meta mark > 0x10', [match(meta('mark'), '>', 0x10)]],
    ['meta mark & 0x2000 == 0x2000', [match(masked(meta('mark'), 0x2000), '==', 0x2000)]],
    ['meta mark & 0x2000 != 0', [match(meta('mark'), 'any', 0x2000)]],
    ['meta mark & 0xff00 == 0x1200', [match(masked(meta('mark'), 0xff00), '==', 0x1200)]],
    ['meta mark and 0xff00 != 0x1200', [match(masked(meta('mark'), 0xff00), '!=', 0x1200)]],
    ['meta mark @marks accept', [match(meta('mark'), 'in', s.marks), accept]],
    ['meta mark { 0x10, 0x20-0x30 } accept', [match(meta('mark'), 'in', [range(0x20, 0x30), 0x10]), accept]],
    ['meta l4proto tcp', [match(meta('l4proto'), '==', 'tcp')]],
    ['meta l4proto { tcp, udp } accept', [match(meta('l4proto'), 'in', ['udp', 'tcp']), accept]],
    ['meta l4proto != tcp', [match(meta('l4proto'), '!=', 6)]],
    ['meta nfproto ipv4 accept', [match(meta('nfproto'), '==', 'ipv4'), accept]],
    ['meta nfproto ipv6 accept', [match(meta('nfproto'), '==', 'ipv6'), accept]],
    ['meta protocol ip accept', [match(meta('protocol'), '==', 'ip'), accept]],
    ['meta pkttype host accept', [match(meta('pkttype'), '==', 'host'), accept]],
    [
      'meta pkttype { broadcast, multicast } drop',
      [match(meta('pkttype'), 'in', ['broadcast', 'multicast']), drop],
    ],
    ['meta length > 1000', [match(meta('length'), '>', 1000)]],
    ['meta length 100-200', [match(meta('length'), '==', range(100, 200))]],
    ['meta skuid 0', [match(meta('skuid'), '==', 0)]],
    ['meta skgid 1000-2000', [match(meta('skgid'), '==', range(1000, 2000))]],
    ['meta cgroup 1048577', [match(meta('cgroup'), '==', 1048577)]],
    ['meta iiftype ether', [match(meta('iiftype'), '==', 'ether')]],
    ['meta iifgroup 5', [match(meta('iifgroup'), '==', 5)]],
    ['meta priority 1:2', [match(meta('priority'), '==', 0x10002)]],
    ['meta rtclassid 7', [match(meta('rtclassid'), '==', 7)]],
    ['meta cpu 0', [match(meta('cpu'), '==', 0)]],
    ['meta random <= 1000', [match(meta('random'), '<=', 1000)]],
    ['ip saddr 10.1.2.3', [match(ip.saddr, '==', a('10.1.2.3'))]],
    ['ip saddr != 10.1.2.3 drop', [match(ip.saddr, '!=', a('10.1.2.3')), drop]],
    ['ip saddr 10.0.0.0/8', [match(ip.saddr, '==', p('10.9.9.9/8'))]],
    ['ip saddr 10.1.0.0/17', [match(ip.saddr, '==', p('10.1.0.0/17'))]],
    ['ip daddr != 10.0.0.0/24', [match(ip.daddr, '!=', p('10.0.0.0/24'))]],
    ['ip saddr 10.1.2.3-10.1.2.9', [match(ip.saddr, '==', range(a('10.1.2.3'), a('10.1.2.9')))]],
    ['ip saddr != 10.1.2.3-10.1.2.9', [match(ip.saddr, '!=', range(a('10.1.2.3'), a('10.1.2.9')))]],
    [
      'ip saddr { 10.1.2.3, 10.1.2.4 } accept',
      [match(ip.saddr, 'in', [a('10.1.2.4'), a('10.1.2.3')]), accept],
    ],
    [
      'ip saddr { 10.0.0.0/8, 192.168.0.1-192.168.0.5, 172.16.0.1 } accept',
      [
        match(ip.saddr, 'in', [p('10.0.0.0/8'), range(a('192.168.0.1'), a('192.168.0.5')), a('172.16.0.1')]),
        accept,
      ],
    ],
    [
      'ip saddr != { 10.0.0.0/8, 192.168.0.0/16 } accept',
      [match(ip.saddr, 'not in', [p('10.0.0.0/8'), p('192.168.0.0/16')]), accept],
    ],
    ['ip saddr @addrs accept', [match(ip.saddr, 'in', s.addrs), accept]],
    ['ip saddr != @addrs drop', [match(ip.saddr, 'not in', s.addrs), drop]],
    ['ip daddr @nets accept', [match(ip.daddr, 'in', s.nets), accept]],
    ['ip protocol tcp', [match(ip.protocol, '==', 'tcp')]],
    ['ip protocol tcp tcp dport 22', [match(ip.protocol, '==', 'tcp'), match(tcp.dport, '==', 22)]],
    ['ip protocol { tcp, udp } accept', [match(ip.protocol, 'in', ['tcp', 'udp']), accept]],
    ['ip dscp cs1', [match(ip.dscp, '==', 'cs1')]],
    ['ip dscp != af11', [match(ip.dscp, '!=', 'af11')]],
    ['ip ttl 64', [match(ip.ttl, '==', 64)]],
    ['ip ttl < 5', [match(ip.ttl, '<', 5)]],
    ['ip length 20-40', [match(ip.length, '==', range(20, 40))]],
    ['ip id 5', [match(ip.id, '==', 5)]],
    ['ip frag-off & 0x1fff != 0', [match(masked(ip.fragOff, 0x1fff), '!=', 0)]],
    ['ip6 saddr 2001:db8::1', [match(ip6.saddr, '==', a('2001:db8::1'))]],
    ['ip6 saddr 2001:db8::/32', [match(ip6.saddr, '==', p('2001:db8::/32'))]],
    ['ip6 daddr fe80::/10', [match(ip6.daddr, '==', p('fe80::/10'))]],
    [
      'ip6 saddr { 2001:db8::1, 2001:db8::2 }',
      [match(ip6.saddr, 'in', [a('2001:db8::1'), a('2001:db8::2')])],
    ],
    [
      'ip6 saddr 2001:db8::1-2001:db8::9',
      [match(ip6.saddr, '==', range(a('2001:db8::1'), a('2001:db8::9')))],
    ],
    ['ip6 saddr @addrs6 drop', [match(ip6.saddr, 'in', s.addrs6), drop]],
    ['ip6 nexthdr tcp', [match(ip6.nexthdr, '==', 'tcp')]],
    ['ip6 hoplimit 1', [match(ip6.hoplimit, '==', 1)]],
    ['ip6 dscp cs1', [match(ip6.dscp, '==', 'cs1')]],
    ['ip6 dscp set cs1', [assign(ip6.dscp, 'cs1')]],
    ['ip6 flowlabel 5', [match(ip6.flowlabel, '==', 5)]],
    [
      'ip saddr 10.1.2.3 ip daddr 10.1.2.4 accept',
      [match(ip.saddr, '==', a('10.1.2.3')), match(ip.daddr, '==', a('10.1.2.4')), accept],
    ],
    [
      'ip saddr 10.1.2.3 tcp dport 80 accept',
      [match(ip.saddr, '==', a('10.1.2.3')), match(tcp.dport, '==', 80), accept],
    ],
    ['ether saddr 02:00:00:00:00:01', [match(ether.saddr, '==', mac)]],
    ['ether saddr @macs accept', [match(ether.saddr, 'in', s.macs), accept]],
    ['ether type ip accept', [match(ether.type, '==', 'ip'), accept]],
    ['tcp dport 22', [match(tcp.dport, '==', 22)]],
    ['tcp dport != 22', [match(tcp.dport, '!=', 22)]],
    ['tcp dport > 1024', [match(tcp.dport, '>', 1024)]],
    ['tcp dport <= 1024', [match(tcp.dport, '<=', 1024)]],
    ['tcp sport 1024-65535', [match(tcp.sport, '==', range(1024, 65535))]],
    ['tcp dport != 1024-65535', [match(tcp.dport, '!=', range(1024, 65535))]],
    ['tcp dport { 22, 80, 443 } accept', [match(tcp.dport, 'in', [443, 80, 22]), accept]],
    ['tcp dport { 22, 80-90 } accept', [match(tcp.dport, 'in', [22, range(80, 90)]), accept]],
    ['tcp dport != { 22, 80 } drop', [match(tcp.dport, 'not in', [22, 80]), drop]],
    ['tcp dport @ports accept', [match(tcp.dport, 'in', s.ports), accept]],
    ['udp dport 53 accept', [match(udp.dport, '==', 53), accept]],
    ['udp sport 53 accept', [match(udp.sport, '==', 53), accept]],
    ['udp length > 100', [match(udp.length, '>', 100)]],
    ['sctp dport 5000 accept', [match(sctp.dport, '==', 5000), accept]],
    ['dccp dport 5000 accept', [match(dccp.dport, '==', 5000), accept]],
    ['udplite dport 5000 accept', [match(udplite.dport, '==', 5000), accept]],
    ['th dport 53 accept', [match(th.dport, '==', 53), accept]],
    [
      'meta l4proto { tcp, udp } th dport 53 accept',
      [match(meta('l4proto'), 'in', ['tcp', 'udp']), match(th.dport, '==', 53), accept],
    ],
    ['tcp flags syn', [match(tcp.flags, 'any', 'syn')]],
    ['tcp flags == syn', [match(tcp.flags, '==', 'syn')]],
    ['tcp flags != syn', [match(tcp.flags, '!=', 'syn')]],
    ['tcp flags syn,ack', [match(tcp.flags, 'any', 'ack,syn')]],
    ['tcp flags & (syn | ack) == syn', [match(masked(tcp.flags, 'syn,ack'), '==', 'syn')]],
    [
      'tcp flags & (fin | syn | rst | ack) != syn',
      [match(masked(tcp.flags, 'fin,syn,rst,ack'), '!=', 'syn')],
    ],
    ['tcp flags ! syn', [match(tcp.flags, 'none', 'syn')]],
    ['tcp sequence 5', [match(tcp.sequence, '==', 5)]],
    ['tcp window 100', [match(tcp.window, '==', 100)]],
    ['tcp option maxseg size 1400', [match(tcpMaxseg, '==', 1400)]],
    ['tcp option maxseg size set 1400', [assign(tcpMaxseg, 1400)]],
    ['tcp option maxseg size set rt mtu', [assign(tcpMaxseg, rt.mtu)], refused],
    ['icmp type echo-request', [match(icmp.type, '==', 'echo-request')]],
    ['icmp code frag-needed', [match(icmp.code, '==', 'frag-needed')]],
    ['icmpv6 type echo-request', [match(icmpv6.type, '==', 'echo-request')]],
    ['icmpv6 code 1', [match(icmpv6.code, '==', 1)]],
    ['esp spi 5', [match(esp.spi, '==', 5)]],
    ['ah spi 5', [match(ah.spi, '==', 5)]],
    ['ct state established,related accept', [match(ct('state'), 'any', 'established,related'), accept]],
    ['ct state new', [match(ct('state'), 'any', 'new')]],
    ['ct state != new', [match(ct('state'), '!=', 'new')]],
    ['ct state == established', [match(ct('state'), '==', 'established')]],
    ['ct state invalid drop', [match(ct('state'), 'any', 'invalid'), drop]],
    [
      'ct state { established, related } accept',
      [match(ct('state'), 'in', ['established', 'related']), accept],
    ],
    [
      'ct state & (established | related) == established',
      [match(masked(ct('state'), 'established,related'), '==', 'established')],
    ],
    ['ct status dnat accept', [match(ct('status'), 'any', 'dnat'), accept]],
    ['ct status ! dnat', [match(ct('status'), 'none', 'dnat')]],
    ['ct status & (snat | dnat) != 0', [match(ct('status'), 'any', 'snat,dnat')]],
    ['ct mark 0x10', [match(ct('mark'), '==', 0x10)]],
    ['ct mark & 0xff == 0x10', [match(masked(ct('mark'), 0xff), '==', 0x10)]],
    ['ct direction original', [match(ct('direction'), '==', 'original')]],
    ['ct direction reply accept', [match(ct('direction'), '==', 'reply'), accept]],
    ['ct helper "ftp"', [match(ct('helper'), '==', 'ftp')]],
    ['ct l3proto ipv4', [match(ct('l3proto'), '==', 'ipv4')]],
    ['ct original ip saddr 10.1.2.3', [match(ct('ip saddr', 'original'), '==', a('10.1.2.3'))]],
    ['ct original ip daddr 10.1.0.0/16', [match(ct('ip daddr', 'original'), '==', p('10.1.0.0/16'))]],
    ['ct reply ip saddr 10.1.2.3', [match(ct('ip saddr', 'reply'), '==', a('10.1.2.3'))]],
    ['ct original ip6 saddr 2001:db8::1', [match(ct('ip6 saddr', 'original'), '==', a('2001:db8::1'))]],
    [
      'tcp dport 80 ct original proto-dst 80',
      [match(tcp.dport, '==', 80), match(ct('proto-dst', 'original'), '==', 80)],
    ],
    [
      'meta l4proto tcp ct reply proto-src 80',
      [match(meta('l4proto'), '==', 'tcp'), match(ct('proto-src', 'reply'), '==', 80)],
    ],
    ['ct original packets > 100', [match(ct('packets', 'original'), '>', 100)]],
    ['ct bytes > 100000', [match(ct('bytes'), '>', 100000n)]],
    ['ct avgpkt > 100', [match(ct('avgpkt'), '>', 100)]],
    ['ct zone 5', [match(ct('zone'), '==', 5)]],
    ['ct count 20', [ctCount(20)]],
    ['ct count over 20 drop', [ctCount(20, { over: true }), drop]],
    ['ct mark set 0x10', [assign(ct('mark'), 0x10)]],
    ['ct mark set meta mark', [assign(ct('mark'), meta('mark'))]],
    [
      'ct mark set ct mark and 0xff | 0x100',
      [assign(ct('mark'), calculated(ct('mark'), { and: 0xff, xor: 0x100 }))],
    ],
    ['fib daddr type local accept', [match(fib('daddr', 'type'), '==', 'local'), accept]],
    [
      'fib daddr type { local, broadcast } accept',
      [match(fib('daddr', 'type'), 'in', ['local', 'broadcast']), accept],
    ],
    ['fib saddr . iif oif 0 drop', [match(fib(['iif', 'saddr'], 'oif'), '==', 0), drop]],
    ['fib saddr . iif oif missing drop', [match(fibExists(['saddr', 'iif'], 'oif'), '==', 'missing'), drop]],
    ['fib saddr oifname "eth0"', [match(fib('saddr', 'oifname'), '==', 'eth0')]],
    ['fib daddr . mark type local', [match(fib(['daddr', 'mark'], 'type'), '==', 'local')]],
    ['fib saddr . iif oif exists accept', [match(fibExists(['saddr', 'iif'], 'oif'), '==', true), accept]],
    ['rt classid 5', [match(rt.classid, '==', 5)]],
    ['rt ip nexthop 10.1.2.3', [match(rt.ipNexthop, '==', a('10.1.2.3'))]],
    ['rt ip6 nexthop 2001:db8::1', [match(rt.ip6Nexthop, '==', a('2001:db8::1'))]],
    ['rt mtu 1400', [match(rt.mtu, '==', 1400)], refused],
    ['socket transparent 1', [match(socket.transparent, '==', 1)]],
    ['socket mark 5', [match(socket.mark, '==', 5)]],
    ['socket wildcard 0', [match(socket.wildcard, '==', 0)]],
    ['numgen inc mod 3 == 0', [match(numgen('inc', 3), '==', 0)]],
    ['numgen random mod 10 < 5', [match(numgen('random', 10), '<', 5)]],
    ['jhash ip saddr mod 4 == 1', [match(jhash([ip.saddr], 4), '==', 1)]],
    [
      'jhash ip saddr . tcp sport mod 4 seed 0x1234 == 1',
      [match(jhash([ip.saddr, tcp.sport], 4, { seed: 0x1234 }), '==', 1)],
    ],
    ['symhash mod 4 == 1', [match(symhash(4), '==', 1)]],
    ['ip saddr . tcp dport @pairs accept', [match([ip.saddr, tcp.dport], 'in', s.pairs), accept]],
    ['ip saddr . tcp dport != @pairs drop', [match([ip.saddr, tcp.dport], 'not in', s.pairs), drop]],
    [
      'ip saddr . ip protocol . tcp dport @netports accept',
      [match([ip.saddr, ip.protocol, tcp.dport], 'in', s.netports), accept],
    ],
    ['iifname . ether saddr @ifmacs accept', [match([meta('iifname'), ether.saddr], 'in', s.ifmacs), accept]],
    [
      'iifname . ether saddr != @ifmacs drop',
      [match([meta('iifname'), ether.saddr], 'not in', s.ifmacs), drop],
    ],
    [
      'ip saddr . tcp dport { 10.1.2.3 . 80, 10.1.2.4 . 443 } accept',
      [
        match([ip.saddr, tcp.dport], 'in', [
          [a('10.1.2.3'), 80],
          [a('10.1.2.4'), 443],
        ]),
        accept,
      ],
    ],
    [
      'ip saddr . tcp dport { 10.0.0.0/8 . 80-90, 10.1.2.4 . 443 } accept',
      [
        match([ip.saddr, tcp.dport], 'in', [
          [p('10.0.0.0/8'), range(80, 90)],
          [a('10.1.2.4'), 443],
        ]),
        accept,
      ],
    ],
    ['ip saddr . tcp dport { 10.1.2.3 . 80 }', [match([ip.saddr, tcp.dport], 'in', [[a('10.1.2.3'), 80]])]],
    ['ip saddr vmap @verdicts', [vmap(ip.saddr, s.verdicts)]],
    ['iifname . ip saddr vmap @ifverdicts', [vmap([meta('iifname'), ip.saddr], s.ifverdicts)]],
    [
      'tcp dport vmap { 22 : accept, 23 : drop, 24 : jump other }',
      [
        vmap(tcp.dport, [
          [22, accept],
          [23, drop],
          [24, jump('other')],
        ]),
      ],
    ],
    [
      'ip saddr . tcp dport vmap { 10.1.2.3 . 80 : accept }',
      [vmap([ip.saddr, tcp.dport], [[[a('10.1.2.3'), 80], accept]])],
    ],
    ['meta mark set iifname map @markmap', [assign(meta('mark'), mapped(meta('iifname'), s.markmap))]],
    [
      'meta mark set iifname map { "eth0" : 0x10, "eth1" : 0x20 }',
      [
        assign(
          meta('mark'),
          mapped(meta('iifname'), [
            ['eth0', 0x10],
            ['eth1', 0x20],
          ]),
        ),
      ],
    ],
    [
      'ct mark set ip saddr map { 10.0.0.0/8 : 0x10 }',
      [assign(ct('mark'), mapped(ip.saddr, [[p('10.0.0.0/8'), 0x10]]))],
    ],
    ['counter name ip saddr map @counters', [objref('counter', mapped(ip.saddr, s.counters))]],
    ['accept', [accept]],
    ['drop', [drop]],
    ['return', [returnVerdict]],
    ['continue', [continueVerdict]],
    ['jump other', [jump('other')]],
    ['goto other', [goto('other')]],
    ['counter', [counter()]],
    ['counter accept', [counter(), accept]],
    ['counter packets 5 bytes 300 accept', [counter({ packets: 5, bytes: 300 }), accept]],
    ['counter name "hits"', [objref('counter', 'hits')]],
    ['quota name "cap" drop', [objref('quota', 'cap'), drop]],
    ['limit name "ten" accept', [objref('limit', 'ten'), accept]],
    ['quota over 10 mbytes drop', [quota({ bytes: 10 << 20, over: true }), drop]],
    ['quota 500 bytes', [quota({ bytes: 500 })]],
    ['log', [log()]],
    ['log prefix "seen: "', [log({ prefix: 'seen: ' })]],
    [
      'log prefix "seen: " group 5 snaplen 100 queue-threshold 3',
      [log({ prefix: 'seen: ', group: 5, snaplen: 100, queueThreshold: 3 })],
    ],
    ['log level debug', [log({ level: 'debug' })]],
    ['log flags tcp sequence,options', [log({ flags: ['tcp options', 'tcp sequence'] })]],
    ['limit rate 10/second', [limit({ rate: 10 })]],
    ['limit rate 10/minute burst 20 packets accept', [limit({ rate: 10, per: 'minute', burst: 20 }), accept]],
    ['limit rate over 10/hour drop', [limit({ rate: 10, per: 'hour', over: true }), drop]],
    ['limit rate 1 mbytes/second', [limit({ rate: 1 << 20, bytes: true })]],
    [
      'limit rate over 10 kbytes/second burst 20 kbytes drop',
      [limit({ rate: 10 << 10, bytes: true, burst: 20 << 10, over: true }), drop],
    ],
    ['reject', [reject()]],
    ['reject with icmp port-unreachable', [reject({ type: 'icmp', code: 'port-unreachable' })]],
    ['reject with icmpv6 addr-unreachable', [reject({ type: 'icmpv6', code: 'addr-unreachable' })]],
    ['reject with icmpx admin-prohibited', [reject({ type: 'icmpx', code: 'admin-prohibited' })]],
    ['reject with tcp reset', [reject({ type: 'tcp reset' })]],
    [
      'ip saddr 10.1.2.3 reject with icmp host-prohibited',
      [match(ip.saddr, '==', a('10.1.2.3')), reject({ type: 'icmp', code: 'host-prohibited' })],
    ],
    ['tcp dport 22 reject with tcp reset', [match(tcp.dport, '==', 22), reject({ type: 'tcp reset' })]],
    ['notrack', [notrack]],
    ['meta mark set 0x10', [assign(meta('mark'), 0x10)]],
    ['meta mark set meta mark | 0x2000', [assign(meta('mark'), withBits(meta('mark'), 0x2000))]],
    [
      'meta mark set meta mark & 0xffff00ff | 0x1200',
      [assign(meta('mark'), calculated(meta('mark'), { and: 0xffff00ff, xor: 0x1200 }))],
    ],
    [
      'meta mark set meta mark ^ 0x1',
      [assign(meta('mark'), calculated(meta('mark'), { and: 0xffffffff, xor: 1 }))],
    ],
    ['meta mark set ct mark', [assign(meta('mark'), ct('mark'))]],
    ['meta mark set mark and 0xff', [assign(meta('mark'), calculated(meta('mark'), { and: 0xff }))]],
    ['meta priority set 1:10', [assign(meta('priority'), 0x10010)]],
    ['meta nftrace set 1', [assign(meta('nftrace'), 1)]],
    ['meta pkttype set host', [assign(meta('pkttype'), 'host')], refused],
    ['ip dscp set cs1', [assign(ip.dscp, 'cs1')]],
    ['ip ttl set 5', [assign(ip.ttl, 5)]],
    ['ip saddr set 10.1.2.3', [assign(ip.saddr, a('10.1.2.3'))]],
    ['tcp dport set 80', [assign(tcp.dport, 80)]],
    ['ether saddr set 02:00:00:00:00:01', [assign(ether.saddr, mac)]],
    ['add @dyn { ip saddr }', [addTo(s.dyn, ip.saddr)]],
    ['update @dyn { ip saddr timeout 30s }', [update(s.dyn, ip.saddr, { timeout: 30_000 })]],
    [
      'update @dyn { ip saddr limit rate 5/second }',
      [update(s.dyn, ip.saddr, { stateful: [limit({ rate: 5 })] })],
    ],
    [
      'add @dyn2 { ip saddr . tcp dport counter }',
      [addTo(s.dyn2, [ip.saddr, tcp.dport], { stateful: [counter()] })],
    ],
    [
      'add @dyn2 { ip saddr . tcp dport ct count over 5 } drop',
      [addTo(s.dyn2, [ip.saddr, tcp.dport], { stateful: [ctCount(5, { over: true })] }), drop],
    ],
    ['delete @dyn { ip saddr }', [deleteFrom(s.dyn, ip.saddr)]],
    ['add @markmap { iifname : 0x10 }', [addTo(s.markmap, meta('iifname'), { value: 0x10 })]],
    ['accept comment "a comment"', [accept], { comment: 'a comment' }],
    [
      'counter accept comment "with \'quotes\' and ünicode"',
      [counter(), accept],
      { comment: "with 'quotes' and ünicode" },
    ],
  ]
}

function nat(): readonly Row[] {
  const s = nftSets('inet')
  const pre = { chain: 'p' } as const
  const tcpOnly = match(meta('l4proto'), '==', 'tcp')
  const port80 = match(tcp.dport, '==', 80)
  const daddrPort = [ip.daddr, meta('l4proto'), th.dport]
  return [
    ['masquerade', [masquerade()]],
    ['ip saddr 10.0.0.0/8 masquerade', [match(ip.saddr, '==', p('10.0.0.0/8')), masquerade()]],
    ['masquerade fully-random', [masquerade({ flags: ['fully-random'] })]],
    ['masquerade random,persistent', [masquerade({ flags: ['persistent', 'random'] })]],
    ['meta l4proto tcp masquerade to :1024-65535', [tcpOnly, masquerade({ ports: range(1024, 65535) })]],
    [
      'meta l4proto tcp masquerade to :1024-65535 random',
      [tcpOnly, masquerade({ ports: range(1024, 65535), flags: ['random'] })],
    ],
    [
      'iifname . ether saddr @ifmacs oifname != "cni0" masquerade',
      [
        match([meta('iifname'), ether.saddr], 'in', s.ifmacs),
        match(meta('oifname'), '!=', 'cni0'),
        masquerade(),
      ],
    ],
    [
      'ip saddr @addrs ip daddr != 10.0.0.0/8 masquerade comment "out"',
      [match(ip.saddr, 'in', s.addrs), match(ip.daddr, '!=', p('10.0.0.0/8')), masquerade()],
      { comment: 'out' },
    ],
    ['snat ip to 10.1.2.3', [snat({ address: a('10.1.2.3') })]],
    ['meta l4proto tcp snat ip to 10.1.2.3:1024', [tcpOnly, snat({ address: a('10.1.2.3'), port: 1024 })]],
    [
      'meta l4proto tcp snat ip to 10.1.2.3-10.1.2.9:1024-2048 random',
      [
        tcpOnly,
        snat({ address: range(a('10.1.2.3'), a('10.1.2.9')), port: range(1024, 2048), flags: ['random'] }),
      ],
    ],
    ['snat ip6 to 2001:db8::1', [snat({ address: a('2001:db8::1') })]],
    ['tcp dport 80 redirect to :8080', [port80, redirect({ ports: 8080 })], pre],
    ['meta l4proto tcp redirect', [tcpOnly, redirect()], pre],
    [
      'tcp dport 80 redirect to :8080-8090 random',
      [port80, redirect({ ports: range(8080, 8090), flags: ['random'] })],
      pre,
    ],
    ['dnat ip to 10.1.2.3', [dnat({ address: a('10.1.2.3') })], pre],
    ['tcp dport 80 dnat ip to 10.1.2.3:8080', [port80, dnat({ address: a('10.1.2.3'), port: 8080 })], pre],
    [
      'tcp dport 80 dnat ip6 to [2001:db8::1]:8080',
      [port80, dnat({ address: a('2001:db8::1'), port: 8080 })],
      pre,
    ],
    ['dnat ip to tcp dport map @addrmap', [dnat({ map: mapped(tcp.dport, s.addrmap) })], pre],
    [
      'dnat ip to tcp dport map { 80 : 10.1.2.3, 443 : 10.1.2.4 }',
      [
        dnat({
          map: mapped(tcp.dport, [
            [443, a('10.1.2.4')],
            [80, a('10.1.2.3')],
          ]),
        }),
      ],
      pre,
    ],
    [
      'meta l4proto tcp dnat ip to tcp dport map @pairmap',
      [tcpOnly, dnat({ map: mapped(tcp.dport, s.pairmap) })],
      pre,
    ],
    [
      'dnat ip to ip daddr . meta l4proto . th dport map @hostmap',
      [dnat({ map: mapped(daddrPort, s.hostmap) })],
      pre,
    ],
    [
      'fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @hostmap',
      [match(fib('daddr', 'type'), '==', 'local'), dnat({ map: mapped(daddrPort, s.hostmap) })],
      pre,
    ],
    [
      'dnat ip to numgen inc mod 2 map { 0 : 10.1.2.3, 1 : 10.1.2.4 }',
      [
        dnat({
          map: mapped(numgen('inc', 2), [
            [0, a('10.1.2.3')],
            [1, a('10.1.2.4')],
          ]),
        }),
      ],
      pre,
    ],
    [
      'dnat ip to jhash ip saddr mod 2 map { 0 : 10.1.2.3, 1 : 10.1.2.4 }',
      [
        dnat({
          map: mapped(jhash([ip.saddr], 2), [
            [0, a('10.1.2.3')],
            [1, a('10.1.2.4')],
          ]),
        }),
      ],
      pre,
    ],
  ]
}

function ipv4(): readonly Row[] {
  const s = nftSets('ip')
  return [
    ['ip saddr 10.1.2.3', [match(ip.saddr, '==', a('10.1.2.3'))]],
    ['ip saddr 10.0.0.0/8', [match(ip.saddr, '==', p('10.0.0.0/8'))]],
    ['ip protocol tcp tcp dport 22', [match(ip.protocol, '==', 'tcp'), match(tcp.dport, '==', 22)]],
    ['tcp dport 22', [match(tcp.dport, '==', 22)]],
    ['icmp type echo-request', [match(icmp.type, '==', 'echo-request')]],
    ['meta l4proto tcp', [match(meta('l4proto'), '==', 'tcp')]],
    ['reject', [reject()]],
    ['reject with icmp host-unreachable', [reject({ type: 'icmp', code: 'host-unreachable' })]],
    ['reject with tcp reset', [reject({ type: 'tcp reset' })]],
    ['ct original ip saddr 10.1.2.3', [match(ct('ip saddr', 'original'), '==', a('10.1.2.3'))]],
    ['ip saddr . tcp dport @pairs accept', [match([ip.saddr, tcp.dport], 'in', s.pairs), accept]],
    ['fib daddr type local', [match(fib('daddr', 'type'), '==', 'local')]],
    ['ether saddr 02:00:00:00:00:01', [match(ether.saddr, '==', mac)]],
    ['ip dscp set cs1', [assign(ip.dscp, 'cs1')]],
    ['update @dyn { ip saddr }', [update(s.dyn, ip.saddr)]],
  ]
}

function ipv6(): readonly Row[] {
  const s = nftSets('ip6')
  return [
    ['ip6 saddr 2001:db8::1', [match(ip6.saddr, '==', a('2001:db8::1'))]],
    ['ip6 saddr 2001:db8::/32', [match(ip6.saddr, '==', p('2001:db8::/32'))]],
    ['ip6 saddr ::ffff:0:0/96 drop', [match(ip6.saddr, '==', p('::ffff:0:0/96')), drop]],
    ['ip6 saddr @addrs accept', [match(ip6.saddr, 'in', s.addrs), accept]],
    ['ip6 saddr @nets accept', [match(ip6.saddr, 'in', s.nets), accept]],
    ['ip6 saddr . tcp dport @pairs accept', [match([ip6.saddr, tcp.dport], 'in', s.pairs), accept]],
    ['icmpv6 type nd-router-advert drop', [match(icmpv6.type, '==', 'nd-router-advert'), drop]],
    ['tcp dport 22', [match(tcp.dport, '==', 22)]],
    ['ip6 dscp cs1', [match(ip6.dscp, '==', 'cs1')]],
    ['ip6 hoplimit < 5', [match(ip6.hoplimit, '<', 5)]],
    ['exthdr frag exists', [match(exthdr.frag, '==', 'exists')]],
    ['exthdr hbh missing', [match(exthdr.hbh, '==', 'missing')]],
    ['reject', [reject()]],
    ['reject with icmpv6 no-route', [reject({ type: 'icmpv6', code: 'no-route' })]],
  ]
}

function bridge(): readonly Row[] {
  const s = nftSets('bridge')
  const refused = { refused: true } as const
  const isMac = match(ether.saddr, '!=', mac)
  return [
    ['ether saddr 02:00:00:00:00:01', [match(ether.saddr, '==', mac)]],
    ['ether saddr != 02:00:00:00:00:01 drop', [isMac, drop]],
    [
      'ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00',
      [match(masked(ether.daddr, Mac.parse('01:00:00:00:00:00')), '==', Mac.parse('01:00:00:00:00:00'))],
    ],
    ['ether type arp accept', [match(ether.type, '==', 'arp'), accept]],
    ['ether type != ip drop', [match(ether.type, '!=', 'ip'), drop]],
    [
      'iifname "veth1" ether saddr != 02:00:00:00:00:01 drop',
      [match(meta('iifname'), '==', 'veth1'), isMac, drop],
    ],
    [
      'iifname . ether saddr != @ifmacs drop',
      [match([meta('iifname'), ether.saddr], 'not in', s.ifmacs), drop],
    ],
    [
      'iifname @ifs iifname . ether saddr != @ifmacs drop',
      [match(meta('iifname'), 'in', s.ifs), match([meta('iifname'), ether.saddr], 'not in', s.ifmacs), drop],
    ],
    ['ip saddr 10.1.2.3', [match(ip.saddr, '==', a('10.1.2.3'))]],
    [
      'ether type ip ip saddr 10.1.2.3',
      [match(ether.type, '==', 'ip'), match(ip.saddr, '==', a('10.1.2.3'))],
    ],
    ['ip6 saddr 2001:db8::1', [match(ip6.saddr, '==', a('2001:db8::1'))]],
    ['tcp dport 22', [match(tcp.dport, '==', 22)]],
    ['ip protocol tcp tcp dport 22', [match(ip.protocol, '==', 'tcp'), match(tcp.dport, '==', 22)]],
    ['iifname . ip saddr vmap @ifverdicts', [vmap([meta('iifname'), ip.saddr], s.ifverdicts)]],
    ['arp operation request', [match(arp.operation, '==', 'request')]],
    ['arp saddr ip 10.1.2.3', [match(arp.saddrIp, '==', a('10.1.2.3'))]],
    ['arp saddr ether 02:00:00:00:00:01 drop', [match(arp.saddrEther, '==', mac), drop]],
    ['arp daddr ip 10.1.2.3', [match(arp.daddrIp, '==', a('10.1.2.3'))]],
    ['meta ibrname "cni0"', [match(meta('ibrname'), '==', 'cni0')], refused],
    ['meta obrname "cni0"', [match(meta('obrname'), '==', 'cni0')], refused],
    ['meta ibrpvid 1', [match(meta('ibrpvid'), '==', 1)], refused],
    ['meta protocol arp accept', [match(meta('protocol'), '==', 'arp'), accept]],
    ['vlan id 5', [match(vlan.id, '==', 5)]],
    ['icmp type echo-request', [match(icmp.type, '==', 'echo-request')]],
    ['icmpv6 type nd-neighbor-advert', [match(icmpv6.type, '==', 'nd-neighbor-advert')]],
    ['ct state established accept', [match(ct('state'), 'any', 'established'), accept], refused],
    ['pkttype multicast drop', [match(meta('pkttype'), '==', 'multicast'), drop]],
    ['log prefix "spoofed " drop', [log({ prefix: 'spoofed ' }), drop]],
    ['reject', [reject()], { chain: 'r', refused: true }],
    [
      'reject with icmp host-unreachable',
      [reject({ type: 'icmp', code: 'host-unreachable' })],
      { chain: 'r', refused: true },
    ],
  ]
}

function netdev(): readonly Row[] {
  const s = nftSets('netdev')
  return [
    ['ether saddr 02:00:00:00:00:01 drop', [match(ether.saddr, '==', mac), drop]],
    ['ether saddr @macs drop', [match(ether.saddr, 'in', s.macs), drop]],
    ['ip saddr 10.1.2.3 drop', [match(ip.saddr, '==', a('10.1.2.3')), drop]],
    [
      'ip saddr 10.0.0.0/8 tcp dport 22 drop',
      [match(ip.saddr, '==', p('10.0.0.0/8')), match(tcp.dport, '==', 22), drop],
    ],
    [
      'ether type ip ip saddr 10.1.2.3',
      [match(ether.type, '==', 'ip'), match(ip.saddr, '==', a('10.1.2.3'))],
    ],
    ['meta protocol ip6 drop', [match(meta('protocol'), '==', 'ip6'), drop]],
    ['tcp dport 22', [match(tcp.dport, '==', 22)]],
    ['udp dport 53 counter', [match(udp.dport, '==', 53), counter()]],
    ['dup to "lo"', [dup(1)]],
    ['fwd to "lo"', [fwd(1)]],
    ['arp operation request', [match(arp.operation, '==', 'request')]],
    ['meta mark set 0x10', [assign(meta('mark'), 0x10)]],
    ['ip dscp set cs1', [assign(ip.dscp, 'cs1')]],
  ]
}

function arpFamily(): readonly Row[] {
  const s = nftSets('arp')
  return [
    ['arp operation request', [match(arp.operation, '==', 'request')]],
    ['arp operation { request, reply } accept', [match(arp.operation, 'in', ['reply', 'request']), accept]],
    ['arp htype 1', [match(arp.htype, '==', 1)]],
    ['arp ptype ip', [match(arp.ptype, '==', 'ip')]],
    ['arp hlen 6', [match(arp.hlen, '==', 6)]],
    ['arp plen 4', [match(arp.plen, '==', 4)]],
    ['arp saddr ip 10.1.2.3', [match(arp.saddrIp, '==', a('10.1.2.3'))]],
    ['arp saddr ip @addrs accept', [match(arp.saddrIp, 'in', s.addrs), accept]],
    ['arp daddr ip 10.1.0.0/16', [match(arp.daddrIp, '==', p('10.1.0.0/16'))]],
    ['arp saddr ether 02:00:00:00:00:01', [match(arp.saddrEther, '==', mac)]],
    ['arp daddr ether 02:00:00:00:00:01 drop', [match(arp.daddrEther, '==', mac), drop]],
    ['iifname "cni0" drop', [match(meta('iifname'), '==', 'cni0'), drop]],
  ]
}

const rows: Readonly<Record<string, readonly [Family, () => readonly Row[]]>> = {
  inet: ['inet', inet],
  nat: ['inet', nat],
  ip: ['ip', ipv4],
  ip6: ['ip6', ipv6],
  bridge: ['bridge', bridge],
  netdev: ['netdev', netdev],
  arp: ['arp', arpFamily],
}

/** Names of the captures that have rules: files in test/golden/nft. */
export const nftSuites = Object.keys(rows)

export function nftCases(suite: string): { readonly family: Family; readonly cases: readonly NftCase[] } {
  const [family, make] = rows[suite]!
  return { family, cases: make().map(([text, statements, more = {}]) => ({ text, statements, ...more })) }
}
