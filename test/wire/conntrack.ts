// Entries of connection tracking: our requests against those of conntrack(8), and what the kernel tells.
import t, { type Test } from 'tap'
import * as c from '../../wire/conntrack/constants.js'
import {
  type ConntrackEntry,
  decodeConntrack,
  encodeConntrack,
  encodeConntrackFilter,
} from '../../wire/conntrack/entry.js'
import { decodeFlow, encodeFlow } from '../../wire/conntrack/flow.js'
import { conntrackMsg, conntrackType } from '../../wire/conntrack/message.js'
import { decodeConntrackStats } from '../../wire/conntrack/stats.js'
import { inverse, type Tuple } from '../../wire/conntrack/tuple.js'
import { Ip } from '../../wire/ip.js'
import { NLM_F_DUMP } from '../../wire/netlink/constants.js'
import { canonical } from '../helpers/canonical.js'
import { golden, plain, sentBy } from '../helpers/golden.js'
import { matchBytes } from '../helpers/match-bytes.js'
import { bytesOf } from '../helpers/round-trip.js'

const captures = golden('conntrack/entry')
const broken = { name: 'WireError', offset: Number }
const NEW = conntrackType(c.IPCTNL_MSG_CT_NEW)
const GET = conntrackType(c.IPCTNL_MSG_CT_GET)
const DELETE = conntrackType(c.IPCTNL_MSG_CT_DELETE)
const STATS = conntrackType(c.IPCTNL_MSG_CT_GET_STATS)
const TCP = 6
const UDP = 17
// conntrack(8) takes the tags of SCTP in the host's byte order.
const SCTP = 132

/** What the kernel told when the table was listed. */
const told = captures
  .flatMap(({ received }) => received)
  .filter(({ type }) => type === NEW)
  .map(({ payload }) => payload)

function tuple(src: string, dst: string, number: number, srcPort: number, dstPort: number): Tuple {
  return { ip: { src: Ip.parse(src), dst: Ip.parse(dst) }, protocol: { number, srcPort, dstPort } }
}

function same(t: Test, command: string, type: number, entry: ConntrackEntry): void {
  const want = canonical(type, sentBy(captures, command, type).payload)
  const got = canonical(
    type,
    bytesOf(w => encodeConntrack(w, entry)),
  )
  matchBytes(t, got, want, command)
}

t.test('every captured message comes back as it was', async t => {
  let count = 0
  for (const { command, sent, received } of captures)
    for (const { type, flags, payload } of [...sent, ...received]) {
      const msg = conntrackMsg(type)
      if (msg === undefined || type === STATS || (type === GET && (flags & NLM_F_DUMP) === NLM_F_DUMP))
        continue
      const again = bytesOf(w => encodeConntrack(w, decodeConntrack(payload)))
      if (!canonical(type, again).equals(canonical(type, payload)))
        matchBytes(t, canonical(type, again), canonical(type, payload), command)
      count++
    }
  t.ok(count > 25, `${count} messages`)
})

t.test('entries of all protocols', async t => {
  const udp = tuple('10.0.0.1', '192.0.2.1', UDP, 40000, 5353)
  const made = (orig: Tuple, more: ConntrackEntry = {}): ConntrackEntry => ({
    ...{ family: orig.ip!.src!.family, orig, reply: inverse(orig), timeout: 600 },
    ...more,
  })
  const cases: [string, ConntrackEntry][] = [
    ['-p udp -s 10.0.0.1 -d 192.0.2.1 --sport 40000 --dport 5353 -t 600', made(udp)],
    [
      '-p tcp -s 10.0.0.2 -d 192.0.2.1 --sport 40001 --dport 80 -t 600 --state ESTABLISHED -u SEEN_REPLY,ASSURED -m 7',
      made(tuple('10.0.0.2', '192.0.2.1', TCP, 40001, 80), {
        status: c.IPS_SEEN_REPLY | c.IPS_ASSURED | c.IPS_CONFIRMED,
        mark: 7,
        protocolInfo: {
          tcp: {
            state: c.TCP_CONNTRACK_ESTABLISHED,
            origFlags: { flags: 0x0a, mask: 0x0a },
            replyFlags: { flags: 0x0a, mask: 0x0a },
          },
        },
      }),
    ],
    [
      '-p sctp -s 10.0.0.3 -d 192.0.2.1 --sport 40002 --dport 3868 -t 600 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2',
      made(tuple('10.0.0.3', '192.0.2.1', SCTP, 40002, 3868), {
        protocolInfo: { sctp: { state: c.SCTP_CONNTRACK_ESTABLISHED, origTag: 1 << 24, replyTag: 2 << 24 } },
      }),
    ],
    [
      '-p icmp -s 10.0.0.4 -d 192.0.2.1 --icmp-type 8 --icmp-code 0 --icmp-id 9 -t 600',
      {
        family: 4,
        timeout: 600,
        orig: {
          ip: { src: Ip.parse('10.0.0.4'), dst: Ip.parse('192.0.2.1') },
          protocol: { number: 1, icmpType: 8, icmpCode: 0, icmpId: 9 },
        },
        reply: {
          ip: { src: Ip.parse('192.0.2.1'), dst: Ip.parse('10.0.0.4') },
          protocol: { number: 1, icmpType: 0, icmpCode: 0, icmpId: 9 },
        },
      },
    ],
    [
      '-p icmpv6 -s fd00::4 -d fd01::1 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 9 -t 600',
      {
        family: 6,
        timeout: 600,
        orig: {
          ip: { src: Ip.parse('fd00::4'), dst: Ip.parse('fd01::1') },
          protocol: { number: 58, icmp6Type: 128, icmp6Code: 0, icmp6Id: 9 },
        },
        reply: {
          ip: { src: Ip.parse('fd01::1'), dst: Ip.parse('fd00::4') },
          protocol: { number: 58, icmp6Type: 129, icmp6Code: 0, icmp6Id: 9 },
        },
      },
    ],
    [
      '-p udp -s fd00::1 -d fd01::1 --sport 40000 --dport 5353 -t 600',
      made(tuple('fd00::1', 'fd01::1', UDP, 40000, 5353)),
    ],
    [
      '-p udp -s 10.0.0.5 -d 192.0.2.1 --sport 40003 --dport 5353 -t 600 -w 3',
      made(tuple('10.0.0.5', '192.0.2.1', UDP, 40003, 5353), { zone: 3 }),
    ],
    [
      '-p udp -s 10.0.0.6 -d 192.0.2.1 --sport 40004 --dport 8080 -t 600 --dst-nat 10.88.0.2:80',
      made(tuple('10.0.0.6', '192.0.2.1', UDP, 40004, 8080), {
        natDst: { min: Ip.parse('10.88.0.2'), ports: { min: 80, max: 80 } },
      }),
    ],
    [
      '-p tcp -s 10.0.0.7 -d 192.0.2.1 --sport 40005 --dport 8080 -t 600 --state SYN_SENT --src-nat 192.0.2.9',
      made(tuple('10.0.0.7', '192.0.2.1', TCP, 40005, 8080), {
        protocolInfo: {
          tcp: {
            state: c.TCP_CONNTRACK_SYN_SENT,
            origFlags: { flags: 0x0a, mask: 0x0a },
            replyFlags: { flags: 0x0a, mask: 0x0a },
          },
        },
        natSrc: { min: Ip.parse('192.0.2.9') },
      }),
    ],
    [
      '-p udp -s 10.0.0.8 -d 192.0.2.1 --sport 40006 --dport 9000 -r 10.88.0.3 -q 10.0.0.8 --reply-port-src 90 --reply-port-dst 40006 -t 600',
      made(tuple('10.0.0.8', '192.0.2.1', UDP, 40006, 9000), {
        reply: tuple('10.88.0.3', '10.0.0.8', UDP, 90, 40006),
      }),
    ],
  ]
  for (const [options, entry] of cases) same(t, `conntrack -I ${options}`, NEW, entry)
})

t.test('requests for one, for all, and for some', async t => {
  const udp = tuple('10.0.0.1', '192.0.2.1', UDP, 40000, 5353)
  same(t, 'conntrack -G -p udp -s 10.0.0.1 -d 192.0.2.1 --sport 40000 --dport 5353', GET, {
    family: 4,
    orig: udp,
  })
  same(t, 'conntrack -F', DELETE, {})
  same(t, 'conntrack -L', GET, {})
  same(t, 'conntrack -L -f ipv6', GET, { family: 6 })
  same(t, 'conntrack -L -m 7', GET, { mark: 7, markMask: 0xffffffff })
  // conntrack(8) names an entry by everything it was listed with.
  same(t, 'conntrack -D -p udp --dport 5353', DELETE, {
    ...{ family: 4, orig: tuple('10.0.0.5', '192.0.2.1', UDP, 40003, 5353) },
    ...{ reply: tuple('192.0.2.1', '10.0.0.5', UDP, 5353, 40003), status: c.IPS_CONFIRMED, mark: 0, zone: 3 },
    ...laterDetails(),
  })
})

/** What depends on when the messages were captured. */
function laterDetails(): ConntrackEntry {
  const { timeout, rest } = decodeConntrack(
    sentBy(captures, 'conntrack -D -p udp --dport 5353', DELETE).payload,
  )
  return { timeout, rest }
}

t.test('what the kernel tells', async t => {
  const entries = told.map(payload => plain(decodeConntrack(payload)))
  const find = (src: string) =>
    entries.find(entry => (entry as { orig: { ip: { src: string } } }).orig.ip.src === src)
  t.match(find('10.0.0.2'), {
    family: 4,
    orig: {
      ip: { src: '10.0.0.2', dst: '192.0.2.1' },
      protocol: { number: TCP, srcPort: 40001, dstPort: 80 },
    },
    reply: {
      ip: { src: '192.0.2.1', dst: '10.0.0.2' },
      protocol: { number: TCP, srcPort: 80, dstPort: 40001 },
    },
    status: c.IPS_SEEN_REPLY | c.IPS_ASSURED | c.IPS_CONFIRMED,
    protocolInfo: { tcp: { state: c.TCP_CONNTRACK_ESTABLISHED } },
    origCounters: { packets: '0', bytes: '0' },
    replyCounters: { packets: '0', bytes: '0' },
    mark: 7,
    timeout: Number,
    use: Number,
    id: Number,
    timestamp: { start: /^\d{19}$/ },
  })
  t.match(find('10.0.0.3'), {
    protocolInfo: { sctp: { state: c.SCTP_CONNTRACK_ESTABLISHED, origTag: 1 << 24, replyTag: 2 << 24 } },
  })
  t.match(find('10.0.0.4'), { orig: { protocol: { number: 1, icmpType: 8, icmpCode: 0, icmpId: 9 } } })
  t.match(find('fd00::4'), {
    family: 6,
    reply: { protocol: { number: 58, icmp6Type: 129, icmp6Code: 0, icmp6Id: 9 } },
  })
  t.match(find('10.0.0.5'), { zone: 3 })
  t.match(
    find('10.0.0.6'),
    { reply: { ip: { src: '10.88.0.2' }, protocol: { srcPort: 80 } } },
    'translated destination',
  )
  t.match(find('10.0.0.7'), { reply: { ip: { dst: '192.0.2.9' } } }, 'translated source')

  const [stats] = captures.find(({ command }) => command === 'conntrack -C')!.received
  t.same(decodeConntrackStats(stats!.payload), { entries: 11, maxEntries: 262144 })
})

t.test('a filter says what counts of its tuples', async t => {
  const filter = (f: Parameters<typeof encodeConntrackFilter>[1]) =>
    bytesOf(w => encodeConntrackFilter(w, f)).toString('hex')
  const number = { number: UDP }
  t.equal(filter({}), '00000000')
  t.equal(filter({ family: 6 }), '0a000000')
  t.equal(
    filter({ family: 4, orig: { protocol: { ...number, dstPort: 5353 } } }),
    '02000000' + '180001801400028005000100110000000600030014e90000' + '0c0019800800010028000000',
  )
  t.equal(
    filter({ family: 4, orig: { ip: { dst: Ip.parse('192.0.2.1') } } }),
    '02000000' + '100001800c00018008000200c0000201' + '0c0019800800010002000000',
  )
  t.equal(
    filter({
      family: 4,
      orig: { protocol: number },
      reply: { ip: { src: Ip.parse('10.88.0.2') } },
    }),
    '02000000' +
      '100001800c0002800500010011000000' +
      '100002800c000180080001000a580002' +
      '140019800800010008000000' +
      '0800020001000000',
  )
})

t.test('a flow is an entry in short', async t => {
  t.ok(told.length > 8)
  for (const payload of told) {
    const { family, orig, reply, id, zone } = decodeConntrack(payload)
    const flow = decodeFlow(payload)
    const bytes = (ip?: Ip) => ip && Buffer.from(ip.bytes)
    t.same(
      { ...flow, orig: undefined },
      {
        family: family === 4 ? 2 : 10,
        protocol: orig!.protocol!.number,
        origPort: orig!.protocol!.dstPort ?? 0,
        origDst: bytes(orig!.ip!.dst),
        replySrc: bytes(reply!.ip!.src),
        ...{ id, zone, orig: undefined },
      },
    )
    matchBytes(
      t,
      bytesOf(w => encodeFlow(w, flow)),
      bytesOf(w => encodeConntrack(w, { family, orig, id, zone })),
      'a request to delete it',
    )
  }
})

t.test('what is no entry', async t => {
  const hex = (text: string) => Buffer.from(text, 'hex')
  t.throws(() => decodeConntrack(hex('0200')), broken, 'a header cut short')
  t.throws(() => decodeFlow(hex('')), broken)
  t.throws(() => decodeConntrackStats(hex('000000')), broken)
  t.throws(() => decodeConntrack(hex('07000000')), broken, 'of AF_BRIDGE')
  t.throws(() => decodeFlow(hex('02000000')), broken, 'no tuple')
  t.throws(() => decodeConntrack(hex('02000000060003000000')), broken, 'a status of two bytes')
  t.throws(() => decodeFlow(hex('02000000' + '100001800c00028006000300' + '14e90000' + '0500')), broken)
  const short = hex('02000000' + '100001800c00018006000100' + '0a000000')
  t.match(
    decodeConntrack(short).orig?.ip,
    { rest: [{ type: 1 }] },
    'an address of two bytes is kept as it is',
  )
  t.equal(conntrackMsg(0x0a00), undefined, 'a message of nf_tables')
})
