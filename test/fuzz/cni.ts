// Mutation fuzz of all that comes in by stdin: whatever the bytes, only CniErrors come out, and never the unforeseen 999.
// Deterministic: the seed is fixed, or PLUMBLINE_FUZZ_SEED; PLUMBLINE_FUZZ_RUNS makes it longer.
import t from 'tap'
import * as v from 'valibot'
import type { JsonValue } from '../../cni/call.js'
import { handle } from '../../cni/door.js'
import { CniError } from '../../cni/error.js'
import { JsonSyntaxError, parseJson } from '../../cni/json-text.js'
import { allVersions } from '../../cni/plugin.js'
import { parseResult } from '../../cni/result-parse.js'
import { printResult } from '../../cni/result-print.js'
import { decode, flag, integer, ip, mac, nonEmpty, oneOf, prefix, text } from '../../cni/schema.js'
import { hostOf, rawCall, recordingPlugin } from '../helpers/calls.js'

const seed = Number(process.env.PLUMBLINE_FUZZ_SEED ?? 20261121)
const runs = Number(process.env.PLUMBLINE_FUZZ_RUNS ?? 3000)

/** mulberry32: integers below `n`, the same sequence for the same seed. */
function makeRandom(state: number): (n: number) => number {
  return n => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) % n
  }
}

const documents = [
  {
    cniVersion: '1.1.0',
    name: 'net',
    type: 'fake',
    mtu: 1500,
    isGateway: true,
    mac: '02:00:00:00:00:01',
    mode: 'l2',
    ranges: [[{ subnet: '10.0.0.0/24', gateway: '10.0.0.1' }], [{ subnet: 'fd00::/64' }]],
    sysctl: { 'net.ipv4.conf.eth0.arp_notify': '1' },
    trunk: [{ id: 5 }, { minID: 6, maxID: 9 }],
    args: { cni: { ips: ['10.0.0.9'] } },
    runtimeConfig: { mac: '02:00:00:00:00:02' },
    'cni.dev/valid-attachments': [{ containerID: 'a', ifname: 'eth0' }],
    prevResult: {
      cniVersion: '1.1.0',
      interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', mtu: 1500, sandbox: '/run/netns/x' }],
      ips: [{ address: '10.0.0.5/24', gateway: '10.0.0.1', interface: 0 }, { address: 'fd00::5/64' }],
      routes: [{ dst: '0.0.0.0/0', gw: '10.0.0.1', mtu: 1400, table: 0, scope: 253 }],
      dns: { nameservers: ['1.1.1.1'], domain: 'x', search: ['y'], options: ['ndots:1'] },
    },
  },
  {
    cniVersion: '0.2.0',
    name: 'old',
    type: 'fake',
    prevResult: {
      ip4: { ip: '10.0.0.5/24', gateway: '10.0.0.1', routes: [{ dst: '0.0.0.0/0' }] },
      ip6: { ip: 'fd00::5/64', routes: [{ dst: '::/0', gw: 'fd00::1' }] },
      dns: {},
    },
  },
] satisfies JsonValue[]

const schema = v.object({
  name: nonEmpty(),
  mtu: v.exactOptional(integer(0, 65535)),
  isGateway: v.exactOptional(flag()),
  mac: v.exactOptional(mac()),
  mode: v.exactOptional(oneOf(['l2', 'l3'])),
  ranges: v.exactOptional(v.array(v.array(v.object({ subnet: prefix(), gateway: v.exactOptional(ip()) })))),
  sysctl: v.exactOptional(v.record(v.string(), text())),
  trunk: v.exactOptional(
    v.array(v.union([v.object({ minID: integer(0), maxID: integer(0) }), v.object({ id: integer(0) })])),
  ),
})

const oddValues: JsonValue[] = [
  null,
  true,
  '',
  'x',
  '10.0.0.0/33',
  '::/129',
  '1.2.3.4/24/5',
  '::ffff:1.2.3.4',
  'fe80::1%eth0',
  '9.9.9',
  '0.3.0',
  '\u0000',
  '\ud800',
  0,
  -1,
  1.5,
  1e300,
  -0,
  [],
  {},
  [[]],
  [null],
  { name: 'net' },
  [{}],
]
const oddKeys = [
  'NAME',
  'cniversion',
  'PrevResult',
  '__proto__',
  'constructor',
  'toString',
  'IP4',
  'ips',
  'Mtu',
  '',
  'ſ',
]
const oddBytes = [0, 0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d, 0x2c, 0x3a, 0x2d, 0x2e, 0x30, 0x65, 0x80, 0xc3, 0xff]

type Random = (n: number) => number

/** A copy with one to three values, keys or elements changed, anywhere. */
function mutateJson(random: Random, value: JsonValue, budget: number): JsonValue {
  if (budget > 0 && random(6) === 0) return structuredClone(oddValues[random(oddValues.length)]!)
  if (Array.isArray(value)) {
    const out = value.map(item => (random(value.length) === 0 ? mutateJson(random, item, budget) : item))
    if (random(8) === 0) out.push(oddValues[random(oddValues.length)]!)
    return out
  }
  if (typeof value !== 'object' || value === null)
    return random(3) === 0 ? oddValues[random(oddValues.length)]! : value
  const entries = Object.entries(value).map(([key, item]): [string, JsonValue] => {
    const name =
      random(20) === 0 ? oddKeys[random(oddKeys.length)]! : random(20) === 0 ? key.toUpperCase() : key
    return [name, random(3) === 0 ? mutateJson(random, item, budget) : item]
  })
  if (random(10) === 0) entries.splice(random(entries.length + 1), 1)
  return Object.fromEntries(entries)
}

/** A copy with a few bytes changed, taken out, put in, or cut off. */
function mutateBytes(random: Random, bytes: Buffer): Buffer {
  let out = Buffer.from(bytes)
  for (let n = 1 + random(3); n > 0; n--) {
    const at = random(out.length + 1)
    const odd = Buffer.of(oddBytes[random(oddBytes.length)]!)
    const change = random(5)
    if (change === 0) out = out.subarray(0, at)
    else if (change === 1) out = Buffer.concat([out.subarray(0, at), odd, out.subarray(at)])
    else if (change === 2) out = Buffer.concat([out.subarray(0, at), out.subarray(at + 1 + random(8))])
    else if (change === 3) out = Buffer.concat([out.subarray(0, at), odd, out.subarray(at + 1)])
    else out = Buffer.concat([out, out.subarray(at, at + 1 + random(20))])
  }
  return out
}

/** Everything the mutants go through ends in a value or in a CniError. */
function survives(name: string, work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof CniError)) throw new Error(`${name}: ${String(error)}`, { cause: error })
    if (error.message.length > 400)
      throw new Error(`${name}: a message of ${error.message.length} characters`)
  }
}

t.test('bytes', async t => {
  const random = makeRandom(seed)
  const whole = documents.map(document => Buffer.from(JSON.stringify(document, undefined, random(3))))
  let valid = 0
  for (let i = 0; i < runs; i++) {
    const source = mutateBytes(random, whole[random(whole.length)]!).toString()
    let want: unknown
    let isValid = true
    try {
      want = JSON.parse(source)
      valid++
    } catch {
      isValid = false
    }
    try {
      const got = parseJson(source)
      if (!isValid || JSON.stringify(got) !== JSON.stringify(want)) t.fail(`took ${source}`)
    } catch (error) {
      if (isValid || !(error instanceof JsonSyntaxError)) t.fail(`refused ${source}: ${error}`)
      else if (error.message.endsWith('expected the end') && error.message.startsWith('unexpected end'))
        t.fail(`found nothing wrong in ${source}`)
    }
  }
  t.ok(valid > runs / 50 && valid < runs, `${valid} of ${runs} mutants are still JSON`)
})

t.test('values', async t => {
  const random = makeRandom(seed + 1)
  let parsed = 0
  for (let i = 0; i < runs; i++) {
    const document = mutateJson(random, documents[random(2)]!, 1)
    const source = JSON.stringify(document)
    survives(`decode ${source}`, () => decode(schema, document, random(2) === 0 ? '' : 'here'))
    const previous = (document as { prevResult?: JsonValue } | null)?.prevResult ?? document
    const version = allVersions[random(allVersions.length)]!
    survives(`parseResult ${JSON.stringify(previous)} as ${version}`, () => {
      const result = parseResult(previous, version)
      for (const to of allVersions)
        survives(`printResult to ${to}`, () => {
          const printed = printResult(result, to)
          const again = printResult(parseResult(printed, to), to)
          if (JSON.stringify(again) !== JSON.stringify(printed))
            throw new Error('a second trip changes the result')
        })
      parsed++
    })
  }
  t.ok(parsed > runs / 20 && parsed < runs, `${parsed} of ${runs} mutants are still results`)
})

t.test('the whole door', async t => {
  const random = makeRandom(seed + 2)
  const codes = new Map<number, number>()
  const host = hostOf(
    recordingPlugin('fake', { parse: call => decode(schema, call.config.raw, ''), versions: allVersions }),
  )
  const verbs = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS']
  for (let i = 0; i < runs; i++) {
    const mutant = Buffer.from(JSON.stringify(mutateJson(random, documents[random(2)]!, 1)))
    const stdin = random(3) === 0 ? mutateBytes(random, mutant) : mutant
    const env = {
      CNI_COMMAND: verbs[random(verbs.length)],
      CNI_CONTAINERID: 'box',
      CNI_IFNAME: 'eth0',
      CNI_NETNS: '/nowhere/at/all',
      CNI_PATH: '/nowhere',
    }
    const { exitCode, stdout } = await handle(rawCall(env, stdin), host)
    const { code, msg } = exitCode === 0 ? { code: 0, msg: '' } : JSON.parse(stdout)
    if (code === 999) t.fail(`999 ${msg} for ${env.CNI_COMMAND} ${stdin}`)
    codes.set(code, (codes.get(code) ?? 0) + 1)
  }
  for (const code of [0, 1, 3, 6, 7])
    t.ok(codes.has(code), `code ${code} was reached ${codes.get(code)} times`)
})
