// Rules of the families other than inet.
import { ct } from '../../kernel/nft/selectors/ct.js'
import { fib } from '../../kernel/nft/selectors/fib.js'
import { arp, ether, vlan } from '../../kernel/nft/selectors/link.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip, ip6 } from '../../kernel/nft/selectors/network.js'
import { exthdr } from '../../kernel/nft/selectors/option.js'
import { icmp, icmpv6, tcp, udp } from '../../kernel/nft/selectors/transport.js'
import { assign } from '../../kernel/nft/statements/assign.js'
import { counter } from '../../kernel/nft/statements/counter.js'
import { dup, fwd } from '../../kernel/nft/statements/device.js'
import { update } from '../../kernel/nft/statements/dynset.js'
import { log } from '../../kernel/nft/statements/log.js'
import { masked, match } from '../../kernel/nft/statements/match.js'
import { reject } from '../../kernel/nft/statements/reject.js'
import { accept, drop } from '../../kernel/nft/statements/verdict.js'
import { vmap } from '../../kernel/nft/statements/vmap.js'
import { Mac } from '../../wire/mac.js'
import { a, mac, nftSets, p, type Row } from './nft-rows.js'

export function ipv4(): readonly Row[] {
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

export function ipv6(): readonly Row[] {
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

export function bridge(): readonly Row[] {
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

export function netdev(): readonly Row[] {
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

export function arpFamily(): readonly Row[] {
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
