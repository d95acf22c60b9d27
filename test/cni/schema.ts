// Decoding by schema: Go's matching of keys at every depth, and errors that name key and value.
import t from 'tap'
import * as v from 'valibot'
import type { JsonValue } from '../../cni/call.js'
import * as s from '../../cni/schema.js'
import { cniErrorOf } from '../helpers/calls.js'

const range = v.object({
  subnet: s.prefix(),
  rangeStart: v.exactOptional(s.ip()),
  gateway: v.exactOptional(s.ip()),
})
const schema = v.object({
  type: s.nonEmpty(),
  ranges: v.exactOptional(v.array(v.array(range))),
  mtu: v.exactOptional(s.integer(0, 65535), 0),
  isGateway: v.exactOptional(s.flag(), false),
  mode: v.exactOptional(s.oneOf(['l2', 'l3'])),
  mac: v.exactOptional(s.mac()),
  sysctl: v.exactOptional(v.record(v.string(), s.text())),
  trunk: v.exactOptional(
    v.array(
      v.union(
        [v.object({ minID: s.integer(0), maxID: s.integer(0) }), v.object({ id: s.integer(0) })],
        'an object with minID and maxID, or with id',
      ),
    ),
  ),
  one: v.exactOptional(v.union([s.text(), v.array(s.text())])),
  nested: v.optional(v.object({ deepKey: v.nullish(s.text()) })),
})
const decode = (value: JsonValue) => s.decode(schema, value, 'ipam')

t.test('values', async t => {
  const value = decode({
    type: 'host-local',
    ranges: [[{ subnet: '10.1.2.3/16', rangeStart: '10.1.0.9' }], [{ subnet: 'fd00::/64' }]],
    mac: '02-00-00-00-00-0A',
    mode: 'l3',
    sysctl: { 'net.core.somaxconn': '5' },
    trunk: [{ id: 5 }, { minID: 1, maxID: 2 }],
    one: ['a'],
  })
  t.equal(String(value.ranges?.[0]?.[0]?.subnet), '10.1.2.3/16')
  t.equal(String(value.ranges?.[0]?.[0]?.rangeStart), '10.1.0.9')
  t.equal(value.ranges?.[1]?.[0]?.subnet.family, 6)
  t.equal(String(value.mac), '02:00:00:00:00:0a')
  t.same([value.mtu, value.isGateway, value.mode], [0, false, 'l3'])
  t.same(value.sysctl, { 'net.core.somaxconn': '5' })
  t.same(value.trunk, [{ id: 5 }, { minID: 1, maxID: 2 }])
  t.same(value.one, ['a'])
})

t.test('keys in any case, at every depth', async t => {
  t.match(
    decode({
      TYPE: 'x',
      MTU: 9000,
      isgateway: true,
      Ranges: [[{ SUBNET: '10.0.0.0/8', rangestart: '10.0.0.5' }]],
      Trunk: [{ MINID: 1, maxid: 2 }, { ID: 7 }],
      Nested: { DEEPKEY: 'd' },
    }),
    {
      type: 'x',
      mtu: 9000,
      isGateway: true,
      ranges: [[{ subnet: { length: 8 }, rangeStart: { family: 4 } }]],
      trunk: [{ minID: 1, maxID: 2 }, { id: 7 }],
      nested: { deepKey: 'd' },
    },
  )
  t.equal(decode({ type: 'a', Type: 'b' }).type, 'b', 'the last of several wins')
  t.equal(decode({ Type: 'b', type: 'a' }).type, 'a')
  t.equal(decode({ type: 'a', Type: null }).type, 'a', 'null overwrites nothing')
  t.same(Object.keys(decode({ type: 'x', unknown: 1, MTU: null, nested: { other: 5, deepKey: null } })), [
    'type',
    'mtu',
    'isGateway',
    'nested',
  ])
  t.same(
    decode({ type: 'x', sysctl: { A: 'a', a: 'b', gone: null } }).sysctl,
    { A: 'a', a: 'b' },
    'record keys stay',
  )
  t.equal(s.decode(v.object({ 'ſ-key': s.text() }), { 'S-KEY': 'x' }, '')['ſ-key'], 'x')
  const polluting = JSON.parse('{"type":"x","sysctl":{"__proto__":"p"},"__proto__":{"mtu":5}}')
  t.equal(decode(polluting).mtu, 0)
  t.equal(({} as Record<string, unknown>).mtu, undefined)
})

t.test('errors name key and value', async t => {
  const bad: [value: JsonValue, msg: string][] = [
    [5, 'invalid value for "ipam": expected an object, got 5'],
    [null, 'invalid value for "ipam": expected an object, got nothing'],
    [[], 'invalid value for "ipam": expected an object, got []'],
    [{}, 'missing value for "ipam.type": expected a non-empty string'],
    [{ type: null }, 'missing value for "ipam.type": expected a non-empty string'],
    [{ type: '' }, 'invalid value for "ipam.type": expected a non-empty string, got ""'],
    [{ type: ['x'] }, 'invalid value for "ipam.type": expected a non-empty string, got ["x"]'],
    [
      { type: 'x', RANGES: [[{ subnet: '10.0.0.0/8' }, { subnet: '10.0.0.0' }]] },
      'invalid value for "ipam.ranges[0][1].subnet": expected an address in CIDR notation, got "10.0.0.0"',
    ],
    [
      { type: 'x', ranges: [[{}]] },
      'missing value for "ipam.ranges[0][0].subnet": expected an address in CIDR notation',
    ],
    [{ type: 'x', ranges: {} }, 'invalid value for "ipam.ranges": expected an array, got {}'],
    [{ type: 'x', ranges: [[[]]] }, 'invalid value for "ipam.ranges[0][0]": expected an object, got []'],
    [{ type: 'x', ranges: [null] }, 'invalid value for "ipam.ranges[0]": expected an array, got null'],
    [
      { type: 'x', ranges: [[{ subnet: '10.0.0.0/8', gateway: '10.0.0.256' }]] },
      'invalid value for "ipam.ranges[0][0].gateway": expected an IP address, got "10.0.0.256"',
    ],
    [
      { type: 'x', mtu: 65536 },
      'invalid value for "ipam.mtu": expected an integer between 0 and 65535, got 65536',
    ],
    [{ type: 'x', mtu: -1 }, 'invalid value for "ipam.mtu": expected an integer between 0 and 65535, got -1'],
    [
      { type: 'x', mtu: 1.5 },
      'invalid value for "ipam.mtu": expected an integer between 0 and 65535, got 1.5',
    ],
    [
      { type: 'x', mtu: '1' },
      'invalid value for "ipam.mtu": expected an integer between 0 and 65535, got "1"',
    ],
    [
      { type: 'x', isGateway: 'true' },
      'invalid value for "ipam.isGateway": expected true or false, got "true"',
    ],
    [{ type: 'x', isGateway: 1 }, 'invalid value for "ipam.isGateway": expected true or false, got 1'],
    [{ type: 'x', mode: 'l4' }, 'invalid value for "ipam.mode": expected "l2" or "l3", got "l4"'],
    [{ type: 'x', mac: '02:00' }, 'invalid value for "ipam.mac": expected a MAC address, got "02:00"'],
    [{ type: 'x', sysctl: [] }, 'invalid value for "ipam.sysctl": expected an object, got []'],
    [
      { type: 'x', sysctl: { 'net.x': 5 } },
      'invalid value for "ipam.sysctl[\\"net.x\\"]": expected a string, got 5',
    ],
    [{ type: 'x', sysctl: { plain: 5 } }, 'invalid value for "ipam.sysctl.plain": expected a string, got 5'],
    [
      { type: 'x', trunk: [{ minID: 'a' }] },
      'invalid value for "ipam.trunk[0]": expected an object with minID and maxID, or with id, got {"minID":"a"}',
    ],
    [{ type: 'x', one: {} }, 'invalid value for "ipam.one": expected (string | Array), got {}'],
    [
      { type: 'x', mac: 'x'.repeat(100) },
      `invalid value for "ipam.mac": expected a MAC address, got "${'x'.repeat(78)}…`,
    ],
    [{ type: 'x', nested: [1] }, 'invalid value for "ipam.nested": expected an object, got [1]'],
  ]
  for (const [value, msg] of bad)
    t.same(await cniErrorOf(() => decode(value)), { code: 7, msg }, JSON.stringify(value))

  t.same(
    (await cniErrorOf(() => s.decode(schema, [], ''))).msg,
    'invalid configuration: expected an object, got []',
  )
  t.same(
    (await cniErrorOf(() => s.decode(schema, { type: 1 }, ''))).msg,
    'invalid value for "type": expected a non-empty string, got 1',
  )
  t.same(
    (await cniErrorOf(() => s.decode(s.integer(1), 0, 'n'))).msg,
    'invalid value for "n": expected an integer of at least 1, got 0',
  )
  t.same(
    (await cniErrorOf(() => s.decode(v.number(), 'x', 'n'))).msg,
    'invalid value for "n": expected a number, got "x"',
  )
})

t.test('schemas that care about unknown keys', async t => {
  t.same(s.decode(v.looseObject({ a: s.text() }), { A: 'x', B: 1 }, ''), { a: 'x', B: 1 })
  const strict = v.strictObject({ a: s.text() })
  t.same(s.decode(strict, { A: 'x' }, ''), { a: 'x' })
  t.match(await cniErrorOf(() => s.decode(strict, { a: 'x', b: 1 }, '')), { code: 7, msg: /"b"/ })
})
