// Standard input: from bytes to the configuration's common keys, with errors that say where.
import t from 'tap'
import type { Verb } from '../../cni/call.js'
import { decodeInput } from '../../cni/decode.js'
import { parseJson } from '../../cni/json-text.js'
import { cniErrorOf } from '../helpers/calls.js'

const input = (text: string | Uint8Array, verb: Verb = 'ADD') =>
  decodeInput(() => (typeof text === 'string' ? Buffer.from(text) : text), verb)

t.test('common keys', async t => {
  t.same(input('{"name":"n"}'), {
    config: {
      cniVersion: '0.1.0',
      name: 'n',
      type: '',
      runtimeConfig: {},
      args: {},
      raw: { name: 'n' },
      text: '{"name":"n"}',
    },
    prevResult: undefined,
    validAttachments: [],
  })
  const document = {
    cniVersion: '1.0.0',
    name: 'my.net-1_x',
    type: 'bridge',
    args: { cni: { ips: ['1.2.3.4'] } },
    runtimeConfig: { mac: '02:00:00:00:00:01' },
    bridge: 'br0',
    capabilities: { mac: true },
  }
  const text = JSON.stringify({ ...document, prevResult: { ips: [] } })
  const { config, prevResult } = input(text)
  t.same(config, {
    cniVersion: '1.0.0',
    name: 'my.net-1_x',
    type: 'bridge',
    runtimeConfig: document.runtimeConfig,
    args: document.args,
    raw: document,
    text,
  })
  t.same(prevResult, { ips: [] })
})

t.test('keys as Go matches them', async t => {
  const { config, prevResult } = input(
    '{"NAME":"n","CniVersion":"0.4.0","RuntimeConfig":{"a":1},"ARGS":{"b":2},"PREVRESULT":{"c":3},"Type":"t"}',
  )
  t.match(config, { name: 'n', cniVersion: '0.4.0', type: 't', runtimeConfig: { a: 1 }, args: { b: 2 } })
  t.same(prevResult, { c: 3 })
  t.notOk('PREVRESULT' in config.raw)
  t.equal(input('{"name":"a","Name":"b"}').config.name, 'b', 'the last wins')
  t.equal(input('{"name":"a","name":"b"}').config.name, 'b')
  t.equal(input('{"name":"a","NAME":null}').config.name, 'a', 'null is absent')
  t.same(input('{"name":"n","runtimeConfig":null,"args":null,"type":null}').config.args, {})
  t.equal(input('{"name":"n","prevResult":null}').prevResult, undefined)
  t.equal(input('{"name":"n","runtimeConfiG":{"x":1},"typ\u212A":1}').config.type, '')
  t.same(input('{"name":"n","arg\u017f":{"x":1}}').config.args, { x: 1 }, 'the long s folds to s')
})

t.test('bytes', async t => {
  t.equal(input('\ufeff{"name":"marked"}').config.name, 'marked', 'byte order mark')
  t.equal(input(' \r\n\t{"name":"n"}\n').config.name, 'n')
  const latin = Buffer.concat([
    Buffer.from('{"name":"n","x":"'),
    Buffer.from([0xe4, 0xff]),
    Buffer.from('"}'),
  ])
  t.same(input(latin).config.raw.x, '\ufffd\ufffd', 'invalid UTF-8 becomes U+FFFD')
  const offset = new Uint8Array([1, 2, 3, ...Buffer.from('{"name":"n"}'), 4]).subarray(3, -1)
  t.equal(input(offset).config.name, 'n', 'a view into a larger buffer')
  t.equal(Object.getPrototypeOf(input('{"name":"n","__proto__":{"x":1}}').config.raw), Object.prototype)
})

t.test('errors', async t => {
  const bad: [text: string, code: number, msg: string, details?: string][] = [
    ['', 6, 'error unmarshall network config: unexpected end at line 1 column 1, expected a value'],
    ['{', 6, 'error unmarshall network config: unexpected end at line 1 column 2, expected a key or "}"'],
    ['[]', 6, 'error unmarshall network config: expected an object, got an array'],
    ['null', 6, 'error unmarshall network config: expected an object, got null'],
    ['5', 6, 'error unmarshall network config: expected an object, got a number'],
    ['"x"', 6, 'error unmarshall network config: expected an object, got a string'],
    ['{}', 7, 'missing network name'],
    ['{"name":""}', 7, 'missing network name'],
    ['{"name":null}', 7, 'missing network name'],
    ['{"name":"-x"}', 7, 'invalid characters found in network name', '-x'],
    ['{"name":"a/b"}', 7, 'invalid characters found in network name', 'a/b'],
    ['{"name":".."}', 7, 'invalid characters found in network name', '..'],
    ['{"name":5}', 7, 'invalid value for "name": expected a string, got 5'],
    ['{"name":"n","cniVersion":1}', 7, 'invalid value for "cniVersion": expected a string, got 1'],
    ['{"name":"n","type":[]}', 7, 'invalid value for "type": expected a string, got []'],
    ['{"name":"n","runtimeConfig":[1]}', 7, 'invalid value for "runtimeConfig": expected an object, got [1]'],
    ['{"name":"n","args":"x"}', 7, 'invalid value for "args": expected an object, got "x"'],
  ]
  for (const [text, code, msg, details] of bad)
    t.same(await cniErrorOf(() => input(text)), { code, msg, ...(details ? { details } : {}) }, text)

  t.same(
    await cniErrorOf(() =>
      decodeInput(() => {
        throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' })
      }, 'ADD'),
    ),
    { code: 5, msg: 'error reading from stdin: EIO: i/o error, read' },
  )
  t.same(await cniErrorOf(() => input(new Uint8Array(4 * 1024 * 1024 + 1))), {
    code: 5,
    msg: 'error reading from stdin: more than the limit of 4194304 bytes',
  })
})

t.test('valid attachments', async t => {
  const attachments = (keys: object) =>
    input(JSON.stringify({ name: 'n', cniVersion: '1.1.0', ...keys }), 'GC').validAttachments
  const list = [
    { containerID: 'a', ifname: 'eth0' },
    { containerID: 'b', ifname: 'eth1' },
  ]
  const want = [
    { containerId: 'a', ifname: 'eth0' },
    { containerId: 'b', ifname: 'eth1' },
  ]
  t.same(attachments({ 'cni.dev/valid-attachments': list }), want)
  t.same(attachments({ 'cni.dev/attachments': list }), want, 'the old key')
  t.same(attachments({ 'cni.dev/valid-attachments': null, 'cni.dev/attachments': list }), want)
  t.same(attachments({ 'cni.dev/valid-attachments': list, 'cni.dev/attachments': [] }), want)
  t.same(attachments({ 'cni.dev/valid-attachments': [] }), [])
  t.same(attachments({ 'cni.dev/valid-attachments': null }), [], 'libcni sends null for none')
  t.same(attachments({ 'CNI.dev/Valid-Attachments': [{ ContainerId: 'a', IfName: 'e' }] }), [
    { containerId: 'a', ifname: 'e' },
  ])
  t.same(await cniErrorOf(() => attachments({})), {
    code: 7,
    msg: 'missing value for "cni.dev/valid-attachments"',
    details: 'GC needs it; null or [] is none',
  })
  const wrong: [unknown, string][] = [
    [{}, 'invalid value for "cni.dev/valid-attachments": expected an array, got {}'],
    [[5], 'invalid value for "cni.dev/valid-attachments[0]": expected an object, got 5'],
    [[{}], 'missing value for "cni.dev/valid-attachments[0].containerID": expected a non-empty string'],
    [
      [{ containerID: 'a', ifname: '' }],
      'invalid value for "cni.dev/valid-attachments[0].ifname": expected a non-empty string, got ""',
    ],
  ]
  for (const [value, msg] of wrong)
    t.same(await cniErrorOf(() => attachments({ 'cni.dev/valid-attachments': value })), { code: 7, msg })
  t.same(
    input('{"name":"n","cni.dev/valid-attachments":"junk"}', 'ADD').validAttachments,
    [],
    'other verbs do not care',
  )
})

t.test('places of syntax errors', async t => {
  const bad: [text: string, message: string][] = [
    ['{"a":1,}', 'unexpected character at line 1 column 8, expected a key'],
    ['{"a":1\n "b":2}', 'unexpected character at line 2 column 2, expected "," or "}"'],
    ['{"a" 1}', 'unexpected character at line 1 column 6, expected ":"'],
    ['{a:1}', 'unexpected character at line 1 column 2, expected a key or "}"'],
    ['[1,2', 'unexpected end at line 1 column 5, expected "," or "]"'],
    ['[1,]', 'unexpected character at line 1 column 4, expected a value'],
    ['[1 2]', 'unexpected character at line 1 column 4, expected "," or "]"'],
    ['{"a":[{"b":tru}]}', 'unexpected character at line 1 column 12, expected a value'],
    ['{"a":"x\ny"}', 'unexpected character at line 1 column 8, expected the rest of a string'],
    ['{"a":"\\x"}', 'unexpected character at line 1 column 7, expected the rest of a string'],
    ['{"a":"x', 'unexpected end at line 1 column 8, expected the rest of a string'],
    ['{"a":01}', 'unexpected character at line 1 column 7, expected "," or "}"'],
    ['{"a":-}', 'unexpected character at line 1 column 6, expected a value'],
    ['{"a":1.}', 'unexpected character at line 1 column 7, expected "," or "}"'],
    ["{'a':1}", 'unexpected character at line 1 column 2, expected a key or "}"'],
    ['{}\n\n{}', 'unexpected character at line 3 column 1, expected the end'],
    ['\u00a0{}', 'unexpected character at line 1 column 1, expected a value'],
    ['{"secret":"hunter2" oops}', 'unexpected character at line 1 column 21, expected "," or "}"'],
  ]
  for (const [text, message] of bad) {
    t.throws(() => JSON.parse(text), `${text} is no JSON`)
    t.throws(() => parseJson(text), { message }, text)
  }
})

t.test('depth', async t => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  t.doesNotThrow(() => parseJson(nested(1000)))
  t.doesNotThrow(
    () => parseJson(`"${'['.repeat(5000)}\\"${'{'.repeat(5000)}"`),
    'brackets in strings do not count',
  )
  t.throws(() => parseJson(nested(1001)), { message: 'nested deeper than 1000 levels' })
  t.throws(() => parseJson('['.repeat(100_000)), { message: 'nested deeper than 1000 levels' })
  t.same((await cniErrorOf(() => input(`{"name":"n","x":${nested(2000)}}`))).code, 6)
})
