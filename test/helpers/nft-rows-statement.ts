// Rules of family inet: connection tracking, maps and statements.
import { mapped } from '../../kernel/nft/mapped.js'
import { ct } from '../../kernel/nft/selectors/ct.js'
import { fib, fibExists } from '../../kernel/nft/selectors/fib.js'
import { ether } from '../../kernel/nft/selectors/link.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip } from '../../kernel/nft/selectors/network.js'
import { jhash, numgen, symhash } from '../../kernel/nft/selectors/number.js'
import { rt, socket } from '../../kernel/nft/selectors/route.js'
import { tcp } from '../../kernel/nft/selectors/transport.js'
import { assign, calculated, withBits } from '../../kernel/nft/statements/assign.js'
import { counter } from '../../kernel/nft/statements/counter.js'
import { notrack } from '../../kernel/nft/statements/device.js'
import { addTo, deleteFrom, update } from '../../kernel/nft/statements/dynset.js'
import { ctCount, limit, quota } from '../../kernel/nft/statements/limit.js'
import { log } from '../../kernel/nft/statements/log.js'
import { masked, match } from '../../kernel/nft/statements/match.js'
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
import { a, mac, nftSets, p, type Row } from './nft-rows.js'

export function inetStatements(): readonly Row[] {
  const s = nftSets('inet')
  const refused = { refused: true } as const
  return [
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
