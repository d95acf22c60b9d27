// The writer and the reader of attributes, messages in datagrams, and the kernel's errors.
import t from 'tap'
import { Ip } from '../../wire/ip.js'
import { NlReader, NlWriter } from '../../wire/netlink/attr.js'
import {
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_COOKIE,
  NLMSGERR_ATTR_MISS_NEST,
  NLMSGERR_ATTR_MISS_TYPE,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
  NLMSGERR_ATTR_POLICY,
} from '../../wire/netlink/constants.js'
import { decodeError } from '../../wire/netlink/error.js'
import {
  bool,
  each,
  flag,
  ip,
  ipEither,
  mac,
  nested,
  table,
  text,
  u16,
  u32,
} from '../../wire/netlink/fields.js'
import { decodeMessages, type NlMessage } from '../../wire/netlink/message.js'
import { WireError } from '../../wire/wire-error.js'
import { golden } from '../helpers/golden.js'
import { diffBytes, matchBytes } from '../helpers/match-bytes.js'

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const wireError = { name: 'WireError', offset: Number }

t.test('the writer puts every width in its byte order', async t => {
  const w = new NlWriter(4)
  w.u8(1).u8(0xff).u16(0x1234).u16be(0x1234).i16(-2)
  w.u32(0xdeadbeef).u32be(0xdeadbeef).i32(-3).u32(-1)
  w.u64(0x0102030405060708n).u64be(0x0102030405060708n).bytes(Uint8Array.of(9, 8)).zeros(1).pad4()
  matchBytes(
    t,
    w.finish(),
    hex(`01 ff 3412 1234 feff efbeadde deadbeef fdffffff ffffffff
         0807060504030201 0102030405060708 0908 00 00`),
  )
  t.equal(w.length, 44)
})

t.test('a value that does not fit is refused', async t => {
  const w = new NlWriter()
  for (const bad of [-1, 256, 1.5, Number.NaN]) t.throws(() => w.u8(bad), RangeError, `u8 ${bad}`)
  for (const bad of [-1, 65536, 0.1]) {
    t.throws(() => w.u16(bad), RangeError, `u16 ${bad}`)
    t.throws(() => w.u16be(bad), RangeError, `u16be ${bad}`)
  }
  for (const bad of [-32769, 32768, 1.5]) t.throws(() => w.i16(bad), RangeError, `i16 ${bad}`)
  for (const bad of [2 ** 32, -(2 ** 31) - 1, 1.5, Number.POSITIVE_INFINITY]) {
    t.throws(() => w.u32(bad), RangeError, `u32 ${bad}`)
    t.throws(() => w.u32be(bad), RangeError, `u32be ${bad}`)
  }
  t.throws(() => w.i32(2 ** 31), RangeError)
  t.throws(() => w.u64(2n ** 64n), RangeError)
  t.throws(() => w.cstr('a\0b'), RangeError)
  t.throws(() => w.attr(1, new Uint8Array(65532)), RangeError)
  t.throws(() => w.nested(2, inner => inner.zeros(65532)), { name: 'RangeError', message: /attribute 2 / })
  t.doesNotThrow(() => w.nested(2, inner => inner.zeros(65531)))
})

t.test('attributes are padded, and their lengths are not', async t => {
  const w = new NlWriter(1)
  w.attrU8(1, 7).attrU16(2, 8).attrU16be(3, 8).attrU32(4, 9).attrU32be(5, 9).attrI32(6, -1)
  w.attrU64(7, 10n)
    .attrU64be(8, 10n)
    .attrString(9, 'eth0')
    .attrFlag(10)
    .attr(11, Uint8Array.of(1, 2, 3))
  w.nested(12, inner => inner.attrU8(1, 1).nested(2, deeper => deeper.attrString(3, 'x')))
  w.attrOf(13, inner => inner.u8(5))
  matchBytes(
    t,
    w.finish(),
    hex(`0500 0100 07000000  0600 0200 08000000  0600 0300 00080000  0800 0400 09000000  0800 0500 00000009
         0800 0600 ffffffff  0c00 0700 0a00000000000000  0c00 0800 000000000000000a  0900 0900 6574683000000000
         0400 0a00  0700 0b00 01020300  1800 0c80 0500 0100 01000000 0c00 0280 0600 0300 78000000
         0500 0d00 05000000`),
  )
})

t.test('text is UTF-8, as long as it may be', async t => {
  for (const name of ['', 'eth0', 'straße', '网络', 'a'.repeat(5000)]) {
    const w = new NlWriter(8)
    w.attrString(1, name).attrU8(2, 1)
    const r = new NlReader(w.finish())
    t.ok(r.next())
    t.equal(r.string(), name)
    t.equal(r.size, Buffer.byteLength(name) + 1)
    t.ok(r.next())
    t.equal(r.u8(), 1)
  }
})

t.test('messages are counted, padded and back-patched', async t => {
  const w = new NlWriter()
  w.nextSeq = 0xffffffff
  w.message(16, 5, inner => inner.u8(1)).message(17, 1, inner => inner.u32(2))
  const messages = [...decodeMessages(w.finish())]
  t.match(messages, [
    { type: 16, flags: 5, seq: 0xffffffff, pid: 0 },
    { type: 17, flags: 1, seq: 0, pid: 0 },
  ])
  t.equal(messages[0]!.payload.length, 4)
  t.equal(w.reset().finish().length, 0)
  w.message(18, 0, () => {})
  t.equal([...decodeMessages(w.finish())][0]!.seq, 1, 'reset does not start the count anew')
})

t.test('datagrams that do not add up are refused', async t => {
  const good = hex('14000000 1000 0500 01000000 02000000 aabbccdd')
  t.match([...decodeMessages(good)], [{ type: 16, flags: 5, seq: 1, pid: 2, payload: hex('aabbccdd') }])
  t.same(
    [...decodeMessages(Buffer.concat([good, good]), good.length)].length,
    1,
    'only so many bytes are looked at',
  )
  t.same([...decodeMessages(Buffer.alloc(0))], [])
  t.throws(() => [...decodeMessages(good, 21)], wireError, 'more than there is')
  t.throws(() => [...decodeMessages(good.subarray(0, 15))], wireError, 'half a header')
  t.throws(() => [...decodeMessages(Buffer.concat([good, hex('0000')]))], wireError, 'stray bytes')
  for (const length of [0, 15, 21, 0xffffffff]) {
    const bad = Buffer.from(good)
    bad.writeUInt32LE(length)
    t.throws(() => [...decodeMessages(bad)], wireError, `length ${length}`)
  }
  const unpadded = hex('11000000 1000 0000 00000000 00000000 aa')
  t.equal([...decodeMessages(unpadded)].length, 1, 'the last message needs no padding')
})

t.test('the reader checks every length', async t => {
  const buf = hex(
    '0800 0100 01000000  0c00 0240 0102030405060708  0400 0300  0800 0480 0400 0100  0500 0500 ff',
  )
  const r = new NlReader(buf)
  t.ok(r.next())
  t.match(
    { type: r.type, size: r.size, offset: r.offset, isNested: r.isNested },
    { type: 1, size: 4, offset: 4 },
  )
  t.equal(r.u32(), 1)
  t.equal(r.i32(), 1)
  t.equal(r.u32be(), 0x01000000)
  for (const read of ['u8', 'u16', 'u16be', 'u64', 'u64be', 'flag'] as const)
    t.throws(() => r[read](), { ...wireError, message: /attribute 1 has 4 bytes/ }, read)
  t.throws(() => r.bytes(5), wireError)
  t.throws(() => r.bytes(5, true), wireError)
  t.equal(r.bytes(3, true).length, 4)
  t.ok(r.next())
  t.equal(r.rawType, 0x4002)
  t.equal(r.type, 2)
  t.equal(r.u64(), 0x0807060504030201n)
  t.equal(r.u64be(), 0x0102030405060708n)
  const kept = r.raw()
  buf[12] = 0xee
  t.same([...kept.data], [1, 2, 3, 4, 5, 6, 7, 8], 'raw attributes are copies')
  t.ok(r.next())
  t.equal(r.flag(), true)
  t.ok(r.next())
  t.equal(r.isNested, true)
  t.equal(
    r.nested(inner => inner.next() && inner.type),
    1,
  )
  t.ok(r.next())
  t.equal(r.u8(), 255)
  t.notOk(r.next())
  t.notOk(r.next(), 'the end stays the end')
  const types: number[] = []
  new NlReader(buf, 8).each(attribute => types.push(attribute.type))
  t.same(types, [2, 3, 4, 5])
})

t.test('the reader never goes beyond its end, nor on for ever', async t => {
  for (const bad of [
    '00',
    '0400',
    '000000',
    '0000 0000',
    '0300 0100',
    '0500 0100',
    'ffff 0100 00',
    '0400 0100 00',
  ]) {
    const r = new NlReader(hex(bad))
    t.throws(() => r.each(() => {}), wireError, bad)
  }
  t.throws(() => new NlReader(Buffer.alloc(4), 5), wireError)
  t.throws(() => new NlReader(Buffer.alloc(4), 0, 5), wireError)
  const r = new NlReader(hex('0600 0100 6162'))
  r.next()
  t.equal(r.string(), 'ab', 'text without a NUL')
  const inner = new NlReader(hex('0600 0100 6162 0000 0600 0200 6300'), 0, 6)
  inner.next()
  t.equal(inner.string(), 'ab', 'text ends with its attribute')
})

const flat = table({
  name: text(1),
  up: bool(2),
  on: flag(3),
  ids: each(u16(4)),
  to: ip(5),
  either: ipEither(6, 7),
  address: mac(8),
  inner: nested(9, table({ depth: u32(1) })),
})

t.test('tables: both directions, and what they do not know', async t => {
  const bytes = (value: Parameters<typeof flat.encode>[1]) => {
    const w = new NlWriter()
    flat.encode(w, value)
    return Buffer.from(w.finish())
  }
  const value = {
    name: 'x',
    up: false,
    on: true,
    ids: [1, 2],
    to: Ip.parse('10.0.0.1'),
    either: Ip.parse('fd00::1'),
    inner: { depth: 3 },
  }
  t.same(JSON.stringify(flat.decode(new NlReader(bytes(value)))), JSON.stringify(value))
  t.same(
    flat.decode(new NlReader(bytes({ on: false, up: undefined }))),
    {},
    'false flags and undefined are not written',
  )
  const strange = hex(`0500 0200 02000000  0900 0500 0102030405000000  0800 0600 01020304  0800 0700 01020304
                       0800 0800 01020304  0800 6300 01020304`)
  const decoded = flat.decode(new NlReader(strange))
  t.same(
    decoded.rest?.map(({ type }) => type),
    [2, 5, 7, 8, 0x63],
    'what cannot be represented is kept',
  )
  t.equal(String(decoded.either), '1.2.3.4')
  t.equal(bytes(decoded).length, strange.length)
})

/** An error message: `before` TLVs comes the code and the request, whole or its header. */
function errorMessage(
  flags: number,
  code: number,
  request: Buffer,
  tlvs = '',
  type = NLMSG_ERROR,
): NlMessage {
  const head = Buffer.alloc(4)
  head.writeInt32LE(code)
  return { type, flags, seq: 7, pid: 0, payload: Buffer.concat([head, request, hex(tlvs)]) }
}
const header = hex('14000000 1000 0500 07000000 00000000')
const request = Buffer.concat([header, hex('aabbccdd')])

t.test('errors', async t => {
  t.same(decodeError(errorMessage(NLM_F_CAPPED, 0, header)), { errno: 0, seq: 7 }, 'an acknowledgement')
  t.same(decodeError(errorMessage(0, -17, request)), { errno: 17, seq: 7 }, 'with the whole request')
  t.same(decodeError(errorMessage(NLM_F_CAPPED, -17, header)), { errno: 17, seq: 7 })
  const tlvs = '0a00 0100 68656c6c6f000000  0800 0200 14000000'
  const extack = { message: 'hello', offset: 20 }
  t.same(decodeError(errorMessage(NLM_F_ACK_TLVS, -22, request, tlvs)), { errno: 22, seq: 7, extack })
  t.same(decodeError(errorMessage(NLM_F_ACK_TLVS | NLM_F_CAPPED, -22, header, tlvs)), {
    errno: 22,
    seq: 7,
    extack,
  })
  t.same(decodeError(errorMessage(NLM_F_ACK_TLVS, -22, Buffer.alloc(0), tlvs, NLMSG_DONE)), {
    errno: 22,
    seq: 7,
    extack,
  })
  t.same(
    decodeError(errorMessage(0, 3, Buffer.alloc(0), '', NLMSG_DONE)),
    { errno: 0, seq: 7 },
    'the end of a dump',
  )
  t.same(decodeError({ type: NLMSG_DONE, flags: 0, seq: 7, pid: 0, payload: Buffer.alloc(0) }), {
    errno: 0,
    seq: 7,
  })
})

t.test('all that an extended acknowledgement can say', async t => {
  const w = new NlWriter()
  w.attrString(NLMSGERR_ATTR_MSG, 'no')
    .attrU32(NLMSGERR_ATTR_OFFS, 16)
    .attr(NLMSGERR_ATTR_COOKIE, Uint8Array.of(1))
  w.attrU32(NLMSGERR_ATTR_MISS_TYPE, 3).attrU32(NLMSGERR_ATTR_MISS_NEST, 20).attrU8(99, 1)
  w.nested(NLMSGERR_ATTR_POLICY, p => {
    p.attrU32(1, 4).attrU64(4, 68n).attrU64(5, 65535n).attrU32(6, 1).attrU32(7, 2).attrU64(12, 3n)
  })
  const { extack } = decodeError(
    errorMessage(NLM_F_ACK_TLVS | NLM_F_CAPPED, -34, header, w.finish().toString('hex')),
  )
  t.match(extack, {
    message: 'no',
    offset: 16,
    missingType: 3,
    missingNest: 20,
    policy: { type: 4, min: 68n, max: 65535n, minLength: 1, maxLength: 2, mask: 3n },
  })
  t.same([...extack!.cookie!], [1])
  const signed = new NlWriter().nested(NLMSGERR_ATTR_POLICY, p => p.attrU64(2, 2n ** 64n - 1n).attrU64(3, 5n))
  const error = errorMessage(NLM_F_ACK_TLVS | NLM_F_CAPPED, -34, header, signed.finish().toString('hex'))
  t.same(decodeError(error).extack, { policy: { min: -1n, max: 5n } })
})

t.test('errors that are none', async t => {
  for (const [what, message] of Object.entries({
    'another type': errorMessage(0, -1, request, '', 16),
    'a positive code': errorMessage(0, 17, request),
    'no code': { ...errorMessage(0, 0, request), payload: hex('0000') },
    'no request before the TLVs': errorMessage(NLM_F_ACK_TLVS, -1, Buffer.alloc(0)),
    'a request that is longer than the message': errorMessage(NLM_F_ACK_TLVS, -1, header),
    'a request without a length': errorMessage(NLM_F_ACK_TLVS, -1, Buffer.alloc(16)),
    'TLVs cut short': errorMessage(NLM_F_ACK_TLVS | NLM_F_CAPPED, -1, header, '0900 0100 68'),
  }))
    t.throws(() => decodeError(message), wireError, what)
  t.throws(() => decodeError(errorMessage(0, 0, request, '', 16)), WireError)
})

t.test('what the kernel really answered', async t => {
  const errors = ['route/link', 'route/bridge', 'route/macvlan', 'route/route', 'tc/filter'].flatMap(area =>
    golden(area).flatMap(({ command, received }) =>
      received
        .filter(({ type }) => type === NLMSG_ERROR)
        .map(message => ({ command, ...decodeError(message) })),
    ),
  )
  const said = (command: string) => errors.find(error => error.command === command)
  t.match(said('ip link add name d0 type dummy'), { errno: 95, extack: { message: 'Unknown device type' } })
  t.match(said('ip route del 10.99.0.0/16'), { errno: 3 })
  t.match(said('tc filter del dev p0 parent ffff: protocol ip prio 5'), {
    errno: 2,
    extack: { message: 'Filter with specified priority/protocol not found' },
  })
  t.ok(errors.length > 10)
})

t.test('bytes that differ are shown side by side', async t => {
  t.same(diffBytes(hex('01020304 05'), hex('01020304 0641 00')).split('\n'), [
    '         got                 wanted',
    '  00000  01 02 03 04  ....   01 02 03 04  ....',
    '! 00004  05           .      06 41 00     .A.',
  ])
})
