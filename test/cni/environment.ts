// What comes in by environment variables: CNI_*, CNI_ARGS, directories, the log's level and trace.
import t from 'tap'
import { parseArgs } from '../../cni/args.js'
import { runDir, stateDir } from '../../cni/directories.js'
import { readCommand, readParameters } from '../../cni/environment.js'
import { createLogger, parseTraceparent } from '../../cni/log.js'
import { cniErrorOf } from '../helpers/calls.js'

const full = {
  CNI_CONTAINERID: 'box',
  CNI_NETNS: '/run/netns/box',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
}

t.test('command', async t => {
  for (const verb of ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'])
    t.equal(readCommand({ CNI_COMMAND: verb }), verb)
  t.equal(readCommand({}), undefined)
  t.equal(readCommand({ CNI_COMMAND: '' }), undefined)
  for (const wrong of ['NOPE', 'add', 'ADD ', 'constructor'])
    t.same(await cniErrorOf(() => readCommand({ CNI_COMMAND: wrong })), {
      code: 4,
      msg: `unknown CNI_COMMAND: ${wrong}`,
      details: 'CNI_COMMAND must be one of ADD, DEL, CHECK, GC, STATUS, VERSION',
    })
})

t.test('missing variables are listed all at once, in order', async t => {
  const needed = {
    ADD: 'CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH',
    CHECK: 'CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH',
    DEL: 'CNI_CONTAINERID,CNI_IFNAME,CNI_PATH',
    GC: 'CNI_PATH',
    STATUS: 'CNI_PATH',
  } as const
  for (const [verb, list] of Object.entries(needed) as [keyof typeof needed, string][]) {
    t.same(await cniErrorOf(() => readParameters({}, verb)), {
      code: 4,
      msg: `required env variables [${list}] missing`,
    })
    for (const variable of list.split(','))
      t.same(
        (await cniErrorOf(() => readParameters({ ...full, [variable]: '' }, verb))).msg,
        `required env variables [${variable}] missing`,
        `${verb} with an empty ${variable}`,
      )
  }
  t.same(
    (await cniErrorOf(() => readParameters({ CNI_CONTAINERID: 'a' }, 'ADD'))).msg,
    'required env variables [CNI_NETNS,CNI_IFNAME,CNI_PATH] missing',
  )
})

t.test('parameters', async t => {
  t.same(readParameters({ ...full, CNI_ARGS: 'IP=1.2.3.4', CNI_PATH: '/a:/b::relative:' }, 'ADD'), {
    verb: 'ADD',
    containerId: 'box',
    ifname: 'eth0',
    netnsPath: '/run/netns/box',
    args: 'IP=1.2.3.4',
    path: ['/a', '/b', 'relative'],
  })
  t.equal(readParameters({ ...full, CNI_NETNS: undefined }, 'DEL').netnsPath, '', 'DEL without a namespace')
  for (const verb of ['GC', 'STATUS'] as const)
    t.match(readParameters({ ...full, CNI_CONTAINERID: 'a/b', CNI_IFNAME: '..' }, verb), {
      containerId: '',
      ifname: '',
      netnsPath: '',
    })
})

t.test('container IDs', async t => {
  for (const good of ['a', 'A9', 'a.b_c-d', '0'.repeat(64)])
    t.equal(readParameters({ ...full, CNI_CONTAINERID: good }, 'ADD').containerId, good)
  for (const bad of ['-a', '.', '..', '.a', '_a', 'a/b', 'a b', 'a\n', 'ä', 'a:b', '../../etc'])
    t.same(await cniErrorOf(() => readParameters({ ...full, CNI_CONTAINERID: bad }, 'DEL')), {
      code: 4,
      msg: 'invalid characters in containerID',
      details: bad,
    })
})

t.test('interface names', async t => {
  for (const good of ['e', 'eth0', '123456789012345', 'a.b', '...', 'ä'.repeat(7), 'zero\u200bwidth'])
    t.equal(readParameters({ ...full, CNI_IFNAME: good }, 'ADD').ifname, good)
  const characters = 'interface name contains / or : or whitespace characters'
  const bad: Record<string, [msg: string, details?: string]> = {
    '1234567890123456': ['interface name is too long', 'interface name should be less than 16 characters'],
    ääääääää: ['interface name is too long', 'interface name should be less than 16 characters'],
    '.': ['interface name is . or ..'],
    '..': ['interface name is . or ..'],
    'a/b': [characters],
    'a:1': [characters],
    'a b': [characters],
    'a\tb': [characters],
    'a\n': [characters],
    'a\u0085': [characters],
    'a\u00a0': [characters],
    'a\u2003': [characters],
    'a\u3000': [characters],
    'eth%d': ['interface name contains %'],
  }
  for (const [name, [msg, details]] of Object.entries(bad))
    t.same(
      await cniErrorOf(() => readParameters({ ...full, CNI_IFNAME: name }, 'CHECK')),
      { code: 4, msg, details: details ?? `CNI_IFNAME is ${JSON.stringify(name)}` },
      JSON.stringify(name),
    )
})

t.test('CNI_ARGS', async t => {
  const parse = (text: string, keys: string[] = ['IP', 'GATEWAY']) =>
    Object.fromEntries(parseArgs(text, keys))
  t.same(parse(''), {})
  t.same(parse('IP=10.0.0.1'), { IP: '10.0.0.1' })
  t.same(parse('IP=a;GATEWAY=b;IP=c'), { IP: 'c', GATEWAY: 'b' }, 'the last wins')
  t.same(parse('IP='), { IP: '' })
  t.same(parse('IgnoreUnknown=1;K8S_POD_NAME=web;IP=a'), { IP: 'a' })
  t.same(parse('K8S_POD_NAME=web;IgnoreUnknown=TRUE'), {})
  t.same(parse('IgnoreUnknown=false;IP=a'), { IP: 'a' })
  const invalid = 'CNI_ARGS must be KEY=VALUE pairs separated by ";"'
  const unknown = 'CNI_ARGS may hold IP, GATEWAY, IgnoreUnknown; IgnoreUnknown=1 lets others pass'
  const bad: Record<string, [msg: string, details: string]> = {
    none: ['ARGS: invalid pair "none"', invalid],
    'IP=a;': ['ARGS: invalid pair ""', invalid],
    'IP=a=b': ['ARGS: invalid pair "IP=a=b"', invalid],
    'ip=a': ['ARGS: unknown args ["ip=a"]', unknown],
    'A=1;IP=x;B=2': ['ARGS: unknown args ["A=1" "B=2"]', unknown],
    'A=1;IgnoreUnknown=0': ['ARGS: unknown args ["A=1"]', unknown],
    'IgnoreUnknown=Yes': [
      'ARGS: error parsing value of pair "IgnoreUnknown=Yes": boolean unmarshal error: invalid input yes',
      invalid,
    ],
  }
  for (const [text, [msg, details]] of Object.entries(bad))
    t.same(await cniErrorOf(() => parse(text)), { code: 4, msg, details }, text)
})

t.test('directories', async t => {
  t.equal(runDir({}), '/run/plumbline')
  t.equal(stateDir({ PLUMBLINE_STATE_DIR: '' }), '/var/lib/plumbline')
  t.equal(runDir({ PLUMBLINE_RUN_DIR: '/tmp/a/../b//c/' }), '/tmp/b/c')
  t.equal(stateDir({ PLUMBLINE_STATE_DIR: '/' }), '/')
  t.same(await cniErrorOf(() => runDir({ PLUMBLINE_RUN_DIR: 'run' })), {
    code: 4,
    msg: 'PLUMBLINE_RUN_DIR must be an absolute path, and not below /proc or /sys, got "run"',
  })
  t.same((await cniErrorOf(() => stateDir({ PLUMBLINE_STATE_DIR: './x' }))).code, 4)
})

t.test('log', async t => {
  const written = (env: Record<string, string>, fields = {}) => {
    const lines: string[] = []
    const log = createLogger(env, line => lines.push(line), fields)
    log.error('E')
    log.warn('W', { n: 1 })
    log.info('I')
    log.with({ plugin: 'inner' }).debug('D')
    log.print('as it is')
    return lines
  }
  const messages = (lines: string[]) => lines.map(line => (line[0] === '{' ? JSON.parse(line).msg : line))

  t.same(messages(written({})), ['E', 'W', 'as it is'])
  t.same(messages(written({ PLUMBLINE_LOG: 'error' })), ['E', 'as it is'])
  t.same(messages(written({ PLUMBLINE_LOG: 'debug' })), ['E', 'W', 'I', 'D', 'as it is'])
  t.same(messages(written({ PLUMBLINE_LOG: 'loud' })), [
    'PLUMBLINE_LOG is "loud": expected error, warn, info, debug; using warn',
    'E',
    'W',
    'as it is',
  ])

  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const context = { plugin: 'bridge', verb: 'ADD', containerId: undefined }
  const lines = written({ TRACEPARENT: traceparent, PLUMBLINE_LOG: 'debug' }, context)
  const { time, ...warning } = JSON.parse(lines[1]!)
  t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.same(warning, {
    level: 'warn',
    msg: 'W',
    plugin: 'bridge',
    verb: 'ADD',
    traceparent,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    n: 1,
  })
  t.match(JSON.parse(lines[3]!), { plugin: 'inner', verb: 'ADD', level: 'debug' })
  t.notOk('traceId' in JSON.parse(written({ TRACEPARENT: 'junk' })[0]!))

  const deaf = createLogger({}, () => {
    throw new Error('EPIPE')
  })
  t.doesNotThrow(() => deaf.error('nobody listens'))
})

t.test('traceparent', async t => {
  const id = '0af7651916cd43dd8448eb211c80319c'
  const parent = 'b7ad6b7169203331'
  t.equal(parseTraceparent(`00-${id}-${parent}-00`), id)
  t.equal(parseTraceparent(`cc-${id}-${parent}-01-what-comes-later`), id)
  for (const bad of [
    '',
    `00-${id}-${parent}`,
    `00-${id}-${parent}-01-more`,
    `ff-${id}-${parent}-01`,
    `00-${'0'.repeat(32)}-${parent}-01`,
    `00-${id}-${'0'.repeat(16)}-01`,
    `00-${id.toUpperCase()}-${parent}-01`,
    `00-${id}-${parent}-1`,
  ])
    t.equal(parseTraceparent(bad), undefined, bad)
})
