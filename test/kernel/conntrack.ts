// Connection tracking in fresh namespaces, against what `conntrack -L` says; flushes with and without the kernel's own filter.
import t from 'tap'
import { ConntrackVerbs, type NewConntrackEntry } from '../../kernel/conntrack/conntrack.js'
import type { ConntrackSelector } from '../../kernel/conntrack/selector.js'
import { isExists, KernelError } from '../../kernel/error.js'
import { IP_PROTOCOLS } from '../../kernel/ip-protocol.js'
import { NetlinkConnection } from '../../kernel/netlink/connection.js'
import { Subscription } from '../../kernel/netlink/subscription.js'
import * as c from '../../wire/conntrack/constants.js'
import { decodeConntrack, encodeConntrack } from '../../wire/conntrack/entry.js'
import { conntrackMsg, conntrackType } from '../../wire/conntrack/message.js'
import { inverse } from '../../wire/conntrack/tuple.js'
import { Ip } from '../../wire/ip.js'
import { NETLINK_NETFILTER } from '../../wire/netlink/constants.js'
import { needs } from '../helpers/needs.js'
import { type TestNetns, tempNetns } from '../helpers/netns.js'
import { bytesOf } from '../helpers/round-trip.js'
import { type Answer, ack, done, failure, message, part, ScriptedKernel } from '../helpers/scripted-kernel.js'
import { sh, trySh } from '../helpers/sh.js'

const skip = needs('root', 'conntrack', 'nsenter')
const NFNLGRP_CONNTRACK_NEW = 1
const NFNLGRP_CONNTRACK_DESTROY = 3

type Protocol = keyof typeof IP_PROTOCOLS

/** `udp 10.0.0.1 > 192.0.2.1:5353`, answered by `10.88.0.2` where that is another. */
function entryOf(text: string): NewConntrackEntry {
  const [, protocol, src, dst, port, answerer] = /^(\w+) (\S+) > \[?([^\]]*?)\]?:(\d+)(?: \((\S+)\))?$/.exec(
    text,
  )!
  const number = IP_PROTOCOLS[protocol as Protocol]
  const orig = {
    ip: { src: Ip.parse(src!), dst: Ip.parse(dst!) },
    protocol: { number, srcPort: 40000, dstPort: Number(port) },
  }
  const answer = answerer === undefined ? {} : { src: Ip.parse(answerer) }
  const reply = { ...inverse(orig), ip: { ...inverse(orig).ip, ...answer } }
  const sctp = { state: c.SCTP_CONNTRACK_ESTABLISHED, origTag: 1, replyTag: 2 }
  return {
    ...{ family: orig.ip.src.family, orig, reply, timeout: 600 },
    ...(protocol === 'sctp' && { protocolInfo: { sctp } }),
  }
}

/** The table as conntrack(8) shows it, in the form above. */
function table({ path }: TestNetns): string[] {
  const lines = sh('conntrack -L -f ipv4; conntrack -L -f ipv6', path).trim().split('\n')
  return lines
    .filter(line => line !== '')
    .map(line => {
      const all = (key: string) => [...line.matchAll(new RegExp(`\\b${key}=(\\S+)`, 'g'))].map(([, v]) => v)
      const [src, answerer] = all('src')
      const [dst] = all('dst')
      const end = dst!.includes(':') ? `[${dst}]` : dst
      return `${line.split(' ')[0]} ${src} > ${end}:${all('dport')[0]}${answerer === dst ? '' : ` (${answerer})`}`
    })
    .sort()
}

const ENTRIES = [
  'tcp 10.0.0.1 > 192.0.2.1:5353',
  'tcp fd00::1 > [fd01::1]:8080 (fd88::2)',
  'udp 10.0.0.1 > 192.0.2.1:5353',
  'udp 10.0.0.2 > 192.0.2.1:5353 (10.88.0.2)',
  'udp 10.0.0.3 > 192.0.2.9:5353',
  'udp 10.0.0.4 > 192.0.2.1:5354',
  'udp 10.0.0.5 > 192.0.2.1:6000 (10.88.0.2)',
  'udp fd00::1 > [fd01::1]:5353',
  'udp fd00::2 > [fd01::1]:6000 (fd88::2)',
  'sctp 10.0.0.1 > 192.0.2.1:5353',
  'sctp 10.0.0.2 > 192.0.2.1:3868 (10.88.0.2)',
  'sctp fd00::1 > [fd01::1]:5353',
].sort()

const ip = (text: string) => Ip.parse(text)
const udp = { protocol: 'udp' } as const

/** Selectors, and what of the entries they mean. */
const FLUSHES: readonly [what: string, selectors: readonly ConntrackSelector[], gone: RegExp][] = [
  ['nothing', [], /^$/],
  ['a port of one family', [{ ...udp, family: 4, origPort: 5353 }], /^udp 10.*:5353/],
  ['a port', [{ ...udp, origPort: 5353 }], /^udp .*:5353/],
  ['a port that nobody asked for', [{ ...udp, origPort: 99 }], /^$/],
  ['a range', [{ ...udp, origPort: { from: 5354, to: 5999 } }], /^udp .*:5354/],
  ['a short range', [{ ...udp, origPort: { from: 5353, to: 5354 } }], /^udp .*:535/],
  ['a port of an address', [{ ...udp, origPort: 5353, origDst: ip('192.0.2.9') }], /^udp .*192\.0\.2\.9/],
  ['all protocols of a container', [{ replySrc: ip('10.88.0.2') }], /\(10\.88/],
  ['one protocol of a container', [{ ...udp, replySrc: ip('10.88.0.2') }], /^udp .*\(10\.88/],
  [
    'a container and a port',
    [{ ...udp, origPort: 6000, replySrc: ip('10.88.0.2') }],
    /^udp .*:6000 \(10\.88/,
  ],
  ['an IPv6 container', [{ replySrc: ip('fd88::2') }], /\(fd88/],
  ['an address', [{ origDst: ip('192.0.2.9') }], /192\.0\.2\.9/],
  ['a protocol', [{ protocol: 'tcp', family: 6 }], /^tcp fd/],
  [
    'several ports',
    [
      { ...udp, origPort: 5353 },
      { ...udp, family: 6, origPort: 6000 },
    ],
    /^udp .*:5353|^udp fd.*:6000/,
  ],
  ['SCTP', [{ protocol: 'sctp', origPort: 5353 }], /^sctp .*:5353/],
  ['SCTP of one family', [{ protocol: 'sctp', family: 4, origPort: 3868 }], /^sctp 10.*:3868/],
  ['SCTP of a container', [{ protocol: 'sctp', replySrc: ip('10.88.0.2') }], /^sctp .*\(10\.88/],
  [
    'what the kernel finds, and what it does not',
    [
      { ...udp, origPort: 5354 },
      { protocol: 'sctp', family: 6, origPort: 5353 },
    ],
    /^udp .*:5354|^sctp fd/,
  ],
  [
    'more than one would flush one by one',
    Array.from({ length: 40 }, (_, i) => ({ ...udp, family: 4 as const, origPort: 5340 + i })),
    /^udp 10.*:535/,
  ],
]

for (const [kernel, own] of [
  ["by the kernel's filter", undefined],
  ['by dumps', false],
] as const)
  t.test(`flushes ${kernel}`, { skip }, async t => {
    const netns = tempNetns(t)
    using connection = NetlinkConnection.open(NETLINK_NETFILTER, netns.fd)
    const conntrack = new ConntrackVerbs(() => connection, own)
    for (const [what, selectors, gone] of FLUSHES) {
      for (const entry of conntrack.list()) conntrack.remove(entry)
      for (const entry of ENTRIES) conntrack.add(entryOf(entry))
      conntrack.flush(selectors)
      t.same(
        table(netns),
        ENTRIES.filter(entry => !gone.test(entry)),
        what,
      )
    }
  })

t.test('entries one by one', { skip }, async t => {
  const netns = tempNetns(t)
  const { conntrack } = netns.ns
  t.equal(conntrack.count(), 0)
  t.same(conntrack.list(), [])
  conntrack.flush([{ ...udp, origPort: 5353 }])

  const entry = entryOf('udp 10.0.0.1 > 192.0.2.1:5353')
  conntrack.add(entry)
  const exists = caught(() => conntrack.add(entry))
  t.ok(isExists(exists))
  t.match(exists, {
    operation: 'conntrack add',
    target: 'protocol 17 10.0.0.1:40000 > 192.0.2.1:5353',
  })
  conntrack.add({ ...entryOf('udp 10.0.0.1 > 192.0.2.1:5353'), zone: 7 })
  conntrack.add(entryOf('tcp fd00::1 > [fd01::1]:80'))
  t.equal(conntrack.count(), 3)
  t.equal(Number(sh('conntrack -C', netns.path)), 3)

  const [listed] = conntrack.list({ ...udp, origPort: 5353, origDst: ip('192.0.2.1') }).filter(e => !e.zone)
  t.match(listed, {
    family: 4,
    orig: { protocol: { number: 17, srcPort: 40000, dstPort: 5353 } },
    reply: { protocol: { srcPort: 5353, dstPort: 40000 } },
    status: c.IPS_CONFIRMED,
  })
  t.equal(String(listed?.orig?.ip?.src), '10.0.0.1')
  t.match(sh('conntrack -L -o id', netns.path), `id=${listed?.id}`)
  t.same(conntrack.list({ replySrc: ip('fd01::1') }).length, 1)
  t.same(conntrack.list({ replySrc: ip('fd01::2') }), [])

  t.equal(
    conntrack.remove({ ...listed!, id: (listed!.id! + 1) % 2 ** 32 }),
    false,
    'another of the same tuple',
  )
  t.equal(conntrack.remove(listed!), true)
  t.equal(conntrack.remove(listed!), false)
  t.match(conntrack.list({ protocol: 'udp' }), [{ zone: 7 }], 'the one in a zone is another')
  t.equal(conntrack.remove(conntrack.list({ protocol: 'udp' })[0]!), true)
  t.same(table(netns), ['tcp fd00::1 > [fd01::1]:80'])
})

t.test('entries in zones are flushed, too', { skip }, async t => {
  const netns = tempNetns(t)
  using connection = NetlinkConnection.open(NETLINK_NETFILTER, netns.fd)
  for (const own of [undefined, false]) {
    const conntrack = new ConntrackVerbs(() => connection, own)
    conntrack.add({ ...entryOf('udp 10.0.0.1 > 192.0.2.1:5353'), zone: 7 })
    conntrack.flush([{ ...udp, origPort: 5353 }])
    t.equal(conntrack.count(), 0)
  }
})

t.test('many entries', { skip }, async t => {
  const netns = tempNetns(t)
  using connection = NetlinkConnection.open(NETLINK_NETFILTER, netns.fd)
  const many = 2500
  const fill = () => {
    const first = ip('10.1.0.0')
    const requests = Array.from({ length: many }, (_, i) => {
      const entry = entryOf(`udp ${first.add(i)} > 192.0.2.1:${i % 2 ? 5353 : 53}`)
      return {
        ...{ operation: 'fill', target: '', type: conntrackType(c.IPCTNL_MSG_CT_NEW), flags: 0x600 },
        body: (w: Parameters<typeof encodeConntrack>[0]) => encodeConntrack(w, entry),
      }
    })
    connection.requestAll(requests)
  }
  for (const own of [undefined, false])
    for (const selector of [
      { ...udp, origPort: 5353 },
      { ...udp, origPort: { from: 60, to: 6000 } },
    ]) {
      const conntrack = new ConntrackVerbs(() => connection, own)
      fill()
      t.equal(conntrack.count(), many)
      conntrack.flush([selector])
      t.equal(conntrack.count(), many / 2)
      t.equal(conntrack.list(selector).length, 0)
      conntrack.flush([{ ...udp, family: 4 }])
      t.equal(conntrack.count(), 0)
    }
})

t.test('entries of real packets', { skip: skip || needs('nft') }, async t => {
  const netns = tempNetns(t)
  const send = () =>
    trySh('echo hello | timeout 5 bash -c "cat > /dev/udp/127.0.0.1/5353" 2>/dev/null || true', netns.path)
  netns.run('ip link set lo up')
  sh(
    `nft 'table ip t {
      chain nat { type nat hook output priority -100; udp dport 5353 dnat to 127.0.0.2:6000; }
      chain in { type filter hook input priority 0; ct state new accept; }
    }'`,
    netns.path,
  )
  const { conntrack } = netns.ns
  const ours = { ...udp, origPort: 5353 }
  for (const selector of [ours, { replySrc: ip('127.0.0.2') }, { ...ours, origDst: ip('127.0.0.1') }]) {
    send()
    const [entry] = conntrack.list(ours)
    t.equal(String(entry?.reply?.ip?.src), '127.0.0.2')
    t.equal(entry?.reply?.protocol?.srcPort, 6000)
    t.ok((entry?.status ?? 0) & c.IPS_DST_NAT)
    conntrack.flush([selector])
    t.same(conntrack.list(ours), [])
  }
})

t.test('notifications are entries', { skip }, async t => {
  const netns = tempNetns(t)
  using events = Subscription.open(
    NETLINK_NETFILTER,
    [NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_DESTROY],
    netns.fd,
  )
  netns.ns.conntrack.add(entryOf('udp 10.0.0.1 > 192.0.2.1:5353'))
  netns.ns.conntrack.flush([{ ...udp, family: 4, origPort: 5353 }])
  const seen: [number | undefined, number | undefined][] = []
  const listener = {
    message: ({ type, payload }: { type: number; payload: Buffer }) =>
      void seen.push([conntrackMsg(type), decodeConntrack(payload).orig?.protocol?.dstPort]),
    overrun: () => t.fail('overrun'),
  }
  while (seen.length < 2 && events.receive(5000, listener));
  t.same(seen, [
    [c.IPCTNL_MSG_CT_NEW, 5353],
    [c.IPCTNL_MSG_CT_DELETE, 5353],
  ])
})

t.test('selectors that mean nothing or too much', async t => {
  const conntrack = new ConntrackVerbs(() => t.fail('nothing is to be sent') as never)
  const refused: [ConntrackSelector, RegExp][] = [
    [{}, /without a protocol or an address/],
    [{ family: 4 }, /without a protocol or an address/],
    [{ origPort: 53, origDst: ip('192.0.2.1') }, /with port 53 and no protocol/],
    [{ family: 6, origDst: ip('192.0.2.1') }, /two families: 6, 4/],
    [{ origDst: ip('192.0.2.1'), replySrc: ip('fd88::2') }, /two families: 4, 6/],
  ]
  for (const [selector, text] of refused) {
    const error = { name: 'RangeError', message: text }
    t.throws(() => conntrack.flush([{ ...udp, origPort: 1 }, selector]), error)
    t.throws(() => conntrack.list(selector), error)
  }
  t.throws(() => conntrack.remove({ family: 4 }), { name: 'RangeError' })
})

// Kernels of other kinds, as they answer.
const EPERM = 1
const ENOENT = 2
const EBUSY = 16
const EINVAL = 22
const EOPNOTSUPP = 95
const STATS = conntrackType(c.IPCTNL_MSG_CT_GET_STATS)
const NEW = conntrackType(c.IPCTNL_MSG_CT_NEW)

function scripted(...answers: Answer[]) {
  const kernel = new ScriptedKernel(...answers)
  const connection = new NetlinkConnection(kernel)
  return { kernel, conntrack: new ConntrackVerbs(() => connection) }
}

const refuse =
  (errno: number): Answer =>
  requests =>
    requests.map(({ seq }) => failure(seq, errno))
const stats =
  (entries: number): Answer =>
  ([request]) => [message(request!.seq, STATS, Buffer.from([0, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, entries]))]
const dump =
  (...entries: string[]): Answer =>
  ([request]) => [
    ...entries.map((text, i) =>
      part(
        request!.seq,
        NEW,
        bytesOf(w => encodeConntrack(w, { ...entryOf(text), id: i })),
      ),
    ),
    done(request!.seq),
  ]
const silence: Answer = () => []

t.test('a kernel that cannot flush by filter, nor dump by one', async t => {
  const listed = dump(...ENTRIES)
  for (const errno of [EOPNOTSUPP, EINVAL]) {
    const { kernel, conntrack } = scripted(
      refuse(errno),
      stats(12),
      listed,
      silence,
      stats(12),
      listed,
      silence,
    )
    const selector = { ...udp, family: 4, origPort: 5353 } as const
    conntrack.flush([selector])
    const deleted = kernel.sent.at(-1)!.map(({ payload }) => decodeConntrack(payload))
    t.same(
      deleted.map(({ orig }) => String(orig?.ip?.src)).sort(),
      ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
      'what it dumped too much is left alone',
    )
    t.ok(
      deleted.every(({ id, reply }) => id !== undefined && reply === undefined),
      'by tuple and number',
    )
    const before = kernel.sent.length
    conntrack.flush([selector])
    t.equal(kernel.sent.length - before, 3, 'it is not asked again')
  }
})

t.test('entries that vanish while one deletes them', async t => {
  const gone: Answer = requests => requests.map(({ seq }) => failure(seq, ENOENT))
  const { conntrack } = scripted(refuse(EOPNOTSUPP), stats(12), dump(...ENTRIES), gone)
  conntrack.flush([{ ...udp, origPort: 5353 }])
  const busy: Answer = requests =>
    requests.map(({ seq }, i) => failure(seq, i < requests.length - 1 ? ENOENT : EBUSY))
  const other = scripted(refuse(EOPNOTSUPP), stats(12), dump(...ENTRIES), busy)
  t.match(
    caught(() => other.conntrack.flush([{ ...udp, origPort: 5353 }])),
    { code: 'EBUSY' },
    'anything else is told, also behind those',
  )
})

t.test('kernels that refuse', async t => {
  const hint = /CONFIG_NF_CT_NETLINK/
  const without = () => scripted(refuse(EINVAL)).conntrack
  const entry = entryOf(ENTRIES[0]!)
  t.match(
    caught(() => without().count()),
    { code: 'EINVAL', operation: 'conntrack count', hint },
  )
  t.match(
    caught(() => without().list()),
    { code: 'EINVAL', hint },
  )
  t.match(
    caught(() => without().add(entry)),
    { code: 'EINVAL', hint },
  )
  t.match(
    caught(() => without().flush([{ ...udp, origPort: 1 }])),
    { code: 'EINVAL', hint },
  )
  const forbidden = scripted(refuse(EPERM))
  t.match(
    caught(() => forbidden.conntrack.flush([{ ...udp, origPort: 1 }])),
    { code: 'EPERM' },
  )
  const { conntrack, kernel } = scripted(([request]) => [ack(request!.seq)])
  conntrack.flush([{ ...udp, origPort: 1 }])
  t.equal(kernel.sent.length, 1, 'all in one go where the kernel does it')
  t.equal(kernel.sent[0]?.length, 2, 'a request for each family')
})

function caught(call: () => unknown): KernelError {
  try {
    call()
  } catch (error) {
    if (error instanceof KernelError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
