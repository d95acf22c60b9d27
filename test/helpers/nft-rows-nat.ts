// Rules of NAT chains.
import { mapped } from '../../kernel/nft/mapped.js'
import { fib } from '../../kernel/nft/selectors/fib.js'
import { ether } from '../../kernel/nft/selectors/link.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip } from '../../kernel/nft/selectors/network.js'
import { jhash, numgen } from '../../kernel/nft/selectors/number.js'
import { tcp, th } from '../../kernel/nft/selectors/transport.js'
import { match } from '../../kernel/nft/statements/match.js'
import { dnat, masquerade, redirect, snat } from '../../kernel/nft/statements/nat.js'
import { range } from '../../kernel/nft/value.js'
import { a, nftSets, p, type Row } from './nft-rows.js'

export function nat(): readonly Row[] {
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
