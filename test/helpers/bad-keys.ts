// Configurations that a plugin must refuse for the value of a single key.
import type { Case } from './bad-calls.js'
import type { Conf } from './subjects.js'

/** Values that only one plugin looks at. */
export const badKeys: readonly Case[] = [
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
