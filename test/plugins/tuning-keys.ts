// Names of kernel settings in all their spellings, and keys that stand twice in a document.
import t from 'tap'
import { keysAt } from '../../cni/json-keys.js'
import { parseSysctlKey, pathOfInterface } from '../../plugins/tuning/sysctl-key.js'

t.test('spellings', async t => {
  const cases: [key: string, ifname: string, path: string, dotted: string, own: boolean][] = [
    ['net.core.somaxconn', 'eth0', 'net/core/somaxconn', 'net.core.somaxconn', false],
    ['net/core/somaxconn', 'eth0', 'net/core/somaxconn', 'net.core.somaxconn', false],
    ['net/core.somaxconn', 'eth0', 'net/core/somaxconn', 'net.core.somaxconn', false],
    ['net.nf_conntrack_max', 'eth0', 'net/nf_conntrack_max', 'net.nf_conntrack_max', false],
    ['net.ipv4.conf.IFNAME.rp_filter', 'eth0', 'net/ipv4/conf/eth0/rp_filter', '=', true],
    ['net.ipv4.conf.IFNAME.rp_filter', 'eth0.5', 'net/ipv4/conf/eth0.5/rp_filter', '=', true],
    ['net.ipv4.conf.eth0.rp_filter', 'eth0', 'net/ipv4/conf/eth0/rp_filter', '=', true],
    ['net.ipv4.conf.eth1.rp_filter', 'eth0', 'net/ipv4/conf/eth1/rp_filter', '=', false],
    ['net.ipv4.conf.all.rp_filter', 'eth0', 'net/ipv4/conf/all/rp_filter', '=', false],
    [
      'net/ipv6/neigh/IFNAME/gc_stale_time',
      'x',
      'net/ipv6/neigh/x/gc_stale_time',
      'net.ipv6.neigh.IFNAME.gc_stale_time',
      true,
    ],
    ...[
      'net/ipv4/conf/eth0.100/forwarding',
      'net.ipv4.conf.eth0/100.forwarding',
      'net.ipv4.conf.eth0.100.forwarding',
    ].map((key): [string, string, string, string, boolean] => [
      key,
      'eth0.100',
      'net/ipv4/conf/eth0.100/forwarding',
      'net.ipv4.conf.eth0/100.forwarding',
      true,
    ]),
    [
      'net.ipv4.conf.IFNAME.100.forwarding',
      'eth0',
      'net/ipv4/conf/eth0.100/forwarding',
      'net.ipv4.conf.IFNAME/100.forwarding',
      false,
    ],
    ['net.ipv4.conf.IFNAME.rp_filter', '', 'net/ipv4/conf/IFNAME/rp_filter', '=', false],
  ]
  for (const [key, ifname, path, dotted, own] of cases)
    t.strictSame(
      parseSysctlKey(key, ifname, 'sysctl'),
      { path, dotted: dotted === '=' ? key : dotted, own },
      `${key} of ${ifname}`,
    )
  t.equal(pathOfInterface('net/ipv4/conf/eth0.100/forwarding', 'plv'), 'net/ipv4/conf/plv/forwarding')
})

t.test('what is no setting of a network namespace', async t => {
  const keys = [
    ...[
      '',
      'net',
      '.',
      '/',
      'net.',
      'net/',
      '/net/core/somaxconn',
      '.net.core.somaxconn',
      'net..core.somaxconn',
    ],
    ...['net/../kernel/hostname', 'net/ipv4/../../kernel/hostname', 'net/core/..', 'net/./core/somaxconn'],
    ...['/proc/sys/net/core/somaxconn', 'proc/sys/net/core/somaxconn', '../net/core/somaxconn'],
    ...['kernel.shmmax', 'vm/swappiness', 'NET.core.somaxconn', 'network.core', 'IFNAME.core'],
    ...[
      'net.core.som axconn',
      'net.core.somaxconn\n',
      'net.core.\u0000',
      ' net.core.somaxconn',
      'net.core.\u00a0x',
    ],
  ]
  for (const key of keys)
    t.throws(
      () => parseSysctlKey(key, 'eth0', 'sysctl'),
      { code: 7, message: `invalid net sysctl key: ${JSON.stringify(key)}` },
      JSON.stringify(key),
    )
})

t.test('keys of a document as they stand', async t => {
  const at = (text: string, ...path: string[]) => keysAt(text, path)
  t.strictSame(at('{"a":1,"b":{"c":2},"a":3}'), ['a', 'b', 'a'])
  t.strictSame(at('{"a":{"x":{"n":1},"y":["z",{"q":1}],"x":"a"},"A":{"w":0}}', 'a'), ['x', 'y', 'x', 'w'])
  t.strictSame(at('{"args":{"cni":{"sysctl":{"k":"{","l\\"}":"\\\\","k":""}}}}', 'args', 'cni', 'sysctl'), [
    'k',
    'l"}',
    'k',
  ])
  t.strictSame(
    at('{"b":{"a":{"no":1}},"c":[{"a":{"no":1}}],"a":{"\\u0061":1,"a":2}}', 'a'),
    ['a', 'a'],
    'escapes',
  )
  for (const none of ['{}', '[]', '"a"', '5', '{"a":[]}', '{"a":"x"}', '{"x":"a"}', '{"x":"a","y":{"z":1}}'])
    t.strictSame(at(none, 'a'), [], none)
})
