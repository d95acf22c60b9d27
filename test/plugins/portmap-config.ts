// portmap's keys: what is taken, what is refused, and how mappings are put together.
import t from 'tap'
import type { JsonObject } from '../../cni/call.js'
import { mayPublish, publishConfig } from '../../plugins/portmap/config.js'
import { describeMapping } from '../../plugins/portmap/mapping.js'
import { cniErrorOf, makeCall } from '../helpers/calls.js'

type Where = 'chained' | 'inline'

function publish(conf: JsonObject, where: Where = 'chained') {
  return publishConfig(makeCall({ conf }), where)
}

const mapped = (...portMappings: JsonObject[]): JsonObject => ({ runtimeConfig: { portMappings } })

/** `8080/tcp>80` of each mapping. */
function mappings(conf: JsonObject, where?: Where): string[] {
  return publish(conf, where)!.mappings.map(each => `${describeMapping(each)}>${each.containerPort}`)
}

const errorOf = (conf: JsonObject, where?: Where) => cniErrorOf(() => publish(conf, where))

t.test('nothing to publish', async t => {
  for (const conf of [{}, { runtimeConfig: {} }, { runtimeConfig: { portMappings: null } }, mapped()]) {
    t.equal(publish(conf), undefined)
    t.equal(publish(conf, 'inline'), undefined)
    t.equal(mayPublish(conf), false)
  }
  t.equal(mayPublish(mapped({ hostPort: 1 })), true)
  t.equal(mayPublish({ runtimeConfig: { portMappings: 'broken' } }), true)
})

t.test('defaults', async t => {
  const conf = mapped({ hostPort: 8080, containerPort: 80 })
  t.match(publish(conf), { snat: true, masqAll: false, conditions: {} })
  t.match(publish({ ...conf, snat: false, masqAll: true }), { snat: false, masqAll: false })
  t.match(publish({ ...conf, masqAll: true }), { snat: true, masqAll: true })
  t.ok(publish({ ...conf, backend: 'iptables', markMasqBit: 31 }))
  t.ok(publish({ ...conf, BackEnd: 'nftables', MarkMasqBit: 0 }), 'keys in any case')
})

t.test('ports, protocols, addresses', async t => {
  const cases: [JsonObject, string][] = [
    [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }, '8080/tcp>80'],
    [{ hostPort: 8080, containerPort: 80 }, '8080/tcp>80'],
    [{ hostPort: 8080, containerPort: 80, protocol: '' }, '8080/tcp>80'],
    [{ hostPort: 53, containerPort: 5353, protocol: 'UDP' }, '53/udp>5353'],
    [{ hostPort: 1, containerPort: 65535, protocol: 'sctp' }, '1/sctp>65535'],
    [{ hostPort: '8080', containerPort: '80' }, '8080/tcp>80'],
    [{ hostPort: '9000-9010', containerPort: '9000-9010' }, '9000-9010/tcp>9000'],
    [{ hostPort: '9000-9010', containerPort: '80-90', protocol: 'udp' }, '9000-9010/udp>80'],
    [{ hostPort: '9000-9000', containerPort: 80 }, '9000/tcp>80'],
    [{ hostPort: 80, containerPort: 80, hostIP: '' }, '80/tcp>80'],
    [{ hostPort: 80, containerPort: 80, hostIP: '192.0.2.1' }, '192.0.2.1:80/tcp>80'],
    [{ hostPort: 80, containerPort: 80, hostIP: '0.0.0.0' }, '0.0.0.0:80/tcp>80'],
    [{ hostPort: 80, containerPort: 80, hostIP: '2001:DB8:0::1' }, '[2001:db8::1]:80/tcp>80'],
    [{ hostPort: 80, containerPort: 80, hostIP: '::' }, '[::]:80/tcp>80'],
    [{ hostPort: 80, containerPort: 80, hostIP: '::ffff:192.0.2.1' }, '192.0.2.1:80/tcp>80'],
    [{ hostPort: 80, containerPort: 80, hostIP: '::ffff:0:0' }, '0.0.0.0:80/tcp>80'],
    [{ HOSTPORT: 80, containerport: 80, HostIp: '127.0.0.1' }, '127.0.0.1:80/tcp>80'],
  ]
  for (const [mapping, expected] of cases)
    t.strictSame(mappings(mapped(mapping)), [expected], JSON.stringify(mapping))
})

t.test('mappings that run in step are joined', async t => {
  const one = (host: number, container: number, more: JsonObject = {}): JsonObject => ({
    hostPort: host,
    containerPort: container,
    ...more,
  })
  const cases: [JsonObject[], string[]][] = [
    [[one(80, 80), one(81, 81), one(82, 82)], ['80-82/tcp>80']],
    [[one(80, 180), one(81, 181)], ['80-81/tcp>180']],
    [
      [one(80, 80), one(82, 82)],
      ['80/tcp>80', '82/tcp>82'],
    ],
    [
      [one(81, 81), one(80, 80)],
      ['81/tcp>81', '80/tcp>80'],
    ],
    [
      [one(80, 80), one(81, 82)],
      ['80/tcp>80', '81/tcp>82'],
    ],
    [
      [one(80, 80), one(81, 81, { protocol: 'udp' })],
      ['80/tcp>80', '81/udp>81'],
    ],
    [
      [one(80, 80), one(81, 81, { hostIP: '192.0.2.1' })],
      ['80/tcp>80', '192.0.2.1:81/tcp>81'],
    ],
    [
      [one(80, 80, { hostIP: '192.0.2.1' }), one(81, 81, { hostIP: '::ffff:192.0.2.1' })],
      ['192.0.2.1:80-81/tcp>80'],
    ],
    [
      [
        { hostPort: '80-82', containerPort: '80-82' },
        one(83, 83),
        { hostPort: '84-90', containerPort: '84-90' },
      ],
      ['80-90/tcp>80'],
    ],
  ]
  for (const [list, expected] of cases) t.strictSame(mappings(mapped(...list)), expected)
})

t.test('inline: a list of its own, and that of the runtime behind it', async t => {
  const fixed = { portMappings: [{ hostPort: 80, containerPort: 80 }] }
  const asked = mapped({ hostPort: 443, containerPort: 443 })
  t.strictSame(mappings({ ...fixed, ...asked }, 'inline'), ['80/tcp>80', '443/tcp>443'])
  t.strictSame(mappings(fixed, 'inline'), ['80/tcp>80'])
  t.equal(publish(fixed), undefined, 'not chained')
  t.match(await errorOf({ portMappings: [{ hostPort: 0, containerPort: 80 }] }, 'inline'), {
    msg: /"portMappings\[0\]\.hostPort".* got 0/,
  })
  t.match(await errorOf({ ...fixed, ...mapped({ hostPort: 80, containerPort: 81 }) }, 'inline'), {
    msg: 'invalid value for "runtimeConfig.portMappings[0]": host port 80/tcp is mapped twice',
  })
  t.ok(publish({ ...fixed, backend: 'whatever' }, 'inline'), "the word of another plugin's")
})

t.test('values that are refused', async t => {
  const ports = 'expected a port between 1 and 65535, or a range such as "9000-9010"'
  const at = (key: string) => `"runtimeConfig.portMappings[0].${key}"`
  const good = { hostPort: 80, containerPort: 80 }
  const cases: [JsonObject, string][] = [
    [{ ...good, hostPort: 0 }, `invalid value for ${at('hostPort')}: ${ports}, got 0`],
    [{ ...good, hostPort: -1 }, `invalid value for ${at('hostPort')}: ${ports}, got -1`],
    [{ ...good, hostPort: 65536 }, `invalid value for ${at('hostPort')}: ${ports}, got 65536`],
    [{ ...good, hostPort: 80.5 }, `invalid value for ${at('hostPort')}: ${ports}, got 80.5`],
    [{ ...good, hostPort: true }, `invalid value for ${at('hostPort')}: ${ports}, got true`],
    [{ ...good, hostPort: '80-79' }, `invalid value for ${at('hostPort')}: ${ports}, got "80-79"`],
    [{ ...good, hostPort: '80-' }, `invalid value for ${at('hostPort')}: ${ports}, got "80-"`],
    [{ ...good, hostPort: 'http' }, `invalid value for ${at('hostPort')}: ${ports}, got "http"`],
    [{ containerPort: 80 }, `missing value for ${at('hostPort')}: ${ports}`],
    [{ hostPort: 80 }, `missing value for ${at('containerPort')}: ${ports}`],
    [{ ...good, containerPort: 0 }, `invalid value for ${at('containerPort')}: ${ports}, got 0`],
    [
      { hostPort: '80-90', containerPort: '80-91' },
      `invalid value for ${at('containerPort')}: expected as many ports as "hostPort" has, 11, got "80-91"`,
    ],
    [
      { ...good, protocol: 'icmp' },
      `invalid value for ${at('protocol')}: expected "tcp" or "udp" or "sctp", got "icmp"`,
    ],
    [
      { ...good, hostIP: 'localhost' },
      `invalid value for ${at('hostIP')}: expected an IP address, got "localhost"`,
    ],
    [
      { ...good, hostIP: '10.0.0.0/8' },
      `invalid value for ${at('hostIP')}: expected an IP address, got "10.0.0.0/8"`,
    ],
  ]
  for (const [mapping, msg] of cases)
    t.strictSame(await errorOf(mapped(mapping)), { code: 7, msg }, JSON.stringify(mapping))

  const keys: [JsonObject, string | RegExp][] = [
    [{ backend: 'ebpf' }, 'invalid value for "backend": expected "iptables" or "nftables", got "ebpf"'],
    [{ snat: 'yes' }, 'invalid value for "snat": expected true or false, got "yes"'],
    [{ masqAll: 1 }, 'invalid value for "masqAll": expected true or false, got 1'],
    [{ markMasqBit: 32 }, 'invalid value for "markMasqBit": expected an integer between 0 and 31, got 32'],
    [
      { externalSetMarkChain: 'KUBE-MARK-MASQ' },
      'invalid value for "externalSetMarkChain": "KUBE-MARK-MASQ" is of no use, as no packet is marked',
    ],
    [
      { externalSetMarkChain: 'KUBE-MARK-MASQ', markMasqBit: 14 },
      '"externalSetMarkChain" ("KUBE-MARK-MASQ") and "markMasqBit" (14) can not be combined',
    ],
    [{ conditionsV4: 'ip saddr 10.0.0.0/8' }, /^invalid value for "conditionsV4": expected an array/],
    [{ conditionsV6: [4] }, /^invalid value for "conditionsV6\[0\]": expected a string, got 4/],
    [
      { runtimeConfig: { portMappings: {} } },
      /^invalid value for "runtimeConfig.portMappings": expected an array/,
    ],
  ]
  for (const [conf, msg] of keys)
    for (const where of ['chained', 'inline'] as const)
      if (!('backend' in conf && where === 'inline'))
        t.match(await errorOf(conf, where), { code: 7, msg }, `${where} ${JSON.stringify(conf)}`)
})

t.test('a port that is mapped twice', async t => {
  const one = (hostPort: number | string, hostIP = '', protocol = 'tcp') => ({
    hostPort,
    containerPort: hostPort,
    hostIP,
    protocol,
  })
  const clashes: [JsonObject, JsonObject, string][] = [
    [one(80), one(80), '80/tcp'],
    [one(80), one(80, '127.0.0.1'), '80/tcp'],
    [one(80, '::'), one(80), '80/tcp'],
    [one(80, '0.0.0.0'), one(80, '192.0.2.1'), '80/tcp'],
    [one(80, '::'), one(80, '2001:db8::1'), '80/tcp'],
    [one(80, '192.0.2.1'), one(80, '192.0.2.1'), '80/tcp'],
    [one('80-90'), one(85), '85/tcp'],
    [one('80-90', '', 'udp'), one('90-95', '::1', 'udp'), '90/udp'],
  ]
  for (const [a, b, port] of clashes)
    t.match(await errorOf(mapped(a, b)), {
      code: 7,
      msg: `invalid value for "runtimeConfig.portMappings[1]": host port ${port} is mapped twice`,
      details: /"runtimeConfig\.portMappings\[1\]" \(.*\) and "runtimeConfig\.portMappings\[0\]" \(.*\)/,
    })
  const friends: [JsonObject, JsonObject][] = [
    [one(80), one(80, '', 'udp')],
    [one(80, '127.0.0.1'), one(80, '127.0.0.2')],
    [one(80, '0.0.0.0'), one(80, '::')],
    [one(80, '0.0.0.0'), one(80, '2001:db8::1')],
    [one('80-90'), one('91-95')],
  ]
  for (const [a, b] of friends) t.ok(publish(mapped(a, b)), JSON.stringify([a, b]))
})
