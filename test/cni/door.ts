// The door from end to end: what reaches a plugin, what is refused before it, and what the caller reads.

import { spawnSync } from 'node:child_process'
import { fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import t, { type Test } from 'tap'
import type { JsonObject, RawCall, Reply } from '../../cni/call.js'
import { handle } from '../../cni/door.js'
import { CniCode, CniError } from '../../cni/error.js'
import { toCniError } from '../../cni/failure.js'
import { allVersions, type Host, type Plugin } from '../../cni/plugin.js'
import type { Result } from '../../cni/result.js'
import { KernelError } from '../../kernel/error.js'
import { createNetns, netnsIdentity, removeNetns } from '../../kernel/netns.js'
import { Prefix } from '../../wire/ip.js'
import { hostOf, rawCall, recordingPlugin } from '../helpers/calls.js'
import { needs } from '../helpers/needs.js'

const result: Result = {
  interfaces: [{ name: 'eth0', mtu: 1500, sandbox: '/x' }],
  ips: [{ address: Prefix.parse('10.0.0.5/24'), interface: 0 }],
  routes: [],
  dns: {},
}

const base = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'box',
  CNI_NETNS: '/nowhere/at/all',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
}
const conf = (keys: JsonObject = {}) =>
  JSON.stringify({ cniVersion: '1.1.0', name: 'net', type: 'fake', ...keys })
const delEnv = { ...base, CNI_COMMAND: 'DEL', CNI_NETNS: '' }

/** The error document of a reply that must be one. */
function error(reply: Reply): JsonObject {
  if (reply.exitCode !== 1 || reply.stderr !== undefined || !reply.stdout.endsWith('\n'))
    throw new Error(`no failure: ${JSON.stringify(reply)}`)
  return JSON.parse(reply.stdout)
}

/** A namespace of its own, and the plugin's calls. */
function netnsPath(t: Test): string {
  const dir = mkdtempSync(`${tmpdir()}/plumbline-door-`)
  const path = `${dir}/netns`
  createNetns(path)
  t.teardown(() => {
    removeNetns(path)
    rmSync(dir, { recursive: true })
  })
  return path
}

const unread = () => {
  throw new Error('stdin was read')
}

t.test('VERSION and the about text read no stdin', async t => {
  const host = hostOf(recordingPlugin('fake'), recordingPlugin('young', { versions: ['1.0.0', '1.1.0'] }))
  t.same(await handle(rawCall({ CNI_COMMAND: 'VERSION' }, unread), host), {
    exitCode: 0,
    stdout:
      '{"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}\n',
  })
  t.same(
    (await handle(rawCall({ CNI_COMMAND: 'VERSION' }, unread, { plugin: 'young' }), host)).stdout,
    '{"cniVersion":"1.1.0","supportedVersions":["1.0.0","1.1.0"]}\n',
  )
  for (const env of [{}, { CNI_COMMAND: '' }])
    t.same(await handle(rawCall(env, unread), host), {
      exitCode: 0,
      stdout: '',
      stderr: `fake for tests\nCNI protocol versions supported: ${allVersions.join(', ')}\n`,
    })
})

t.test('refused before a plugin is asked to act', async t => {
  const dir = t.testdir({ file: 'no namespace', empty: '', directory: {} })
  const env = (more: Record<string, string>) => ({ ...base, ...more })
  const cases: [string, Record<string, string | undefined>, string, JsonObject][] = [
    ['unknown command', env({ CNI_COMMAND: 'NOPE' }), '', { code: 4, msg: 'unknown CNI_COMMAND: NOPE' }],
    [
      'missing variables',
      { CNI_COMMAND: 'ADD' },
      '',
      { code: 4, msg: 'required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH] missing' },
    ],
    [
      'container ID',
      env({ CNI_CONTAINERID: '../x' }),
      '',
      { code: 4, msg: 'invalid characters in containerID', details: '../x' },
    ],
    [
      'ifname',
      env({ CNI_IFNAME: 'a/b' }),
      '',
      { code: 4, msg: 'interface name contains / or : or whitespace characters' },
    ],
    ['environment before stdin', env({ CNI_IFNAME: '..' }), '{', { code: 4 }],
    [
      'no JSON',
      env({}),
      '{"name":"net"',
      { code: 6, msg: /^error unmarshall network config: unexpected end at line 1/ as never },
    ],
    ['no name', env({}), '{}', { code: 7, msg: 'missing network name' }],
    ['name before version', env({}), '{"cniVersion":"9.9.9"}', { code: 7 }],
    [
      'unknown version',
      env({}),
      conf({ cniVersion: '9.9.9' }),
      { code: 1, msg: 'incompatible CNI versions', cniVersion: '1.1.0' },
    ],
    [
      'CHECK too early',
      env({ CNI_COMMAND: 'CHECK' }),
      conf({ cniVersion: '0.3.1' }),
      { code: 1, msg: 'config version does not allow CHECK', cniVersion: '0.3.1' },
    ],
    [
      'GC too early',
      env({ CNI_COMMAND: 'GC' }),
      conf({ cniVersion: '1.0.0', 'cni.dev/valid-attachments': [] }),
      { code: 1, msg: 'config version does not allow GC' },
    ],
    [
      'STATUS too early',
      env({ CNI_COMMAND: 'STATUS' }),
      conf({ cniVersion: '1.0.0' }),
      { code: 1, msg: 'config version does not allow STATUS' },
    ],
    [
      'GC without a list',
      env({ CNI_COMMAND: 'GC' }),
      conf(),
      { code: 7, msg: 'missing value for "cni.dev/valid-attachments"' },
    ],
    [
      'CHECK without prevResult',
      env({ CNI_COMMAND: 'CHECK' }),
      conf(),
      { code: 7, msg: 'required prevResult missing' },
    ],
    [
      'prevResult of a wrong kind',
      env({}),
      conf({ prevResult: 5 }),
      { code: 6, msg: 'invalid value for "prevResult": expected an object, got 5' },
    ],
    [
      'prevResult with a wrong value',
      env({}),
      conf({ prevResult: { ips: [{ address: 'x' }] } }),
      {
        code: 7,
        msg: 'invalid value for "prevResult.ips[0].address": expected an address in CIDR notation, got "x"',
      },
    ],
    [
      'prevResult of an unknown version',
      env({}),
      conf({ prevResult: { cniVersion: '2.0.0' } }),
      { code: 7, msg: 'no converter for CNI result version 2.0.0 to 1.1.0' },
    ],
    ['configuration', env({}), conf({ refuse: true }), { code: 7, msg: 'refused' }],
    ['configuration before namespace', env({ CNI_NETNS: '/gone' }), conf({ refuse: true }), { code: 7 }],
    [
      'namespace gone',
      env({}),
      conf(),
      { code: 3, msg: 'CNI_NETNS /nowhere/at/all does not exist', details: 'the container is gone' },
    ],
    ['namespace gone at CHECK', env({ CNI_COMMAND: 'CHECK' }), conf({ prevResult: {} }), { code: 3 }],
    ['below a file', env({ CNI_NETNS: `${dir}/file/x` }), conf(), { code: 3 }],
    [
      'a file',
      env({ CNI_NETNS: `${dir}/file` }),
      conf(),
      { code: 4, msg: `CNI_NETNS ${dir}/file is not a network namespace` },
    ],
    ['an empty file', env({ CNI_NETNS: `${dir}/empty` }), conf(), { code: 4 }],
    ['a file at DEL', env({ CNI_COMMAND: 'DEL', CNI_NETNS: `${dir}/file` }), conf(), { code: 4 }],
    ['a directory', env({ CNI_NETNS: `${dir}/directory` }), conf(), { code: 4 }],
    ['a device', env({ CNI_NETNS: '/dev/null' }), conf(), { code: 4 }],
    [
      'another kind of namespace',
      env({ CNI_NETNS: '/proc/self/ns/mnt' }),
      conf(),
      { code: 4, msg: 'CNI_NETNS /proc/self/ns/mnt is not a network namespace' },
    ],
    [
      'our own namespace',
      env({ CNI_NETNS: '/proc/self/ns/net' }),
      conf(),
      { code: 8, msg: "plugin's netns and netns from CNI_NETNS should not be the same" },
    ],
    [
      'our own namespace at DEL',
      env({ CNI_COMMAND: 'DEL', CNI_NETNS: '/proc/self/ns/net' }),
      conf(),
      { code: 8 },
    ],
    [
      'our own namespace at CHECK',
      env({ CNI_COMMAND: 'CHECK', CNI_NETNS: '/proc/self/ns/net' }),
      conf({ prevResult: {} }),
      { code: 8 },
    ],
    [
      'not quite an override',
      env({ CNI_NETNS: '/proc/self/ns/net', CNI_NETNS_OVERRIDE: 'yes' }),
      conf(),
      { code: 8 },
    ],
  ]
  for (const [name, variables, stdin, want] of cases) {
    const plugin = recordingPlugin('fake', {
      parse(call) {
        if (call.config.raw.refuse) throw new CniError(7, 'refused')
      },
    })
    t.match(error(await handle(rawCall(variables, stdin), hostOf(plugin))), want, name)
    t.same(
      plugin.calls.filter(call => call.verb !== 'parse'),
      [],
      `${name}: nothing was done`,
    )
  }
})

t.test('paths that could hang or cannot be opened', { skip: needs('root') }, async t => {
  const dir = t.testdir({})
  spawnSync('mkfifo', [`${dir}/fifo`])
  const server = createServer().listen(`${dir}/socket`)
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const host = hostOf(recordingPlugin('fake'))
  for (const path of [`${dir}/fifo`, `${dir}/socket`, `/${'x'.repeat(300)}`])
    t.match(error(await handle(rawCall({ ...base, CNI_NETNS: path }, conf()), host)), {
      code: 4,
      msg: `CNI_NETNS ${path} is not a network namespace`,
    })
  t.match(error(await handle(rawCall(base, conf(), { netnsErrno: 13 }), host)), {
    code: 5,
    msg: 'cannot open CNI_NETNS /nowhere/at/all: EACCES',
  })
})

t.test('versions a plugin does not speak', async t => {
  const host = hostOf(recordingPlugin('fake', { versions: ['0.4.0', '1.0.0'] }))
  t.same(error(await handle(rawCall(delEnv, conf()), host)), {
    cniVersion: '1.1.0',
    code: 1,
    msg: 'incompatible CNI versions',
    details: 'config is "1.1.0", plugin supports ["0.4.0" "1.0.0"]',
  })
})

t.test('a plugin that is none of ours', async t => {
  const host = hostOf(recordingPlugin('fake'), recordingPlugin('other'))
  t.same(error(await handle(rawCall({ CNI_COMMAND: 'VERSION' }, unread, { plugin: 'launcher' }), host)), {
    cniVersion: '1.1.0',
    code: 4,
    msg: 'unknown plugin "launcher"',
    details: 'the executable was called by a name that is none of fake, other',
  })
})

t.test('ADD', { skip: needs('root') }, async t => {
  const path = netnsPath(t)
  const plugin = recordingPlugin('fake', { result })
  const env = { ...base, CNI_NETNS: path, CNI_ARGS: 'IgnoreUnknown=1', CNI_PATH: '/a:/b' }
  const prevResult = { cniVersion: '0.4.0', ips: [{ version: '4', address: '10.0.0.1/8' }] }
  const document = { cniVersion: '0.4.0', name: 'net', type: 'fake', key: 1, runtimeConfig: { mac: 'm' } }
  const reply = await handle(rawCall(env, JSON.stringify({ ...document, prevResult })), hostOf(plugin))
  t.equal(reply.exitCode, 0)
  t.same(JSON.parse(reply.stdout), {
    cniVersion: '0.4.0',
    interfaces: [{ name: 'eth0', sandbox: '/x' }],
    ips: [{ version: '4', address: '10.0.0.5/24', interface: 0 }],
    dns: {},
  })
  t.same(
    plugin.calls.map(call => call.verb),
    ['parse', 'ADD'],
  )
  const { call, config } = plugin.calls[1]!
  t.same(config, { parsedFor: 'ADD' })
  t.match(call, {
    verb: 'ADD',
    plugin: 'fake',
    containerId: 'box',
    ifname: 'eth0',
    netnsPath: path,
    args: 'IgnoreUnknown=1',
    path: ['/a', '/b'],
    env,
    config: { name: 'net', cniVersion: '0.4.0', raw: document },
    prevResult: { ips: [{ address: { length: 8 } }] },
    netns: { path, identity: netnsIdentity(path) },
    delegated: undefined,
  })
  t.throws(() => fstatSync(call.netns!.fd), { code: 'EBADF' }, 'closed after the call')
})

t.test('a namespace that comes with the call', { skip: needs('root') }, async t => {
  const path = netnsPath(t)
  const plugin = recordingPlugin('fake', { result })
  const closed = async (raw: (fd: number) => RawCall, host: Host = hostOf(plugin)) => {
    const fd = openSync(path, 'r')
    const reply = await handle(raw(fd), host)
    t.throws(() => fstatSync(fd), { code: 'EBADF' }, 'closed')
    return reply
  }
  const env = { ...base, CNI_NETNS: '/a/path/of/the/launcher' }
  t.equal((await closed(fd => rawCall(env, conf(), { netnsFd: fd }))).exitCode, 0)
  t.match(plugin.calls[1]?.call.netns, { path: '/a/path/of/the/launcher', identity: netnsIdentity(path) })

  t.equal((await closed(fd => rawCall(env, '{', { netnsFd: fd }))).exitCode, 1, 'closed after bad input')
  t.equal((await closed(fd => rawCall({ CNI_COMMAND: 'VERSION' }, unread, { netnsFd: fd }))).exitCode, 0)
  t.equal((await closed(fd => rawCall(env, conf(), { netnsFd: fd }), hostOf())).exitCode, 1)
  const failing = hostOf(recordingPlugin('fake', { add: () => Promise.reject(new Error('x')) }))
  t.equal((await closed(fd => rawCall(env, conf(), { netnsFd: fd }), failing)).exitCode, 1)
  const own = openSync('/proc/self/ns/net', 'r')
  t.match(error(await handle(rawCall(env, conf(), { netnsFd: own }), hostOf(plugin))), { code: 8 })
  t.match(
    error(await handle(rawCall(env, conf(), { netnsFd: openSync('/dev/null', 'r') }), hostOf(plugin))),
    { code: 4 },
  )
  t.match(error(await handle(rawCall(env, conf(), { netnsErrno: 2 }), hostOf(plugin))), { code: 3 })
  t.match(error(await handle(rawCall(env, conf(), { netnsFd: 999_999 }), hostOf(plugin))), { code: 5 })
})

t.test('the override', { skip: needs('root') }, async t => {
  for (const value of ['1', 'true', 'TRUE', 'True']) {
    const plugin = recordingPlugin('fake', { result })
    const env = { ...base, CNI_NETNS: '/proc/self/ns/net', CNI_NETNS_OVERRIDE: value }
    t.equal((await handle(rawCall(env, conf()), hostOf(plugin))).exitCode, 0, value)
  }
})

t.test('DEL makes do with little', async t => {
  const dir = t.testdir({ empty: '' })
  const run = async (env: Record<string, string>, stdin: string, plugin = recordingPlugin('fake')) => {
    const lines: string[] = []
    const raw = rawCall({ ...delEnv, ...env, PLUMBLINE_LOG: 'info' }, stdin, {
      stderr: line => lines.push(line),
    })
    t.same(await handle(raw, hostOf(plugin)), { exitCode: 0, stdout: '' })
    return { call: plugin.calls.at(-1)!, logs: lines.map(line => JSON.parse(line)) }
  }
  const plain = await run({}, conf())
  t.match(plain.call, {
    verb: 'DEL',
    config: { parsedFor: 'DEL' },
    call: { netns: undefined, netnsPath: '' },
  })
  t.same(plain.logs, [])

  const lost = await run({ CNI_NETNS: '/nowhere' }, conf())
  t.match(lost.call.call, { netns: undefined, netnsPath: '/nowhere' })
  t.match(lost.logs, [
    {
      level: 'info',
      msg: 'the namespace is gone; deleting what is outside of it',
      network: 'net',
      containerId: 'box',
      ifname: 'eth0',
      plugin: 'fake',
      verb: 'DEL',
    },
  ])
  t.match(
    (await run({ CNI_NETNS: `${dir}/empty` }, conf())).call.call,
    { netns: undefined },
    'the file an unmounted namespace leaves',
  )

  const invalid = await run(
    {},
    conf(),
    recordingPlugin('fake', {
      parse() {
        throw new CniError(7, 'bad ranges')
      },
    }),
  )
  t.equal(invalid.call.config, undefined)
  t.match(invalid.logs, [
    { level: 'warn', msg: 'the configuration is invalid; deleting what is on record', error: 'bad ranges' },
  ])

  const damaged = await run({}, conf({ prevResult: { ips: 'junk' } }))
  t.equal(damaged.call.call.prevResult, undefined)
  t.match(damaged.logs, [{ level: 'warn', msg: 'prevResult is invalid and ignored' }])
  t.match((await run({}, conf({ prevResult: { ips: [] } }))).call.call.prevResult, { ips: [] })
})

t.test('the other verbs', { skip: needs('root') }, async t => {
  const path = netnsPath(t)
  const run = async (verb: string, keys: JsonObject) => {
    const plugin = recordingPlugin('fake')
    const reply = await handle(
      rawCall({ ...base, CNI_NETNS: path, CNI_COMMAND: verb }, conf(keys)),
      hostOf(plugin),
    )
    t.same(reply, { exitCode: 0, stdout: '' })
    t.same(
      plugin.calls.map(call => call.verb),
      ['parse', verb],
    )
    return plugin.calls[1]!.call
  }
  t.match(await run('CHECK', { prevResult: { ips: [] } }), { prevResult: { ips: [] }, netns: { path } })
  t.match(await run('DEL', {}), { netns: { path }, prevResult: undefined })
  t.match(
    await run('GC', { 'cni.dev/valid-attachments': [{ containerID: 'a', ifname: 'e' }], prevResult: 'junk' }),
    {
      containerId: '',
      ifname: '',
      netns: undefined,
      prevResult: undefined,
      validAttachments: [{ containerId: 'a', ifname: 'e' }],
    },
  )
  t.match(await run('STATUS', { prevResult: 'junk' }), {
    containerId: '',
    netns: undefined,
    validAttachments: [],
  })
})

t.test('a result that the version cannot hold is taken back', { skip: needs('root') }, async t => {
  const env = { ...base, CNI_NETNS: netnsPath(t) }
  const plugin = recordingPlugin('fake', { result: { ...result, ips: [] } })
  t.match(error(await handle(rawCall(env, conf({ cniVersion: '0.2.0' })), hostOf(plugin))), {
    code: 1,
    msg: 'cannot convert: no valid IP addresses',
    cniVersion: '0.2.0',
  })
  t.same(
    plugin.calls.map(call => call.verb),
    ['parse', 'ADD', 'DEL'],
  )
  t.match(plugin.calls[2], {
    config: { parsedFor: 'ADD' },
    call: { verb: 'DEL', netns: { path: env.CNI_NETNS } },
  })

  const stuck = recordingPlugin('fake', {
    result: { ...result, ips: [] },
    del: () => Promise.reject(new Error('stuck')),
  })
  const lines: string[] = []
  const raw = rawCall(env, conf({ cniVersion: '0.2.0' }), { stderr: line => lines.push(line) })
  t.match(error(await handle(raw, hostOf(stuck))), { code: 1 })
  t.match(JSON.parse(lines[0]!), { msg: 'taking back the attachment failed', error: 'stuck' })
})

t.test('what plugins throw', async t => {
  const thrown = async (value: unknown) => {
    const lines: string[] = []
    const plugin = recordingPlugin('fake', { del: () => Promise.reject(value) })
    const reply = await handle(rawCall(delEnv, conf(), { stderr: line => lines.push(line) }), hostOf(plugin))
    return { ...error(reply), lines }
  }
  const fsError = (() => {
    try {
      writeFileSync('/proc/nowhere/x', '')
      return undefined
    } catch (error) {
      return error
    }
  })()
  const busy = new CniError(11, 'busy', 'try later')
  const kernel = new KernelError('link add', 'pl1', 17, { extack: 'name taken' })
  const loop = new AggregateError([])
  loop.errors.push(loop, loop)
  const cases: [string, unknown, JsonObject][] = [
    ['a CniError', busy, { code: 11, msg: 'busy', details: 'try later' }],
    ['a kernel error', kernel, { code: 103, msg: 'link add pl1: EEXIST: file exists: name taken' }],
    [
      'a kernel error with advice',
      new KernelError('nft', 'batch', 1),
      {
        code: 103,
        msg: 'nft batch: EPERM: operation not permitted',
        details: 'Plumbline needs root, or CAP_NET_ADMIN and CAP_SYS_ADMIN',
      },
    ],
    [
      'a file system error',
      fsError,
      { code: 5, msg: "ENOENT: no such file or directory, open '/proc/nowhere/x'" },
    ],
    ['an unforeseen error', new TypeError('x is not a function'), { code: 999, msg: 'x is not a function' }],
    ['an error without a text', new RangeError(), { code: 999, msg: 'RangeError' }],
    ['a string', 'oops', { code: 999, msg: 'thrown: oops' }],
    ['nothing', undefined, { code: 999, msg: 'thrown: undefined' }],
    ['an object', { a: 1 }, { code: 999, msg: 'thrown: {"a":1}' }],
    ['a symbol', Symbol('s'), { code: 999, msg: 'thrown: Symbol(s)' }],
    [
      'an unprintable object',
      {
        toJSON() {
          throw new Error('no')
        },
      },
      { code: 999, msg: 'an error that cannot be printed' },
    ],
    ['one of one', new AggregateError([busy], 'DEL failed'), { code: 11, msg: 'busy', details: 'try later' }],
    [
      'several alike',
      new AggregateError([kernel, kernel], 'DEL of x: both'),
      {
        code: 103,
        msg: 'DEL of x: both',
        details:
          'link add pl1: EEXIST: file exists: name taken; link add pl1: EEXIST: file exists: name taken',
      },
    ],
    [
      'several kinds',
      new AggregateError([busy, kernel, new AggregateError([new Error('deep')])]),
      {
        code: 105,
        msg: '3 errors: busy',
        details: 'busy (try later); link add pl1: EEXIST: file exists: name taken; deep',
      },
    ],
    ['none at all', new AggregateError([]), { code: 999, msg: 'several errors, none of them told' }],
    ['one that holds itself', loop, { code: 999 }],
  ]
  for (const [name, value, want] of cases) t.match(await thrown(value), want, name)

  const { lines } = (await thrown(new TypeError('bug'))) as unknown as { lines: string[] }
  t.match(JSON.parse(lines[0]!), {
    level: 'error',
    msg: 'unforeseen error',
    error: 'bug',
    stack: /TypeError: bug\n/,
  })
  t.same((await thrown(busy)).lines, [], 'the runtime is told; the log need not be')
  t.equal(toCniError(kernel).cause, kernel)
  t.equal(CniCode.several, 105)
})

t.test('nothing ever comes out as an exception', async t => {
  const bomb = new Proxy(
    {},
    {
      get() {
        throw new Error('boom')
      },
    },
  )
  const raws: RawCall[] = [
    rawCall(base, unread),
    rawCall(bomb as Record<string, string>, ''),
    rawCall(base, conf(), { plugin: bomb as string }),
    rawCall({ ...base, PLUMBLINE_LOG: 'loud' }, conf(), { stderr: unread }),
  ]
  for (const raw of raws) t.equal((await handle(raw, hostOf(recordingPlugin('fake')))).exitCode, 1)
  t.equal((await handle(rawCall(base, conf()), bomb as Host)).exitCode, 1)
  const synchronous: Plugin = {
    ...recordingPlugin('fake'),
    del() {
      throw new Error('at once')
    },
  }
  t.match(error(await handle(rawCall(delEnv, conf()), hostOf(synchronous))), { code: 999, msg: 'at once' })
})

t.test('logs never hold input', async t => {
  const lines: string[] = []
  const secret = 'hunter2'
  const plugin = recordingPlugin('fake', { del: () => Promise.reject(new Error('failed')) })
  for (const stdin of [conf({ runtimeConfig: { token: secret }, key: secret }), `{"a":"${secret}" oops}`]) {
    const env = { ...delEnv, PLUMBLINE_LOG: 'debug' }
    const reply = await handle(rawCall(env, stdin, { stderr: line => lines.push(line) }), hostOf(plugin))
    t.notOk(`${reply.stdout}${lines.join('')}`.includes(secret))
  }
  t.ok(lines.length > 0)
})
