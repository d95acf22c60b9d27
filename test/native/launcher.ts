// The launcher, in a dist tree of its own with stub bundles, against a resident that the test plays.
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import t from 'tap'
import { addon } from '../../native/addon.js'
import {
  type Connection,
  FakeResident,
  type Request,
  reply,
  residentSocket,
} from '../helpers/fake-resident.js'
import { launcherTree, type Outcome } from '../helpers/launcher-tree.js'
import { distDir, needs } from '../helpers/needs.js'
import { endProcesses, isAlive, processesWithEnv, until } from '../helpers/processes.js'
import { sh } from '../helpers/sh.js'

const CLONE_NEWNET = 0x40000000
const EPIPE = 32

const answerWith =
  (exitCode: number, stdout: string | Uint8Array) =>
  async (_: Request, connection: Connection): Promise<void> => {
    await connection.send('A')
    await connection.send(reply(exitCode, stdout))
    connection.close()
  }

const sayAndClose =
  (bytes: string | Uint8Array) =>
  async (_: Request, connection: Connection): Promise<void> => {
    await connection.send(bytes)
    connection.close()
  }

const errorOf = (outcome: Outcome): { code: number; msg: string; details?: string } =>
  JSON.parse(outcome.stdout)

t.test('the resident gets the whole call, and its answer is ours', async t => {
  const { launch, resident, root } = launcherTree(t)
  let seen: Request | undefined
  resident((request, connection) => {
    seen = request
    t.equal(addon.namespaceType(request.fds[1]!), CLONE_NEWNET, 'the second descriptor is the namespace')
    writeSync(request.fds[0]!, 'from the resident')
    void answerWith(0, '{"ips":[]}')(request, connection)
  })
  const outcome = await launch({
    env: {
      CNI_NETNS: '/proc/self/ns/net',
      NODE_OPTIONS: '--bad',
      NODE_EXTRA_CA_CERTS: '/x',
      PLUMBLINE_PLUGIN: 'other',
      PLUMBLINE_NETNS_ERRNO: '1',
      ODD: 'a=b=c',
      EMPTY: '',
    },
    stdin: '{"name":"n"}',
  })
  t.strictSame(outcome, { code: 0, stdout: '{"ips":[]}', stderr: 'from the resident' })
  t.match(seen, { magic: 0x31424c50, protocol: 1, uid: process.getuid?.() })
  t.equal(seen?.buildId, readFileSync(`${distDir}/build-id`, 'utf8'))
  t.equal(seen?.stdin.toString(), '{"name":"n"}')
  t.equal(seen?.entries[0], 'PLUMBLINE_PLUGIN=bridge')
  t.strictSame(
    seen?.entries
      .slice(1)
      .filter(entry => !entry.startsWith('_TAPJS_'))
      .sort(),
    [
      'CNI_COMMAND=ADD',
      'CNI_NETNS=/proc/self/ns/net',
      'EMPTY=',
      'ODD=a=b=c',
      'PATH=/usr/bin:/bin',
      `PLUMBLINE_RUN_DIR=${root}/run`,
      `TEST_ROOT=${root}`,
    ].sort(),
  )
})

t.test('stderr', async t => {
  const { launch, resident } = launcherTree(t)
  let late = Promise.resolve('')
  const line = `${'e'.repeat(1000)}\n`
  resident(async (request, connection) => {
    const stderr = request.fds[0]!
    await connection.send('A')
    for (let lines = 0; lines < 500; )
      try {
        writeSync(stderr, line)
        lines++
      } catch {
        await new Promise(resolve => setImmediate(resolve)) // EAGAIN: it never blocks
      }
    await connection.send(reply(0, ''))
    late = connection.ended.then(() => {
      try {
        return `${writeSync(stderr, line)} bytes written`
      } catch (error) {
        return (error as NodeJS.ErrnoException).code!
      }
    })
  })
  const { stderr } = await launch()
  t.ok(stderr === line.repeat(500), 'all of it, in order')
  t.equal(await late, 'EPIPE', 'what comes after the answer goes nowhere')
})

t.test('exit codes and answers of every size', async t => {
  const big = Buffer.alloc(3 << 20, 'x')
  for (const [code, stdout, expected] of [
    [0, '', 0],
    [1, 'one', 1],
    [7, big, 7],
    [256, '', 1],
  ] as const) {
    const { launch, resident } = launcherTree(t)
    resident(answerWith(code, stdout))
    const outcome = await launch()
    t.equal(outcome.code, expected)
    t.ok(outcome.stdout === stdout.toString('latin1'))
  }
  const { launch, resident } = launcherTree(t)
  resident(async (_, connection) => {
    for (const byte of Buffer.concat([Buffer.from('A'), reply(2, 'in pieces')])) {
      await connection.send(Buffer.of(byte))
      await new Promise(resolve => setImmediate(resolve))
    }
    connection.close()
  })
  t.strictSame(await launch(), { code: 2, stdout: 'in pieces', stderr: '' })
})

t.test('it falls back as long as nobody accepted', async t => {
  for (const said of ['V', 'D', '', '?']) {
    const { launch, resident, oneShots } = launcherTree(t)
    resident(sayAndClose(said))
    const { code, oneShot } = await launch({ stdin: 'input' })
    t.equal(code, 3, `after ${JSON.stringify(said)}`)
    t.equal(oneShot?.stdin, 'input')
    t.equal(oneShots(), 1)
  }
})

t.test('it does not fall back once a resident accepted', async t => {
  for (const said of ['A', 'A\0\0', Buffer.concat([Buffer.from('A'), reply(0, 'whole').subarray(0, -1)])]) {
    const { launch, resident, oneShots } = launcherTree(t)
    resident(sayAndClose(said))
    const outcome = await launch()
    t.equal(outcome.code, 1)
    t.match(errorOf(outcome), { code: 11, msg: 'the plumbline resident ended while it worked on this call' })
    t.equal(oneShots(), 0)
  }
  const { launch, resident } = launcherTree(t)
  resident(sayAndClose(Buffer.of(0x41, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff)))
  t.match(errorOf(await launch()), { code: 999 }, 'an absurd length')
})

t.test('a resident that does not accept in time cannot accept any more', async t => {
  const { launch, resident } = launcherTree(t)
  let late = Promise.resolve(0)
  resident((_, connection) => {
    late = connection.ended.then(() => connection.send('A'))
  })
  const { code } = await launch({ env: { PLUMBLINE_ACCEPT_TIMEOUT_MS: '50' } })
  t.equal(code, 3)
  t.equal(await late, -EPIPE)

  const bad = await launch({ env: { PLUMBLINE_ACCEPT_TIMEOUT_MS: '-1' } })
  t.match(errorOf(bad), { code: 4, msg: /PLUMBLINE_ACCEPT_TIMEOUT_MS.*-1/ })
})

t.test('a resident that reads nothing', async t => {
  const { launch, runDir, socket } = launcherTree(t)
  mkdirSync(runDir)
  const fd = addon.listenUnix(socket, 0)
  t.teardown(() => closeSync(fd))
  const env = { PLUMBLINE_ACCEPT_TIMEOUT_MS: '50' }
  const stdin = Buffer.alloc(4 << 20, 'x')
  // The first fills its connection's buffer, later ones find the listener's queue full.
  const outcomes = await Promise.all([1, 2, 3].map(() => launch({ env, stdin })))
  for (const { code, oneShot } of outcomes) t.match([code, oneShot?.stdin?.length], [3, 4 << 20])
})

t.test('stdin', async t => {
  const { launch, resident, oneShots } = launcherTree(t)
  let length = 0
  resident((request, connection) => {
    length = request.stdin.length
    void answerWith(0, 'yes')(request, connection)
  })
  t.equal((await launch({ stdin: Buffer.alloc(4 << 20) })).stdout, 'yes')
  t.equal(length, 4 << 20, '4 MiB are allowed')
  t.equal((await launch({ stdin: '' })).stdout, 'yes')
  t.equal(length, 0, 'nothing is allowed')

  const tooLong = { stdin: Buffer.alloc((4 << 20) + 1) }
  for (const mode of ['auto', 'off']) {
    const outcome = await launch({ ...tooLong, env: { PLUMBLINE_RESIDENT: mode } })
    t.equal(outcome.code, 1)
    t.match(errorOf(outcome), { code: 5, msg: /4 MiB/ })
  }
  for (const command of ['VERSION', undefined, '']) {
    const outcome = await launch({ stdin: null, env: { CNI_COMMAND: command } })
    t.equal(outcome.stdout, 'yes', 'not read')
  }
  const closed = await launch({ script: 'exec "$0" <&-' })
  t.match(errorOf(closed), { code: 5, msg: /stdin: EBADF/ })
  const directory = await launch({ script: 'exec "$0" </' })
  t.match(errorOf(directory), { code: 5, msg: /stdin: EISDIR/ })
  t.equal(oneShots(), 0)
})

t.test('stdout or stderr closed', async t => {
  const { launch, resident, root } = launcherTree(t)
  resident(async (request, connection) => {
    writeSync(request.fds[0]!, 'lost')
    await answerWith(0, 'yes')(request, connection)
  })
  t.strictSame(await launch({ script: 'exec "$0" 2>&-' }), { code: 0, stdout: 'yes', stderr: '' })
  t.strictSame(await launch({ script: 'exec "$0" >&-' }), { code: 1, stdout: '', stderr: 'lost' })
  sh(`mkfifo ${root}/fifo`)
  const noReader = `exec 4<>${root}/fifo 1>${root}/fifo 4<&-; "$0"; echo $? >&2`
  t.strictSame(await launch({ script: noReader }), { code: 0, stdout: '', stderr: 'lost1\n' })
  const all = await launch({ script: '"$0" <&- >&- 2>&-; echo $?', env: { CNI_COMMAND: 'VERSION' } })
  t.equal(all.stdout, '1\n')
})

t.test('CNI_NETNS', async t => {
  const { launch, resident, root } = launcherTree(t)
  let seen: { errno: string | undefined; types: number[] } | undefined
  resident((request, connection) => {
    seen = {
      errno: request.entries.find(entry => entry.startsWith('PLUMBLINE_NETNS_ERRNO=')),
      types: request.fds.slice(1).map(fd => Math.sign(addon.namespaceType(fd))),
    }
    void answerWith(0, '')(request, connection)
  })
  sh(`mkfifo ${root}/fifo; touch ${root}/file`)
  for (const [netns, errno, types] of [
    ['/proc/self/ns/net', undefined, [1]],
    [`${root}/fifo`, undefined, [-1]],
    [`${root}/file`, undefined, [-1]],
    [`${root}/none`, 'PLUMBLINE_NETNS_ERRNO=2', []],
    [`${root}/file/x`, 'PLUMBLINE_NETNS_ERRNO=20', []],
    ['', undefined, []],
    [undefined, undefined, []],
  ] as const) {
    await launch({ env: { CNI_NETNS: netns } })
    t.strictSame(seen, { errno, types }, String(netns))
  }
})

t.test('PLUMBLINE_RESIDENT', async t => {
  const { launch, resident, residents } = launcherTree(t)
  const off = { PLUMBLINE_RESIDENT: 'off' }
  t.equal((await launch({ env: off })).code, 3)
  t.strictSame(residents(), [], 'off starts none')
  resident(answerWith(0, 'yes'))
  for (const mode of ['auto', '', 'require', undefined])
    t.equal((await launch({ env: { PLUMBLINE_RESIDENT: mode } })).stdout, 'yes', String(mode))
  t.equal((await launch({ env: off })).code, 3)
  const bad = await launch({ env: { PLUMBLINE_RESIDENT: 'so"\\me\n\u00e9' } })
  t.equal(bad.code, 1)
  t.match(errorOf(bad), { code: 4, msg: /^PLUMBLINE_RESIDENT: "so"\\me\n/ })
})

t.test('PLUMBLINE_RESIDENT=require', async t => {
  const env = { PLUMBLINE_RESIDENT: 'require', CNI_COMMAND: 'STATUS' }
  const good = launcherTree(t)
  good.write('serve', '')
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => good.launch({ env })))
  for (const { stdout } of outcomes) t.equal(stdout, 'served')
  t.equal(good.residents().length, 1)
  t.equal(good.oneShots(), 0)

  const broken = launcherTree(t)
  broken.write('fail', '')
  t.match(errorOf(await broken.launch({ env })), { code: 50, msg: /ended before/ })
  t.equal(broken.oneShots(), 0)

  const homeless = await broken.launch({ env: { ...env, PLUMBLINE_RUN_DIR: `${broken.root}/fail/run` } })
  t.match(errorOf(homeless), { code: 50, msg: /resident-\d+\.lock: ENOTDIR/ })
})

t.test('it starts a resident for next time', async t => {
  const { launch, residents, oneShots, runDir } = launcherTree(t)
  const alone = await launch({ env: { CNI_COMMAND: 'VERSION' }, stdin: null })
  t.equal(alone.code, 3)
  t.notOk(existsSync(runDir), 'not for VERSION')

  const outcomes = await Promise.all(
    Array.from({ length: 16 }, () => launch({ script: '"$0"', env: { PLUMBLINE_X: 'y' } })),
  )
  for (const { code } of outcomes) t.equal(code, 3)
  t.equal(oneShots(), 17)
  await until(() => residents().length > 0, 'the resident')
  t.equal(residents().length, 1, 'sixteen at once start one')
  t.equal(statSync(runDir).mode & 0o7777, 0o700)

  const [resident] = residents()
  t.ok(isAlive(resident!.pid), 'it lives on, and the pipes are closed')
  const { env, pid, cwd, session, fds, umask } = resident!
  t.match({ cwd, session, umask }, { cwd: '/', session: pid, umask: 0o22 })
  t.strictSame(env, {
    PLUMBLINE_RESIDENT_LOCK_FD: '3',
    PLUMBLINE_RESIDENT_SOCKET: residentSocket(runDir),
    PLUMBLINE_RUN_DIR: runDir,
    PLUMBLINE_X: 'y',
    PATH: '/usr/bin:/bin',
  })
  for (const fd of ['0', '1', '2']) t.ok(fds.includes(`${fd} /dev/null`))
  t.ok(fds.includes(`3 ${residentSocket(runDir).replace('.sock', '.lock')}`))
  await launch()
  t.equal(residents().length, 1, 'while it lives there is no other')

  await endProcesses([{ pid, command: '' }])
  // Its lock goes with the last of its threads, a moment later.
  while (residents().length === 1) await launch()
  t.equal(residents().length, 2, 'a new resident once the old one is dead')
})

t.test("the resident holds none of the caller's descriptors", async t => {
  const { launch, residents, root } = launcherTree(t)
  sh(`mkfifo ${root}/fifo`)
  const script = `exec 3<>${root}/fifo 7<>${root}/fifo
    links=$(for fd in 0 1 2 3; do readlink /proc/$$/fd/$fd; done); echo "$links" >${root}/links; exec "$0"`
  await launch({ script })
  await until(() => residents().length > 0, 'the resident')
  const links = readFileSync(`${root}/links`, 'utf8').split('\n').slice(0, -1)
  t.match(links, [/^pipe:|^socket:/, /^pipe:|^socket:/, /^pipe:|^socket:/, /fifo/])
  const held = residents()[0]?.fds.filter(fd => links.includes(fd.replace(/^\d+ /, '')))
  t.strictSame(held, [])
})

t.test('the run directory is made, with its parents', async t => {
  const { launch, root } = launcherTree(t)
  await launch({ env: { PLUMBLINE_RUN_DIR: `${root}//run/a/b//` } })
  const modes = ['run', 'run/a', 'run/a/b'].map(name => statSync(`${root}/${name}`).mode & 0o777)
  t.strictSame(modes, [0o755, 0o755, 0o700])
  await until(() => existsSync(`${root}/residents`), 'the resident')
  await endProcesses(processesWithEnv('PLUMBLINE_RUN_DIR', `${root}//run/a/b//`))
})

t.test('without a usable run directory', async t => {
  const { launch, root, write } = launcherTree(t)
  write('file', '')
  t.equal((await launch({ env: { PLUMBLINE_RUN_DIR: `${root}/file/run` } })).code, 3, 'one-shot')
  t.equal((await launch({ env: { PLUMBLINE_RUN_DIR: `/proc/${'x/'.repeat(2500)}` } })).code, 3, 'too long')
  const relative = await launch({ env: { PLUMBLINE_RUN_DIR: 'run' } })
  t.match(errorOf(relative), { code: 4, msg: /PLUMBLINE_RUN_DIR.*"run"/ })
})

t.test('a run directory too long for a socket address', async t => {
  const { launch, root } = launcherTree(t)
  const runDir = `${root}/${'long'.repeat(25)}`
  mkdirSync(runDir)
  using _ = new FakeResident(residentSocket(runDir), answerWith(0, 'yes'))
  t.equal((await launch({ env: { PLUMBLINE_RUN_DIR: runDir } })).stdout, 'yes')
})

t.test('a socket of another user', { skip: needs('root') }, async t => {
  const { launch, root, runDir, resident, residents } = launcherTree(t)
  mkdirSync(runDir)
  chmodSync(root, 0o755)
  chmodSync(runDir, 0o777)
  let asked = 0
  process.seteuid?.(65534)
  try {
    resident(() => asked++)
  } finally {
    process.seteuid?.(0)
  }
  t.equal((await launch()).code, 3, 'one-shot')
  t.match(errorOf(await launch({ env: { PLUMBLINE_RESIDENT: 'require' } })), {
    code: 50,
    msg: /another user/,
  })
  t.equal(asked, 0, 'it saw nothing of the call')
  t.strictSame(residents(), [])
})

t.test('one-shot', async t => {
  const { launch, root, oneShots } = launcherTree(t)
  const off = { PLUMBLINE_RESIDENT: 'off' }
  const { oneShot } = await launch({
    env: { ...off, NODE_OPTIONS: '--bad', NODE_EXTRA_CA_CERTS: '/x', PLUMBLINE_PLUGIN: 'other', ODD: '=' },
    stdin: 'a\0b',
  })
  t.equal(oneShot?.stdin, 'a\0b')
  t.strictSame(oneShot?.execArgv, [])
  t.equal(oneShot?.argv[1], `${root}/dist/bundle/cni.cjs`)
  const { env } = oneShot!
  t.match(env, { PLUMBLINE_PLUGIN: 'bridge', CNI_COMMAND: 'ADD', ODD: '=' })
  t.notOk('NODE_OPTIONS' in env || 'NODE_EXTRA_CA_CERTS' in env)

  const unread = await launch({ env: { ...off, CNI_COMMAND: 'VERSION' }, stdin: null })
  t.equal(unread.code, 3)

  rmSync(`${root}/dist/bundle/cni.cjs`)
  t.match(errorOf(await launch({ env: off })), { code: 50, msg: /cni\.cjs: ENOENT/ })
  t.equal(oneShots(), 2)
})

t.test('finding node', async t => {
  const { launch, root } = launcherTree(t)
  const off = { PLUMBLINE_RESIDENT: 'off' }
  for (const PATH of ['', undefined, 'relative:/nowhere', ':'])
    t.equal((await launch({ env: { ...off, PATH } })).code, 3, `PATH=${PATH}`)
  for (const PLUMBLINE_NODE of ['/nowhere/node', 'node', root])
    t.equal((await launch({ env: { ...off, PLUMBLINE_NODE } })).code, 3, PLUMBLINE_NODE)
  writeFileSync(`${root}/my node`, '#!/bin/sh\necho mine "$@"', { mode: 0o755 })
  const mine = await launch({ env: { ...off, PLUMBLINE_NODE: `${root}/my node` } })
  t.equal(mine.stdout, `mine ${root}/dist/bundle/cni.cjs\n`)
})

t.test('a very large environment', async t => {
  const { launch, resident } = launcherTree(t)
  const env = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`BIG${i}`, 'y'.repeat(100_000)]))
  const off = await launch({ env: { ...env, PLUMBLINE_RESIDENT: 'off' } })
  t.equal(off.oneShot?.env.BIG14?.length, 100_000)
  let entries: readonly string[] = []
  resident((request, connection) => {
    entries = request.entries
    void answerWith(0, 'yes')(request, connection)
  })
  t.equal((await launch({ env })).stdout, 'yes')
  t.equal(entries.filter(entry => /^BIG\d+=y{100000}$/.test(entry)).length, 15)
})
