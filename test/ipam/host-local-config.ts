// The configuration of host-local: what is refused and in which words, what is filled in, and that no input at all
// brings anything but a configuration or a typed error.
import t from 'tap'
import type { Call, JsonObject, JsonValue } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import { directoryOf, parseConfig } from '../../ipam/host-local/config.js'
import { cniErrorOf, makeCall } from '../helpers/calls.js'
import { seeded } from '../helpers/host-local.js'

const parse = (ipam: JsonValue | undefined, conf: JsonObject = {}, rest: Partial<Call> = {}) =>
  parseConfig(makeCall({ conf: { ...(ipam === undefined ? {} : { ipam }), ...conf }, ...rest }))

const simple = { type: 'host-local', subnet: '10.1.0.0/24' }

t.test('what is left out is filled in', async t => {
  const config = parse(simple)
  t.equal(config.directory, '/var/lib/cni/networks/net')
  t.same(plain(config.wanted), [
    {
      set: {
        key: 'ipam.subnet',
        ranges: [{ subnet: '10.1.0.0/24', start: '10.1.0.1', end: '10.1.0.254', gateway: '10.1.0.1' }],
      },
    },
  ])
  t.same(config.routes, [])
  t.equal(config.resolvConf, undefined)
  const six = parse({ subnet: 'fd00::/120', gateway: '', dataDir: '/x//', resolvConf: '' })
  t.match(plain(six.wanted), [
    { set: { ranges: [{ start: 'fd00::1', end: 'fd00::ff', gateway: 'fd00::1' }] } },
  ])
  t.equal(six.directory, '/x/net')
  t.equal(parse({ ...simple, dataDir: '' }).directory, '/var/lib/cni/networks/net')
})

t.test('ranges come in the order: those of the runtime, the single one, the list', async t => {
  const config = parse(
    { ...simple, ranges: [[{ subnet: '10.2.0.0/24' }], [{ SUBNET: 'fd00::/64', RangeSTART: 'fd00::10' }]] },
    { runtimeConfig: { IPRanges: [[{ subnet: '10.3.0.0/24', gateway: '10.3.0.9' }]] } },
  )
  t.strictSame(
    config.wanted.map(({ set }) => [set.key, String(set.ranges[0]?.subnet), String(set.ranges[0]?.gateway)]),
    [
      ['runtimeConfig.ipRanges[0]', '10.3.0.0/24', '10.3.0.9'],
      ['ipam.subnet', '10.1.0.0/24', '10.1.0.1'],
      ['ipam.ranges[0]', '10.2.0.0/24', '10.2.0.1'],
      ['ipam.ranges[1]', 'fd00::/64', 'fd00::1'],
    ],
  )
  t.equal(String(config.wanted[3]?.set.ranges[0]?.start), 'fd00::10')
})

t.test('a gateway outside the subnet must be link-local', async t => {
  for (const [subnet, gateway] of [
    ['10.1.0.0/24', '169.254.1.1'],
    ['fd00::/64', 'fe80::1'],
  ] as const)
    t.match(plain(parse({ subnet, gateway }).wanted), [{ set: { ranges: [{ gateway }] } }])
})

const refusals: readonly [
  what: string,
  ipam: JsonValue | undefined,
  msg: string | RegExp,
  conf?: JsonObject,
][] = [
  ['no ipam', undefined, "IPAM config missing 'ipam' key"],
  ['ipam null', null, "IPAM config missing 'ipam' key"],
  ['ipam of another kind', [], 'invalid value for "ipam": expected an object, got []'],
  ['no ranges', {}, 'no IP ranges specified'],
  ['empty ranges', { ranges: [] }, 'no IP ranges specified'],
  ['an empty set', { ranges: [[]] }, 'invalid value for "ipam.ranges[0]": empty range set'],
  ['a range without a subnet', { ranges: [[{}]] }, /missing value for "ipam\.ranges\[0\]\[0\]\.subnet"/],
  [
    'a set that is a range',
    { ranges: [{ subnet: '10.1.0.0/24' }] },
    /"ipam\.ranges\[0\]": expected an array/,
  ],
  [
    'a subnet without a length',
    { subnet: '10.1.0.0' },
    'invalid value for "ipam.subnet": expected an address in CIDR notation, got "10.1.0.0"',
  ],
  [
    'a subnet of another kind',
    { subnet: 7 },
    'invalid value for "ipam.subnet": expected an address in CIDR notation, got 7',
  ],
  [
    'host bits',
    { subnet: '10.1.0.1/24' },
    'invalid value for "ipam.subnet": 10.1.0.1/24 has host bits set, the network is 10.1.0.0/24',
  ],
  [
    'too small, IPv4',
    { subnet: '10.1.0.0/31' },
    'invalid value for "ipam.subnet": Network 10.1.0.0/31 too small to allocate from',
  ],
  [
    'too small, IPv6',
    { ranges: [[{ subnet: 'fd00::/127' }]] },
    'invalid value for "ipam.ranges[0][0].subnet": Network fd00::/127 too small to allocate from',
  ],
  [
    'mapped',
    { subnet: '::ffff:10.1.0.0/120' },
    /"ipam\.subnet": ::ffff:[0-9a.:]+\/120 is IPv4 mapped into IPv6/,
  ],
  [
    'rangeStart outside',
    { ...simple, rangeStart: '10.2.0.1' },
    'invalid value for "ipam.rangeStart": 10.2.0.1 is not in network 10.1.0.0/24',
  ],
  [
    'rangeEnd outside',
    { ...simple, rangeEnd: 'fd00::1' },
    'invalid value for "ipam.rangeEnd": fd00::1 is not in network 10.1.0.0/24',
  ],
  [
    'gateway outside',
    { ranges: [[{ ...simple, gateway: '10.2.0.1' }]] },
    'invalid value for "ipam.ranges[0][0].gateway": 10.2.0.1 is not in network 10.1.0.0/24',
  ],
  [
    'gateway of the other family',
    { ...simple, gateway: 'fe80::1' },
    'invalid value for "ipam.gateway": fe80::1 is not in network 10.1.0.0/24',
  ],
  [
    'gateway that is none',
    { ...simple, gateway: 'router' },
    'invalid value for "ipam.gateway": expected an IP address, got "router"',
  ],
  [
    'start after end',
    { ...simple, rangeStart: '10.1.0.20', rangeEnd: '10.1.0.10' },
    'invalid value for "ipam.rangeStart": the range would start at 10.1.0.20 and end before it, at 10.1.0.10',
  ],
  [
    'end before the first',
    { ...simple, rangeEnd: '10.1.0.0' },
    /"ipam\.rangeEnd": the range would start at 10\.1\.0\.1/,
  ],
  [
    'mixed families',
    { ranges: [[{ subnet: '10.1.0.0/24' }, { subnet: 'fd00::/64' }]] },
    'invalid value for "ipam.ranges[0]": mixed address families: 10.1.0.0/24 and fd00::/64',
  ],
  [
    'overlap in a set',
    { ranges: [[{ subnet: '10.1.0.0/24' }, { subnet: '10.1.0.0/16' }]] },
    'invalid value for "ipam.ranges[0]": subnets 10.1.0.1-10.1.0.254 and 10.1.0.1-10.1.255.254 overlap',
  ],
  [
    'a range twice',
    { ranges: [[{ subnet: '10.1.0.0/24' }, { subnet: '10.1.0.0/24' }]] },
    /"ipam\.ranges\[0\]": subnets .* overlap/,
  ],
  [
    'overlap of sets',
    { ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: '10.1.0.0/16' }]] },
    /"ipam\.ranges\[1\]": range set 0 overlaps with 1: ipam\.ranges\[0\] has 10\.1\.0\.1-/,
  ],
  [
    'overlap with the single range',
    { ...simple, ranges: [[{ subnet: '10.1.0.0/24' }]] },
    /range set 0 overlaps with 1/,
  ],
  [
    'overlap with the runtime’s',
    simple,
    /range set 0 overlaps with 1/,
    { runtimeConfig: { ipRanges: [[{ subnet: '10.1.0.0/24' }]] } },
  ],
  [
    'a relative dataDir',
    { ...simple, dataDir: 'leases' },
    'invalid value for "ipam.dataDir": expected an absolute path, got "leases"',
  ],
  [
    'a route without dst',
    { ...simple, routes: [{ gw: '10.1.0.1' }] },
    /missing value for "ipam\.routes\[0\]\.dst"/,
  ],
  [
    'a route with a bad gw',
    { ...simple, routes: [{ dst: '0.0.0.0/0', gw: 'x' }] },
    'invalid value for "ipam.routes[0].gw": expected an IP address, got "x"',
  ],
  [
    'a route with a bad scope',
    { ...simple, routes: [{ dst: '0.0.0.0/0', scope: 256 }] },
    'invalid value for "ipam.routes[0].scope": expected an integer between 0 and 255, got 256',
  ],
  [
    'ips of another kind',
    simple,
    'invalid value for "runtimeConfig.ips": expected an array, got "10.1.0.5"',
    { runtimeConfig: { ips: '10.1.0.5' } },
  ],
  [
    'an ip that is none',
    simple,
    'invalid value for "args.cni.ips[1]": expected an IP address, got "x"',
    { args: { cni: { ips: ['10.1.0.5', 'x'] } } },
  ],
  [
    'an ip outside',
    simple,
    'failed to allocate all requested IPs: runtimeConfig.ips[0] "10.2.0.5"',
    { runtimeConfig: { ips: ['10.2.0.5'] } },
  ],
  [
    'two of one set',
    simple,
    'failed to allocate all requested IPs: runtimeConfig.ips[1] "10.1.0.6"',
    { runtimeConfig: { ips: ['10.1.0.5', '10.1.0.6'] } },
  ],
  [
    'the gateway',
    simple,
    `invalid value for "runtimeConfig.ips[0]": expected another address: requested ip 10.1.0.1 is subnet's gateway, got "10.1.0.1"`,
    { runtimeConfig: { ips: ['10.1.0.1'] } },
  ],
]

t.test('what is wrong is refused with code 7, naming key and value', async t => {
  for (const [what, ipam, msg, conf] of refusals) {
    const error = await cniErrorOf(() => parse(ipam, conf))
    t.equal(error?.code, CniCode.invalidConfig, what)
    if (typeof msg === 'string') t.equal(error?.msg, msg, what)
    else t.match(error?.msg, msg, what)
  }
})

t.test('CNI_ARGS that are wrong are refused with code 4', async t => {
  for (const [args, msg] of [
    ['IP=nonsense', 'invalid value for CNI_ARGS IP: expected an IP address, got "nonsense"'],
    ['IP', 'ARGS: invalid pair "IP"'],
    ['FOO=bar', 'ARGS: unknown args ["FOO=bar"]'],
  ])
    t.match(await cniErrorOf(() => parse(simple, {}, { args: args! })), {
      code: CniCode.invalidEnvironment,
      msg,
    })
  t.equal(
    String(parse(simple, {}, { args: 'FOO=bar;IgnoreUnknown=true;IP=10.1.0.7/16' }).wanted[0]?.ip),
    '10.1.0.7',
  )
  t.equal(String(parse(simple, {}, { args: 'IP=::ffff:10.1.0.7' }).wanted[0]?.ip), '10.1.0.7')
})

t.test('before 0.3.0 there is one address of a family', async t => {
  const ranges = { ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: '10.2.0.0/24' }]] }
  t.match(await cniErrorOf(() => parse(ranges, { cniVersion: '0.2.0' })), {
    code: CniCode.incompatibleVersion,
    msg: 'CNI version 0.2.0 does not support more than 1 address per family',
  })
  parse(ranges, { cniVersion: '0.3.0' })
  parse({ ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00::/64' }]] }, { cniVersion: '0.1.0' })
})

t.test('DEL finds the directory whatever else is wrong', async t => {
  const at = (conf: JsonObject) => directoryOf(makeCall({ conf }))
  t.equal(at({ ipam: { dataDir: '/x', subnet: [] } }), '/x/net')
  t.equal(at({ IPAM: { DataDir: '/x' } }), '/x/net')
  for (const conf of [
    {},
    { ipam: 7 },
    { ipam: null },
    { ipam: { dataDir: 7 } },
    { ipam: { dataDir: 'x' } },
    { ipam: { dataDir: '' } },
  ])
    t.equal(at(conf as JsonObject), '/var/lib/cni/networks/net', JSON.stringify(conf))
})

t.test('6,000 mutated configurations: a configuration, or a typed error', async t => {
  const random = seeded(42)
  const base: JsonObject = {
    ipam: {
      type: 'host-local',
      subnet: '10.1.0.0/24',
      rangeStart: '10.1.0.10',
      rangeEnd: '10.1.0.100',
      gateway: '10.1.0.1',
      ranges: [
        [{ subnet: '10.2.0.0/24' }, { subnet: '10.3.0.0/24', gateway: '10.3.0.2' }],
        [{ subnet: 'fd00::/64' }],
      ],
      routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1', mtu: 1500, priority: 1 }],
      dataDir: '/var/lib/x',
      resolvConf: '/etc/resolv.conf',
    },
    args: { cni: { ips: ['10.1.0.20'] } },
    runtimeConfig: { ips: ['10.2.0.7/24'], ipRanges: [[{ subnet: '10.9.0.0/16' }]] },
  }
  let refused = 0
  for (let i = 0; i < 6000; i++) {
    const conf = structuredClone(base)
    for (let n = 1 + Math.floor(random() * 3); n > 0; n--) mutate(conf, random)
    const call = makeCall({ conf, args: random() < 0.1 ? garble('IP=10.1.0.20', random) : '' })
    // The door has seen to it that these two are objects.
    if ([conf.args, conf.runtimeConfig].some(value => typeof value !== 'object' || Array.isArray(value)))
      continue
    try {
      const { wanted, directory } = parseConfig(call)
      if (wanted.length === 0 || !directory.startsWith('/')) t.fail(JSON.stringify(conf))
    } catch (error) {
      refused++
      if (
        !(error instanceof CniError) ||
        ![CniCode.invalidConfig, CniCode.invalidEnvironment].includes(error.code as 7)
      )
        t.fail(`${error}: ${JSON.stringify(conf)}`)
    }
    if (!directoryOf(call).startsWith('/')) t.fail(`directory of ${JSON.stringify(conf)}`)
  }
  t.ok(refused > 600 && refused < 5700, `${refused} refused`)
})

/** Replaces, removes or garbles one value somewhere in a document. */
function mutate(document: JsonObject, random: () => number): void {
  const places: [JsonObject, string][] = []
  const collect = (value: JsonValue) => {
    if (typeof value !== 'object' || value === null) return
    for (const key of Object.keys(value)) {
      places.push([value as JsonObject, key])
      collect((value as JsonObject)[key]!)
    }
  }
  collect(document)
  const [holder, key] = places[Math.floor(random() * places.length)]!
  const values: JsonValue[] = [
    null,
    true,
    0,
    -1,
    1e99,
    '',
    '/',
    '::',
    '0.0.0.0/0',
    '::/0',
    [],
    {},
    [[]],
    [{}],
    'x'.repeat(300),
    '10.1.0.0/24',
    'fd00::/64',
    '255.255.255.255',
    '__proto__',
  ]
  const old = holder[key]
  const choice = random()
  if (choice < 0.4) holder[key] = values[Math.floor(random() * values.length)]!
  else if (choice < 0.5) delete holder[key]
  else if (choice < 0.6) holder[key.toUpperCase()] = old!
  else if (typeof old === 'string') holder[key] = garble(old, random)
  else if (Array.isArray(old)) old.push(structuredClone(old[0] ?? null))
}

function garble(text: string, random: () => number): string {
  const at = Math.floor(random() * (text.length + 1))
  const insert = ['', '0', '9', ':', '.', '/', 'f', ' ', '\0', 'ſ', '-'][Math.floor(random() * 11)]!
  return text.slice(0, at) + insert + text.slice(at + (random() < 0.5 ? 1 : 0))
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
