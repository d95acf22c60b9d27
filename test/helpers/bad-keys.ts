// Configurations that a plugin must refuse for the value of a single key.
import type { Case } from './bad-calls.js'
import type { Conf } from './subjects.js'

/** A key with a value that is wrong, and what the message must say. */
type BadKey = readonly [key: string, value: unknown, msg: RegExp]

const mapping = { hostPort: 8080, containerPort: 80, protocol: 'tcp' }

/** Of portmap: below runtimeConfig, and inline at the top, too. */
const mappings: readonly BadKey[] = [
  ['portMappings', 'x', /portMappings.*x/],
  ['portMappings', [5], /portMappings.*0.*5/],
  ['portMappings', [{ containerPort: 80 }], /portMappings.*hostPort/],
  ['portMappings', [{ hostPort: 80 }], /portMappings.*containerPort/],
  ...[0, -1, 65536, 1.5, '0', 'x', '90-80', '1-65536'].map(
    (hostPort): BadKey => [
      'portMappings',
      [{ ...mapping, hostPort }],
      RegExp(`portMappings.*hostPort.*${hostPort}`),
    ],
  ),
  ['portMappings', [{ ...mapping, containerPort: 0 }], /portMappings.*containerPort.*0/],
  ['portMappings', [{ ...mapping, hostPort: '80-82' }], /portMappings.*containerPort.*3.*80/],
  ['portMappings', [{ ...mapping, protocol: 'icmp' }], /portMappings.*protocol.*icmp/],
  ['portMappings', [{ ...mapping, protocol: 6 }], /portMappings.*protocol.*6/],
  ['portMappings', [{ ...mapping, hostIP: '10.0.0.300' }], /portMappings.*hostIP.*10\.0\.0\.300/],
  ['portMappings', [{ ...mapping, hostIP: 5 }], /portMappings.*hostIP.*5/],
  ['portMappings', [mapping, mapping], /8080.*twice/],
  ['portMappings', [mapping, { ...mapping, hostPort: '8079-8081', containerPort: '1-3' }], /8080.*twice/],
]

/** Of portmap, at the top in both uses. */
const publishing: readonly BadKey[] = [
  ['snat', 'yes', /snat.*yes/],
  ['masqAll', 1, /masqAll.*1/],
  ['markMasqBit', 32, /markMasqBit.*32/],
  ['markMasqBit', -1, /markMasqBit.*-1/],
  ['externalSetMarkChain', 'MARK-IT', /externalSetMarkChain.*MARK-IT/],
  ['conditionsV4', 'ip saddr', /conditionsV4.*ip saddr/],
  ['conditionsV4', [5], /conditionsV4.*5/],
  ['conditionsV4', ['frobnicate'], /conditionsV4.*frobnicate/],
  ['conditionsV6', ['-m', 'owner'], /conditionsV6.*owner/],
]

/** Of bandwidth: at the top, inline below `bandwidth`, below runtimeConfig.bandwidth. */
const rates: readonly BadKey[] = [
  ['ingressRate', -1, /ingressRate.*-1/],
  ['ingressRate', 'fast', /ingressRate.*fast/],
  ['ingressRate', 1.5, /ingressRate.*1\.5/],
  ['ingressRate', 5, /ingressRate.*5/],
  ['egressBurst', -1, /egressBurst.*-1/],
  ['egressBurst', 2 ** 36, /egressBurst.*68719476736/],
]

const policies: readonly BadKey[] = [
  ['ingressPolicy', 'closed', /ingressPolicy.*closed/],
  ['ingressPolicy', 1, /ingressPolicy.*1/],
]

const sysctls: readonly BadKey[] = [
  ['sysctl', 'x', /sysctl.*x/],
  ['sysctl', { 'net.core.somaxconn': 5 }, /sysctl.*net\.core\.somaxconn.*5/],
  ['sysctl', { 'kernel.hostname': 'x' }, /sysctl.*kernel\.hostname/],
  ['sysctl', { 'net.ipv4..tcp_ecn': '1' }, /sysctl.*net\.ipv4\.\.tcp_ecn/],
  ['sysctl', { 'net/../../kernel/hostname': 'x' }, /sysctl.*net\/\.\.\/\.\.\/kernel\/hostname/],
  ['sysctl', { 'net.no.such': '1' }, /net\.no\.such/],
  ['sysctl', { 'net.core.somaxconn': '1', 'net/core/somaxconn': '1' }, /duplicated sysctl keys/],
]

const chainedKeys: readonly (readonly [readonly string[], readonly BadKey[], Place])[] = [
  [['portmap'], mappings, 'runtimeConfig'],
  [['bridge', 'ptp'], mappings, 'top'],
  [['portmap'], [...publishing, ['backend', 'ebtables', /backend.*ebtables/]], 'top'],
  [['bridge', 'ptp'], publishing, 'published'],
  [['bandwidth'], rates, 'top'],
  [['bridge', 'ptp'], rates, 'bandwidth'],
  [['bandwidth'], rates, 'runtimeConfig.bandwidth'],
  [
    ['firewall'],
    [
      ...policies,
      ['backend', 'ebtables', /backend.*ebtables/],
      ['iptablesAdminChainName', 'two words', /iptablesAdminChainName.*two words/],
      ['iptablesAdminChainName', 'FORWARD', /iptablesAdminChainName.*FORWARD/],
      ['firewalldZone', 5, /firewalldZone.*5/],
      ['sourceGuard', 'no', /sourceGuard.*no/],
    ],
    'top',
  ],
  [['bridge', 'ptp'], policies, 'top'],
  [
    ['tuning'],
    [
      ...sysctls,
      // Inline, the kernel is asked when an address has been given.
      ['sysctl', { 'net.core.somaxconn': 'x' }, /net\.core\.somaxconn.*x/],
      ['mac', '02:00:00:zz:00:01', /mac.*02:00:00:zz:00:01/],
      ['mac', '01:00:5e:00:00:01', /mac.*01:00:5e:00:00:01/],
      ['promisc', 'yes', /promisc.*yes/],
      ['mtu', -1, /mtu.*-1/],
      ['mtu', 65536, /mtu.*65536/],
      ['allmulti', 1, /allmulti.*1/],
      ['txQLen', -1, /txQLen.*-1/],
      ['txQLen', 2 ** 32, /txQLen.*4294967296/],
    ],
    'top',
  ],
  [['tuning'], [['mac', 'x', /runtimeConfig\.mac.*x/]], 'runtimeConfig'],
  [['bridge', 'ptp'], sysctls, 'top'],
]

/** Where keys stand; `published`: at the top, beside ports that are published. */
type Place = 'top' | 'published' | 'bandwidth' | 'runtimeConfig' | 'runtimeConfig.bandwidth'

const places: Readonly<Record<Place, (conf: Conf, keys: Conf) => Conf>> = {
  top: (conf, keys) => ({ ...conf, ...keys }),
  published: (conf, keys) => ({ ...conf, portMappings: [mapping], ...keys }),
  bandwidth: (conf, keys) => ({ ...conf, bandwidth: keys }),
  runtimeConfig: (conf, keys) => ({ ...conf, runtimeConfig: keys }),
  'runtimeConfig.bandwidth': (
    { ingressRate: _1, ingressBurst: _2, egressRate: _3, egressBurst: _4, ...conf },
    keys,
  ) => ({
    ...conf,
    runtimeConfig: { bandwidth: keys },
  }),
}

const ofChained: Case[] = chainedKeys.flatMap(([of, keys, place]) =>
  keys.map(([key, value, msg]) => ({
    name: `${place}: ${key}: ${JSON.stringify(value)}`,
    conf: (conf: Conf) => places[place](conf, { [key]: value }),
    code: 7,
    msg,
    of,
    ours: true,
  })),
)

/** Values that only one plugin looks at. */
export const badKeys: readonly Case[] = [
  ...ofChained,
  ...[
    ['bridge', ''],
    ['bridge', 'a/b'],
    ['bridge', 'a-name-of-17-byte'],
    ['bridge', 5],
    ['isGateway', 'yes'],
    ['ipMasq', 1],
    ['ipMasqBackend', 'ebtables'],
    ['mtu', -1],
    ['mtu', 1.5],
    ['mtu', '1500'],
    ['vlan', 4095],
    ['vlan', -1],
    ['vlanTrunk', {}],
    ['vlanTrunk', [{ minID: 20, maxID: 10 }]],
    ['vlanTrunk', [{ id: 5000 }]],
    ['ipam', []],
    ['ipam', 'host-local'],
    ['dns', { nameservers: 'x' }],
  ].map(([key, value]) => ({
    name: `${key}: ${JSON.stringify(value)}`,
    conf: (conf: Conf) => ({ ...conf, [String(key)]: value }),
    code: 7,
    msg: new RegExp(String(key)),
    of: ['bridge'],
    ours: true,
  })),
  {
    name: 'hairpinMode and promiscMode',
    conf: conf => ({ ...conf, hairpinMode: true, promiscMode: true }),
    code: 7,
    msg: /hairpinMode.*promiscMode/,
    of: ['bridge'],
    ours: true,
  },
  {
    name: 'disableContainerInterface and ipam',
    conf: conf => ({ ...conf, disableContainerInterface: true }),
    code: 7,
    msg: /disableContainerInterface/,
    of: ['bridge'],
    ours: true,
  },
  ...['mac', 'MAC'].map(mac => ({
    name: `runtimeConfig.${mac} that is none`,
    conf: (conf: Conf) => ({ ...conf, runtimeConfig: { [mac]: '02:00:00:zz:00:01' } }),
    code: 7,
    msg: /02:00:00:zz:00:01/,
    of: ['bridge'],
    ours: true,
  })),
  ...['', undefined].map(type => ({
    name: `ipam.type ${JSON.stringify(type)}`,
    conf: (conf: Conf) => ({ ...conf, ipam: { ...conf.ipam, type } }),
    code: 7,
    msg: /ipam/,
    of: ['ptp'],
    ours: true,
  })),
  ...['no-such-ipam', '../host-local', '/usr/lib/cni/host-local', 'bridge', 'ptp'].map(type => ({
    name: `ipam.type ${JSON.stringify(type)}`,
    conf: (conf: Conf) => ({ ...conf, ipam: { ...conf.ipam, type } }),
    code: 7,
    msg: new RegExp(type.replaceAll('.', '\\.')),
    of: ['bridge', 'ptp'].filter(own => own !== type),
    ours: true,
  })),
  ...ranges([
    ['no range', [], /range|subnet/],
    ['an empty range set', [[]], /range|subnet/],
    ['no subnet', [[{ rangeStart: '10.1.0.5' }]], /subnet/],
    ['a subnet that is none', [[{ subnet: '10.1.0/24' }]], /10\.1\.0\/24/],
    ['a subnet with host bits', [[{ subnet: '10.1.0.5/24' }]], /10\.1\.0\.5\/24/],
    ['a subnet too small', [[{ subnet: '10.1.0.0/31' }]], /too small/],
    [
      'two families in a set',
      [[{ subnet: '10.1.0.0/24' }, { subnet: 'fd00::/64' }]],
      /mixed address families/,
    ],
    ['overlap in a set', [[{ subnet: '10.1.0.0/16' }, { subnet: '10.1.2.0/24' }]], /overlap/],
    ['overlap between sets', [[{ subnet: '10.1.0.0/16' }], [{ subnet: '10.1.2.0/24' }]], /overlap/],
    ['a start outside', [[{ subnet: '10.1.0.0/24', rangeStart: '10.2.0.5' }]], /10\.2\.0\.5/],
    ['an end outside', [[{ subnet: '10.1.0.0/24', rangeEnd: '10.2.0.5' }]], /10\.2\.0\.5/],
    [
      'an end before the start',
      [[{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.9', rangeEnd: '10.1.0.5' }]],
      /10\.1\.0\.[59]/,
    ],
    ['a gateway that is none', [[{ subnet: '10.1.0.0/24', gateway: 'gw' }]], /gw|gateway/],
  ]),
  ...[
    ['10.9.0.7', /CIDR notation, got: '10\.9\.0\.7'/],
    ['10.9.0.7/33', /10\.9\.0\.7\/33/],
    ['x', /'x'/],
    [5, /address/],
  ].map(([address, msg]) => ({
    name: `address ${JSON.stringify(address)}`,
    conf: (conf: Conf) => ({ ...conf, ipam: { ...conf.ipam, addresses: [{ address }] } }),
    code: 7,
    msg: msg as RegExp,
    of: ['static'],
    ours: true,
  })),
  ...[[{ dst: 'x' }], [{ gw: '10.0.0.1' }], [{ dst: '0.0.0.0/0', gw: 'x' }], 'x'].map(routes => ({
    name: `routes ${JSON.stringify(routes)}`,
    conf: (conf: Conf) => ({ ...conf, ipam: { ...conf.ipam, routes } }),
    code: 7,
    msg: /routes/,
    of: ['bridge', 'ptp', 'host-local', 'static'],
    ours: true,
  })),
]

function ranges(wrong: readonly (readonly [string, unknown, RegExp])[]): Case[] {
  return wrong.map(([name, value, msg]) => ({
    name: `ranges with ${name}`,
    conf: (conf: Conf) => ({ ...conf, ipam: { ...conf.ipam, ranges: value } }),
    code: 7,
    msg,
    of: ['bridge', 'host-local'],
    ours: true,
  }))
}
