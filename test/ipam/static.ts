// static: addresses as told, from four places, and a CHECK that compares.
import { spawnSync } from 'node:child_process'
import t from 'tap'
import type { Call, JsonObject, JsonValue } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import type { Result } from '../../cni/result.js'
import { parseResult } from '../../cni/result-parse.js'
import { printResult } from '../../cni/result-print.js'
import { staticIpam } from '../../ipam/static.js'
import { cniErrorOf, hostOf, makeCall } from '../helpers/calls.js'
import { seeded } from '../helpers/host-local.js'
import { needs, referenceDir } from '../helpers/needs.js'

const host = hostOf()
const call = (ipam: JsonValue | undefined, conf: JsonObject = {}, rest: Partial<Call> = {}) =>
  makeCall({ plugin: 'static', conf: { ...(ipam === undefined ? {} : { ipam }), ...conf }, ...rest })

async function add(
  ipam: JsonValue | undefined,
  conf: JsonObject = {},
  rest: Partial<Call> = {},
): Promise<Result> {
  const one = call(ipam, conf, rest)
  return staticIpam.add(one, staticIpam.parse(one), host)
}

const plain = (value: unknown) => JSON.parse(JSON.stringify(value))
const ipsOf = async (...args: Parameters<typeof add>) =>
  (await add(...args)).ips.map(({ address, gateway }) => (gateway ? `${address} ${gateway}` : `${address}`))

const full: JsonObject = {
  type: 'static',
  addresses: [
    { address: '10.1.0.5/24', gateway: '10.1.0.1' },
    { address: 'fd00::5/64', gateway: '' },
  ],
  routes: [
    { dst: '0.0.0.0/0', gw: '10.1.0.1' },
    { dst: 'fd01::/16', mtu: 1400, advmss: 0, priority: 3, table: 0, scope: 253 },
  ],
  dns: { nameservers: ['10.1.0.53'], domain: 'a.example', search: ['b.example'], options: ['rotate'] },
}

t.test('everything that is configured comes out', async t => {
  t.strictSame(plain(await add(full)), {
    interfaces: [],
    ips: [{ address: '10.1.0.5/24', gateway: '10.1.0.1' }, { address: 'fd00::5/64' }],
    routes: [
      { dst: '0.0.0.0/0', gw: '10.1.0.1' },
      { dst: 'fd01::/16', mtu: 1400, priority: 3, table: 0, scope: 253 },
    ],
    dns: { nameservers: ['10.1.0.53'], domain: 'a.example', search: ['b.example'], options: ['rotate'] },
  })
  t.strictSame(plain(await add({})), { interfaces: [], ips: [], routes: [], dns: {} })
  t.strictSame(await ipsOf({ Addresses: [{ ADDRESS: '10.1.0.5/24', GateWay: '10.1.0.1' }] }), [
    '10.1.0.5/24 10.1.0.1',
  ])
})

t.test('CNI_ARGS add addresses and gateways; the network and the runtime replace them all', async t => {
  const args =
    'IgnoreUnknown=1;IP=10.2.0.5/24, fd02::5/64;GATEWAY=10.2.0.1,fd02::1,192.0.2.1,10.1.0.254;K8S_POD_NAME=x'
  t.strictSame(await ipsOf(full, {}, { args }), [
    '10.1.0.5/24 10.1.0.254',
    'fd00::5/64',
    '10.2.0.5/24 10.2.0.1',
    'fd02::5/64 fd02::1',
  ])
  const network = { args: { cni: { ips: ['10.3.0.5/24'] } } }
  t.strictSame(await ipsOf(full, network, { args }), ['10.3.0.5/24'])
  t.strictSame(
    await ipsOf(full, { ...network, runtimeConfig: { ips: ['10.4.0.5/24', 'fd04::5/64'] } }, { args }),
    ['10.4.0.5/24', 'fd04::5/64'],
  )
  t.strictSame(await ipsOf(full, { ...network, runtimeConfig: { ips: [] } }), ['10.3.0.5/24'])
})

t.test('what is wrong is refused', async t => {
  const { invalidConfig, invalidEnvironment } = CniCode
  const cases: [
    ipam: JsonValue | undefined,
    code: number,
    msg: string | RegExp,
    conf?: JsonObject,
    args?: string,
  ][] = [
    [undefined, invalidConfig, "IPAM config missing 'ipam' key"],
    [{ addresses: 'x' }, invalidConfig, /"ipam\.addresses": expected an array, got "x"/],
    [
      { addresses: [{ address: '10.1.0.5' }] },
      invalidConfig,
      "the 'address' field is expected to be in CIDR notation, got: '10.1.0.5'",
    ],
    [
      { addresses: [{ address: '' }] },
      invalidConfig,
      "the 'address' field is expected to be in CIDR notation, got: ''",
    ],
    [{ addresses: [{}] }, invalidConfig, /missing value for "ipam\.addresses\[0\]\.address"/],
    [{ addresses: [{ address: '::ffff:10.1.0.5/120' }] }, invalidConfig, /CIDR notation/],
    [
      { addresses: [{ address: '10.1.0.5/24', gateway: 'x' }] },
      invalidConfig,
      'invalid value for "ipam.addresses[0].gateway": expected an IP address, got "x"',
    ],
    [
      { addresses: [{ address: '10.1.0.5/24', gateway: 'fd00::1' }] },
      invalidConfig,
      /"ipam\.addresses\[0\]\.gateway": fd00::1 is not of the address family/,
    ],
    [
      { addresses: [{ address: '10.1.0.5/24' }, { address: '10.1.0.5/16' }] },
      invalidConfig,
      /10\.1\.0\.5 is given twice/,
    ],
    [{ dns: { nameservers: '10.1.0.53' } }, invalidConfig, /"ipam\.dns\.nameservers": expected an array/],
    [
      { routes: [{ dst: 'default' }] },
      invalidConfig,
      /"ipam\.routes\[0\]\.dst": expected an address in CIDR notation, got "default"/,
    ],
    [
      {},
      invalidConfig,
      "an entry in the 'ips' field is NOT in CIDR notation, got: '10.1.0.5'",
      { args: { cni: { ips: ['10.1.0.5'] } } },
    ],
    [
      {},
      invalidConfig,
      "an entry in the 'ips' field is NOT in CIDR notation, got: 'x'",
      { runtimeConfig: { ips: ['x'] } },
    ],
    [
      {},
      invalidEnvironment,
      "the 'ip' field is expected to be in CIDR notation, got: '10.1.0.5'",
      {},
      'IP=10.1.0.5',
    ],
    [
      {},
      invalidEnvironment,
      'invalid value for CNI_ARGS GATEWAY: expected an IP address, got "x"',
      {},
      'GATEWAY=x',
    ],
    [{}, invalidEnvironment, 'ARGS: unknown args ["MAC=02:00:00:00:00:01"]', {}, 'MAC=02:00:00:00:00:01'],
    [
      { addresses: [{ address: '10.1.0.5/24' }, { address: '10.1.0.6/24' }] },
      CniCode.incompatibleVersion,
      /does not support more than 1 address per family/,
      { cniVersion: '0.2.0' },
    ],
  ]
  for (const [ipam, code, msg, conf, args] of cases) {
    const error = await cniErrorOf(() => add(ipam, conf, args ? { args } : {}))
    t.equal(error.code, code, String(msg))
    if (typeof msg === 'string') t.equal(error.msg, msg)
    else t.match(error.msg, msg)
  }
})

t.test('DEL, GC and STATUS have nothing to do', async t => {
  const one = call(full)
  await staticIpam.del(one, undefined, host)
  await staticIpam.gc(one, staticIpam.parse(one), host)
  await staticIpam.status(one, staticIpam.parse(one), host)
  t.pass('done')
})

t.test('CHECK compares addresses, gateways and routes with the result', async t => {
  const check = (ipam: JsonValue, prevResult: Result) => {
    const one = call(ipam, {}, { prevResult })
    return staticIpam.check(one, staticIpam.parse(one), host)
  }
  const result = await add(full)
  await check(full, result)
  const [v4, v6] = result.ips
  const elsewhere = parseResult({ cniVersion: '1.1.0', ips: [{ address: '192.0.2.5/24' }] }, '1.1.0')
  await check(full, {
    ...result,
    ips: [...result.ips, ...elsewhere.ips],
    routes: [...result.routes, ...elsewhere.routes],
  })
  const failures: [Result, RegExp][] = [
    [{ ...result, ips: [v6!] }, /address 10\.1\.0\.5\/24 is not in prevResult/],
    [{ ...result, ips: [v4!] }, /address fd00::5\/64 is not in prevResult/],
    [
      { ...result, ips: [{ address: v4!.address }, v6!] },
      /gateway of 10\.1\.0\.5\/24 is 10\.1\.0\.1, in prevResult it is not set/,
    ],
    [
      { ...result, routes: result.routes.slice(1) },
      /route to 0\.0\.0\.0\/0 via 10\.1\.0\.1 is not in prevResult/,
    ],
    [{ ...result, routes: result.routes.slice(0, 1) }, /route to fd01::\/16 is not in prevResult/],
  ]
  for (const [prevResult, msg] of failures)
    t.match(await cniErrorOf(() => check(full, prevResult)), { code: CniCode.checkFailed, msg })
})

t.test('the result is that of the reference', { skip: needs('reference-plugins') }, async t => {
  for (const [version, args] of [
    ['0.2.0', ''],
    ['0.4.0', 'IP=10.2.0.5/24;GATEWAY=10.2.0.1'],
    ['1.0.0', ''],
  ] as const) {
    const ipam = { ...full, routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }] }
    const one = call(ipam, { cniVersion: version }, { args })
    const { stdout } = spawnSync(`${referenceDir}/static`, {
      input: JSON.stringify(one.config.raw),
      env: {
        CNI_COMMAND: 'ADD',
        CNI_CONTAINERID: 'box',
        CNI_NETNS: '/x',
        CNI_IFNAME: 'eth0',
        CNI_PATH: referenceDir,
        CNI_ARGS: args,
      },
      encoding: 'utf8',
    })
    const ours = printResult(await staticIpam.add(one, staticIpam.parse(one), host), version)
    t.same(parseResult(plain(ours), version), parseResult(JSON.parse(stdout), version), version)
  }
})

t.test('2,000 garbled configurations: a result, or a typed error', async t => {
  const random = seeded(3)
  const texts = ['', 'x', '10.1.0.5/24', 'fd00::5/64', '10.1.0.5/33', '/', '::/0', '10.1.0.1']
  const values: JsonValue[] = [null, true, 1, [], {}, [[]], [null], ...texts]
  const any = () => values[Math.floor(random() * values.length)]!
  for (let i = 0; i < 2000; i++) {
    const ipam: JsonObject = { ...full }
    const key = Object.keys(full)[Math.floor(random() * 4)]!
    ipam[key] =
      random() < 0.3
        ? any()
        : [{ address: any(), gateway: any(), dst: any(), gw: any(), mtu: any() }, any()].slice(
            random() < 0.8 ? 0 : 1,
          )
    const args =
      random() < 0.3
        ? `IP=${texts[Math.floor(random() * texts.length)]};GATEWAY=${texts[Math.floor(random() * texts.length)]}`
        : ''
    await add(ipam, { runtimeConfig: random() < 0.3 ? { ips: any() } : {} }, { args }).catch(error => {
      if (!(error instanceof CniError)) t.fail(`${error}: ${JSON.stringify(ipam)}`)
    })
  }
  t.pass('all of them')
})
