// Versions, and results of every version into every other: test/golden/cni/results.json has the documents.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { JsonObject } from '../../cni/call.js'
import { allVersions } from '../../cni/plugin.js'
import { emptyResult, type Result } from '../../cni/result.js'
import { parseResult } from '../../cni/result-parse.js'
import { printResult } from '../../cni/result-print.js'
import {
  atLeast,
  compareVersions,
  isVersion,
  requireAddresses,
  requireSupported,
  requireVerb,
} from '../../cni/versions.js'
import { Prefix } from '../../wire/ip.js'
import { cniErrorOf } from '../helpers/calls.js'
import { needs, referenceDir } from '../helpers/needs.js'

const goldenFile = new URL('../../../../test/golden/cni/results.json', import.meta.url)

t.test('versions', async t => {
  t.same([...allVersions].reverse().sort(compareVersions), allVersions)
  t.ok(atLeast('1.0.0', '0.4.0'))
  t.ok(atLeast('0.4.0', '0.4.0'))
  t.notOk(atLeast('0.3.1', '0.4.0'))
  t.ok(isVersion('0.3.1'))
  for (const no of ['', '0.3', '0.3.1 ', 'v1.0.0', '1.2.0', 'constructor']) t.notOk(isVersion(no), no)
  t.same(await cniErrorOf(() => requireSupported('9.9.9', ['0.1.0', '0.2.0'])), {
    code: 1,
    msg: 'incompatible CNI versions',
    details: 'config is "9.9.9", plugin supports ["0.1.0" "0.2.0"]',
  })
  const allowed = {
    ADD: '0.1.0',
    DEL: '0.1.0',
    VERSION: '0.1.0',
    CHECK: '0.4.0',
    GC: '1.1.0',
    STATUS: '1.1.0',
  } as const
  for (const verb of Object.keys(allowed) as (keyof typeof allowed)[])
    for (const version of allVersions)
      if (atLeast(version, allowed[verb]))
        t.doesNotThrow(() => requireVerb(version, verb), `${verb} ${version}`)
      else
        t.same(await cniErrorOf(() => requireVerb(version, verb)), {
          code: 1,
          msg: `config version does not allow ${verb}`,
          details: `cniVersion is "${version}", ${verb} needs "${allowed[verb]}" or later`,
        })
})

type Form = 'old' | 'middle' | 'new'
type Level = 'old' | 'middle' | 'full'

/** How the documents of a version look, and how much they can hold. */
const forms: Record<string, { form: Form; level: Level }> = {
  '0.1.0': { form: 'old', level: 'old' },
  '0.2.0': { form: 'old', level: 'old' },
  '0.3.0': { form: 'middle', level: 'middle' },
  '0.3.1': { form: 'middle', level: 'middle' },
  '0.4.0': { form: 'middle', level: 'middle' },
  '1.0.0': { form: 'new', level: 'middle' },
  '1.1.0': { form: 'new', level: 'full' },
}
const levels: Level[] = ['old', 'middle', 'full']

t.test('every version into every other', async t => {
  const golden = JSON.parse(readFileSync(goldenFile, 'utf8')) as Record<Level, Record<Form, JsonObject>>
  for (const from of allVersions)
    for (const to of allVersions) {
      const lower = Math.min(levels.indexOf(forms[from]!.level), levels.indexOf(forms[to]!.level))
      const source = { cniVersion: from, ...golden[forms[from]!.level][forms[from]!.form] }
      const want = { cniVersion: to, ...golden[levels[lower]!][forms[to]!.form] }
      t.strictSame(printResult(parseResult(source, from), to), want, `${from} to ${to}`)
    }
})

t.test('forms of nothing', async t => {
  for (const version of ['0.3.0', '0.3.1', '0.4.0'])
    t.strictSame(printResult(emptyResult, version), { cniVersion: version, dns: {} })
  for (const version of ['1.0.0', '1.1.0'])
    t.strictSame(printResult(emptyResult, version), { cniVersion: version })
  for (const version of allVersions) t.strictSame(parseResult({}, version), emptyResult, version)
  const one: Result = { ...emptyResult, ips: [{ address: Prefix.parse('fd00::5/64') }] }
  t.strictSame(printResult(one, '0.2.0'), { cniVersion: '0.2.0', ip6: { ip: 'fd00::5/64' }, dns: {} })
})

t.test('what does not fit into the oldest versions', async t => {
  const ips = (...texts: string[]) => texts.map(text => ({ address: Prefix.parse(text) }))
  for (const version of ['0.1.0', '0.2.0']) {
    t.same(await cniErrorOf(() => printResult(emptyResult, version)), {
      code: 1,
      msg: 'cannot convert: no valid IP addresses',
      details: `a result of CNI version ${version} must hold an address; use cniVersion 0.3.0 or later`,
    })
    t.same(
      await cniErrorOf(() =>
        printResult({ ...emptyResult, ips: ips('10.0.0.1/8', 'fd00::1/64', '10.0.0.2/8') }, version),
      ),
      { code: 1, msg: `CNI version ${version} does not support more than 1 address per family` },
    )
    t.doesNotThrow(() => requireAddresses(version, [4, 6]))
    t.throws(() => requireAddresses(version, [6, 6]))
  }
  t.doesNotThrow(() => requireAddresses('0.3.0', [6, 6]))
  // Routes of a family without an address have no place either, and go unsaid.
  const routes = [{ dst: Prefix.parse('::/0') }, { dst: Prefix.parse('0.0.0.0/0') }]
  t.strictSame(printResult({ ...emptyResult, ips: ips('10.0.0.1/8'), routes }, '0.2.0').ip4, {
    ip: '10.0.0.1/8',
    routes: [{ dst: '0.0.0.0/0' }],
  })
})

t.test('versions of documents', async t => {
  const old = { ip4: { ip: '10.0.0.1/8' } }
  t.equal(parseResult(old, '0.2.0').ips.length, 1, "without a version: the configuration's")
  t.equal(parseResult({ ...old, cniVersion: '' }, '0.1.0').ips.length, 1)
  t.equal(parseResult({ ...old, cniVersion: '0.2.0' }, '1.0.0').ips.length, 1, 'its own version counts')
  t.equal(parseResult({ ...old, CNIVERSION: '0.2.0' }, '1.0.0').ips.length, 1)
  t.same(await cniErrorOf(() => parseResult({ cniVersion: '9.9.9' }, '1.0.0')), {
    code: 7,
    msg: 'no converter for CNI result version 9.9.9 to 1.1.0',
    details: 'prevResult has cniVersion "9.9.9"',
  })
  t.same((await cniErrorOf(() => parseResult({}, 'x'))).msg, 'no converter for CNI result version x to 1.1.0')
  t.same(await cniErrorOf(() => printResult(emptyResult, '1.2.0')), {
    code: 1,
    msg: 'no converter for CNI result version 1.1.0 to 1.2.0',
  })
})

t.test('liberal in what it reads', async t => {
  const parsed = parseResult(
    {
      CNIVersion: '0.4.0',
      Interfaces: [{ NAME: 'eth0', Mac: '', mtu: 9000, sandbox: '', unknown: [] }],
      ips: [{ version: 6, address: '10.0.0.1/8', gateway: '', interface: -1 }],
      Routes: [{ DST: '10.9.0.0/16', GW: '', mtu: 0, priority: 7, table: 0 }],
      DNS: { Nameservers: null, search: [], domain: '' },
    },
    '0.4.0',
  )
  t.strictSame(JSON.parse(JSON.stringify(parsed)), {
    interfaces: [{ name: 'eth0', mtu: 9000 }],
    ips: [{ address: '10.0.0.1/8' }],
    routes: [{ dst: '10.9.0.0/16', priority: 7, table: 0 }],
    dns: {},
  })
  t.strictSame(parseResult({ ips: null, interfaces: null, dns: null }, '1.0.0'), emptyResult)
})

t.test('errors', async t => {
  const bad: [unknown, string, number, string][] = [
    [5, '1.0.0', 6, 'invalid value for "prevResult": expected an object, got 5'],
    [[], '1.0.0', 6, 'invalid value for "prevResult": expected an object, got []'],
    [{ cniVersion: 1 }, '1.0.0', 7, 'invalid value for "prevResult.cniVersion": expected a string, got 1'],
    [{ ips: {} }, '1.0.0', 7, 'invalid value for "prevResult.ips": expected an array, got {}'],
    [
      { ips: [{}] },
      '1.0.0',
      7,
      'missing value for "prevResult.ips[0].address": expected an address in CIDR notation',
    ],
    [
      { ips: [{ address: '10.0.0.1' }] },
      '0.3.0',
      7,
      'invalid value for "prevResult.ips[0].address": expected an address in CIDR notation, got "10.0.0.1"',
    ],
    [
      { ips: [{ address: '10.0.0.1/8', gateway: 'x' }] },
      '1.1.0',
      7,
      'invalid value for "prevResult.ips[0].gateway": expected an IP address, got "x"',
    ],
    [
      { ip4: { ip: 'x' } },
      '0.2.0',
      7,
      'invalid value for "prevResult.ip4.ip": expected an address in CIDR notation, got "x"',
    ],
    [
      { routes: [{ dst: '0.0.0.0/0', mtu: -1 }] },
      '1.1.0',
      7,
      'invalid value for "prevResult.routes[0].mtu": expected an integer between 0 and 4294967295, got -1',
    ],
    [
      { interfaces: [{}] },
      '1.1.0',
      7,
      'missing value for "prevResult.interfaces[0].name": expected a non-empty string',
    ],
    [{ dns: [] }, '1.1.0', 7, 'invalid value for "prevResult.dns": expected an object, got []'],
  ]
  for (const [json, version, code, msg] of bad)
    t.same(await cniErrorOf(() => parseResult(json, version)), { code, msg }, JSON.stringify(json))
})

t.test('the reference prints the same', { skip: needs('reference-plugins') }, async t => {
  for (const version of allVersions.filter(version => version !== '1.1.0')) {
    const conf = {
      cniVersion: version,
      name: 'net',
      type: 'static',
      ipam: {
        type: 'static',
        addresses: [{ address: '10.1.2.3/24', gateway: '10.1.2.1' }, { address: 'fd00::5/64' }],
        routes: [{ dst: '0.0.0.0/0' }, { dst: 'fd01::/16', gw: 'fd00::1' }],
        dns: { nameservers: ['1.1.1.1'] },
      },
    }
    const env = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'a', CNI_NETNS: '/x', CNI_IFNAME: 'e', CNI_PATH: '/x' }
    const { stdout } = spawnSync(`${referenceDir}/static`, {
      env,
      input: JSON.stringify(conf),
      encoding: 'utf8',
    })
    const theirs = JSON.parse(stdout)
    t.strictSame(printResult(parseResult(theirs, version), version), theirs, version)
  }
})
