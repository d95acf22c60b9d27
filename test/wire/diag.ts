// Sockets: our requests against those of ss(8), and what the kernel tells.
import t from 'tap'
import { localPortProgram } from '../../wire/diag/bytecode.js'
import { SOCK_DIAG_BY_FAMILY, TCP_CLOSE, TCP_LISTEN } from '../../wire/diag/constants.js'
import { decodeSocket, encodeSocketDump, type SocketFilter } from '../../wire/diag/socket.js'
import { golden, plain } from '../helpers/golden.js'
import { matchBytes } from '../helpers/match-bytes.js'
import { bytesOf } from '../helpers/round-trip.js'

const captures = golden('diag/socket')
const broken = { name: 'WireError', offset: Number }
const TCP = 6
const UDP = 17
/** What ss asks for with -l. */
const states = (1 << TCP_LISTEN) | (1 << TCP_CLOSE)
const cases: [string, SocketFilter][] = [
  ['ss -H -ltn', { family: 6, protocol: TCP, states }],
  ['ss -H -lun', { family: 6, protocol: UDP, states }],
  [
    'ss -H -4 -ltn sport >= :8080 and sport <= :8090',
    { family: 4, protocol: TCP, states, ports: [{ from: 8080, to: 8090 }] },
  ],
  [
    'ss -H -6 -lun sport >= :5000 and sport <= :5353',
    { family: 6, protocol: UDP, states, ports: [{ from: 5000, to: 5353 }] },
  ],
  [
    'ss -H -4 -ltn ( sport >= :80 and sport <= :80 ) or ( sport >= :8081 and sport <= :8081 )',
    {
      ...{ family: 4, protocol: TCP, states },
      ports: [
        { from: 80, to: 80 },
        { from: 8081, to: 8081 },
      ],
    },
  ],
  [
    'ss -H -4 -ltn ( sport >= :80 and sport <= :88 ) or ( ( sport >= :443 and sport <= :443 ) or ( sport >= :8083 and sport <= :8090 ) )',
    {
      ...{ family: 4, protocol: TCP, states },
      ports: [
        { from: 80, to: 88 },
        { from: 443, to: 443 },
        { from: 8083, to: 8090 },
      ],
    },
  ],
]

t.test('requests', async t => {
  for (const [command, filter] of cases) {
    const sent = captures
      .find(capture => capture.command === command)
      ?.sent.findLast(({ type }) => type === SOCK_DIAG_BY_FAMILY)
    matchBytes(
      t,
      bytesOf(w => encodeSocketDump(w, filter)),
      sent?.payload ?? Buffer.of(),
      command,
    )
  }
})

t.test('one port stands in the header', async t => {
  const ports = [{ from: 8080, to: 8080 }]
  const bytes = bytesOf(w => encodeSocketDump(w, { family: 4, protocol: TCP, states, ports }))
  t.equal(bytes.length, 56)
  t.equal(bytes.readUInt16BE(8), 8080)
})

t.test('a port beyond the last one', async t => {
  t.throws(() => localPortProgram([{ from: 1, to: 65536 }]), RangeError)
})

t.test('what the kernel tells', async t => {
  const told = (command: string) =>
    captures
      .find(capture => capture.command === command)!
      .received.filter(({ type }) => type === SOCK_DIAG_BY_FAMILY)
      .map(({ payload }) => plain(decodeSocket(payload)) as { srcPort: number; family: number })
      .sort((a, b) => a.srcPort - b.srcPort || a.family - b.family)
  const none = { dstPort: 0, uid: 0, inode: Number, mark: 0 }
  const tcp = { state: TCP_LISTEN, ...none }
  t.match(told('ss -H -ltn'), [
    { family: 4, src: '127.0.0.1', srcPort: 8080, dst: '0.0.0.0', ...tcp },
    { family: 6, src: '::', srcPort: 8080, v6Only: true, dst: '::', ...tcp },
    { family: 4, src: '0.0.0.0', srcPort: 8081, ...tcp },
    { family: 6, src: '::', srcPort: 8082, v6Only: false, ...tcp },
    { family: 4, src: '0.0.0.0', srcPort: 8083, ifindex: 1, ...tcp },
  ])
  t.match(told('ss -H -lun'), [
    { family: 4, src: '0.0.0.0', srcPort: 5353, state: TCP_CLOSE, ...none },
    { family: 6, src: '::1', srcPort: 5353, state: TCP_CLOSE, v6Only: true, ...none },
  ])
})

t.test('what is no socket', async t => {
  t.throws(() => decodeSocket(Buffer.alloc(71)), broken, 'cut short')
  t.throws(() => decodeSocket(Buffer.alloc(72)), broken, 'of no family')
  const bytes = Buffer.alloc(72 + 6)
  bytes[0] = 2
  bytes.writeUInt16LE(9, 72)
  t.throws(() => decodeSocket(bytes), broken, 'an attribute beyond the end')
})
