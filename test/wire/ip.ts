// Addresses, prefixes and MAC addresses as values.
import t from 'tap'
import { Ip, Prefix } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'
import { random } from '../helpers/random.js'

t.test('what is an address, and how it is written', async t => {
  const texts: Record<string, string> = {
    '0.0.0.0': '0.0.0.0',
    '255.255.255.255': '255.255.255.255',
    '10.1.2.3': '10.1.2.3',
    '::': '::',
    '::1': '::1',
    '0:0:0:0:0:0:0:0': '::',
    'FD00::ABCD': 'fd00::abcd',
    '2001:0db8:0000:0000:0001:0000:0000:0001': '2001:db8::1:0:0:1',
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
    '1:2:3:4:5:6:7::': '1:2:3:4:5:6:7:0',
    '::2:3:4:5:6:7:8': '0:2:3:4:5:6:7:8',
    '1::': '1::',
    'fe80::': 'fe80::',
    '::ffff:1.2.3.4': '::ffff:1.2.3.4',
    '::ffff:0102:0304': '::ffff:1.2.3.4',
    '::1.2.3.4': '::102:304',
    '64:ff9b::1.2.3.4': '64:ff9b::102:304',
    '::ffff:0:0': '::ffff:0.0.0.0',
    '0:0:0:1::': '0:0:0:1::',
  }
  for (const [text, written] of Object.entries(texts)) {
    const ip = Ip.tryParse(text)
    t.equal(String(ip), written, text)
    t.equal(ip?.family, text.includes(':') ? 6 : 4)
    t.ok(Ip.parse(written).equals(ip!))
    t.equal(JSON.stringify({ ip }), `{"ip":"${written}"}`)
  }
})

t.test('what is no address', async t => {
  const texts = [
    ...[
      '',
      ' ',
      '1',
      '1.2.3',
      '1.2.3.4.5',
      '01.2.3.4',
      '1.2.3.00',
      '256.1.1.1',
      '1.2.3.-4',
      '+1.2.3.4',
      '0x1.2.3.4',
    ],
    ...[
      '1.2.3.4 ',
      ' 1.2.3.4',
      '1.2.3.4\n',
      '1.2.3.4:80',
      '1.2.3.4/32',
      '1e1.2.3.4',
      '٣.2.3.4',
      '1.2.3.4%eth0',
    ],
    ...[
      '::g',
      'G::',
      ':',
      ':::',
      '1:::2',
      '1::2::3',
      ':1::2',
      'fe80::1:',
      '::1/64',
      '::1%eth0',
      '[::1]',
      '::1 ',
    ],
    ...['1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', '::1.2.3', '::1.2.3.256', '::01.2.3.4', '1.2.3.4::'],
    ...['1:2:3:4:5:6:7:1.2.3.4', '::1.2.3.4:5', 'localhost', 'null'],
  ]
  for (const text of texts) t.equal(Ip.tryParse(text), undefined, JSON.stringify(text))
  t.throws(() => Ip.parse('1.2.3'), { name: 'RangeError', message: 'not an IP address: "1.2.3"' })
  for (const length of [0, 3, 5, 15, 17]) t.throws(() => new Ip(new Uint8Array(length)), RangeError)
})

t.test('arithmetic and kinds', async t => {
  t.equal(String(Ip.parse('10.0.0.255').add(1)), '10.0.1.0')
  t.equal(String(Ip.parse('10.0.0.0').add(-1)), '9.255.255.255')
  t.equal(String(Ip.parse('255.255.255.255').add(1)), '0.0.0.0')
  t.equal(String(Ip.parse('::').add(-1n)), 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
  t.equal(String(Ip.parse('fd00::ffff:ffff').add(2n ** 64n)), 'fd00::1:0:0:ffff:ffff')
  t.ok(Ip.parse('10.0.0.1').compare(Ip.parse('10.0.0.2')) < 0)
  t.ok(Ip.parse('255.0.0.0').compare(Ip.parse('::')) < 0, 'IPv4 comes first')
  t.equal(Ip.parse('10.0.0.1').compare(Ip.parse('10.0.0.1')), 0)
  t.notOk(Ip.parse('0.0.0.1').equals(Ip.parse('::1')))
  const kinds = (text: string) => {
    const ip = Ip.parse(text)
    const tests = ['isLoopback', 'isMulticast', 'isUnspecified', 'isLinkLocal'] as const
    return tests.filter(test => ip[test]())
  }
  t.same(kinds('127.1.2.3'), ['isLoopback'])
  t.same(kinds('::1'), ['isLoopback'])
  t.same(kinds('224.0.0.1'), ['isMulticast'])
  t.same(kinds('239.255.255.255'), ['isMulticast'])
  t.same(kinds('240.0.0.0'), [])
  t.same(kinds('ff02::1'), ['isMulticast'])
  t.same(kinds('0.0.0.0'), ['isUnspecified'])
  t.same(kinds('::'), ['isUnspecified'])
  t.same(kinds('169.254.1.1'), ['isLinkLocal'])
  t.same(kinds('febf::1'), ['isLinkLocal'])
  t.same(kinds('fec0::1'), [])
})

t.test('prefixes', async t => {
  const p = Prefix.parse
  for (const bad of [
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '::/129',
    '1.2.3/8',
    '10.0.0.0/8/8',
    '/8',
    '10.0.0.0/8 ',
    '10.0.0.0/ 8',
    '10.0.0.0/1000',
    '::1%1/64',
    '10.0.0.0/a',
  ])
    t.equal(Prefix.tryParse(bad), undefined, JSON.stringify(bad))
  t.throws(() => p('10.0.0.0'), { name: 'RangeError', message: /CIDR notation: "10.0.0.0"/ })
  for (const bad of [-1, 33, 1.5, Number.NaN])
    t.throws(() => new Prefix(Ip.parse('10.0.0.0'), bad), RangeError)
  const prefix = p('10.1.2.3/20')
  t.equal(String(prefix), '10.1.2.3/20', 'host bits are kept')
  t.equal(JSON.stringify(prefix), '"10.1.2.3/20"')
  t.equal(String(prefix.network()), '10.1.0.0/20')
  t.equal(String(prefix.first()), '10.1.0.0')
  t.equal(String(prefix.last()), '10.1.15.255')
  t.equal(String(p('0.0.0.0/0').last()), '255.255.255.255')
  t.equal(String(p('fd00::1/63').last()), 'fd00::1:ffff:ffff:ffff:ffff')
  t.equal(String(p('fd00::1/128').first()), 'fd00::1')
  t.equal(String(Prefix.host(Ip.parse('10.0.0.1'))), '10.0.0.1/32')
  t.equal(String(Prefix.host(Ip.parse('::1'))), '::1/128')
  t.ok(prefix.contains(Ip.parse('10.1.15.255')))
  t.notOk(prefix.contains(Ip.parse('10.1.16.0')))
  t.notOk(p('0.0.0.0/0').contains(Ip.parse('::')), 'families do not mix')
  t.notOk(p('::/0').overlaps(p('0.0.0.0/0')))
  t.ok(p('10.0.0.0/8').overlaps(p('10.1.0.0/16')))
  t.ok(p('10.1.0.0/16').overlaps(p('10.0.0.0/8')))
  t.notOk(p('10.0.0.0/16').overlaps(p('10.1.0.0/16')))
  t.ok(p('10.1.2.3/16').equals(p('10.1.2.3/16')))
  t.notOk(p('10.1.2.3/16').equals(p('10.1.2.4/16')))
  t.notOk(p('10.1.2.3/16').equals(p('10.1.2.3/17')))
})

t.test('what must hold for any prefixes and addresses', async t => {
  const { below, bytes } = random(20261121)
  let failures = 0
  const hold = (truth: boolean, ...about: unknown[]) => {
    if (!truth && ++failures < 10) t.fail(about.map(String).join(' '))
  }
  for (let n = 0; n < 4000; n++) {
    const size = below(2) === 0 ? 4 : 16
    const ip = new Ip(bytes(size))
    const prefix = new Prefix(ip, below(size * 8 + 1))
    const first = prefix.first()
    const last = prefix.last()
    hold(Ip.parse(String(ip)).equals(ip), 'text', ip)
    hold(Ip.fromBigInt(ip.toBigInt(), ip.family).equals(ip), 'number', ip)
    hold(Prefix.parse(String(prefix)).equals(prefix), 'text', prefix)
    hold(prefix.contains(ip) && prefix.contains(first) && prefix.contains(last), 'contains its own', prefix)
    hold(first.compare(ip) <= 0 && ip.compare(last) <= 0, 'first, itself, last', prefix)
    hold(last.toBigInt() - first.toBigInt() === 2n ** BigInt(size * 8 - prefix.length) - 1n, 'size', prefix)
    hold(prefix.network().ip.equals(first) && prefix.network().overlaps(prefix), 'network', prefix)
    if (prefix.length > 0) {
      hold(!prefix.contains(first.add(-1)) && !prefix.contains(last.add(1)), 'neighbours', prefix)
      hold(!prefix.overlaps(new Prefix(last.add(1), prefix.length)), 'the next one', prefix)
    }
    // A second prefix that is often near: the same bits up to somewhere.
    const near = bytes(size)
    near.set(ip.bytes.subarray(0, below(size + 1)))
    const other = new Prefix(new Ip(near), below(size * 8 + 1))
    const apart = last.compare(other.first()) < 0 || other.last().compare(first) < 0
    hold(prefix.overlaps(other) === !apart, 'overlaps', prefix, other)
    hold(prefix.overlaps(other) === other.overlaps(prefix), 'both ways', prefix, other)
    const inside = first.compare(other.ip) <= 0 && other.ip.compare(last) <= 0
    hold(prefix.contains(other.ip) === inside, 'contains', prefix, other.ip)
  }
  t.equal(failures, 0)
})

t.test('MAC addresses', async t => {
  for (const text of ['02:00:00:ab:cd:ef', '02:00:00:AB:CD:EF', '02-00-00-ab-cd-ef'])
    t.equal(String(Mac.parse(text)), '02:00:00:ab:cd:ef')
  for (const bad of [
    '',
    '02:00:00:ab:cd',
    '02:00:00:ab:cd:ef:00',
    '02:00-00:ab:cd:ef',
    '2:0:0:ab:cd:ef',
    '020000abcdef',
    '02:00:00:ab:cd:eg',
    '02:00:00:ab:cd:ef ',
  ])
    t.equal(Mac.tryParse(bad), undefined, JSON.stringify(bad))
  t.throws(() => Mac.parse('x'), { name: 'RangeError', message: 'not a MAC address: "x"' })
  t.throws(() => new Mac(new Uint8Array(5)), RangeError)
  const a = Mac.parse('02:00:00:00:00:01')
  t.ok(a.equals(Mac.parse('02-00-00-00-00-01')))
  t.notOk(a.equals(Mac.parse('02:00:00:00:00:02')))
  t.equal(JSON.stringify({ a }), '{"a":"02:00:00:00:00:01"}')
  t.ok(a.isUnicast())
  t.notOk(Mac.parse('01:00:5e:00:00:01').isUnicast())
  t.notOk(Mac.parse('ff:ff:ff:ff:ff:ff').isUnicast())
  t.notOk(Mac.parse('00:00:00:00:00:00').isUnicast())
})
