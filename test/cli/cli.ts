// The command line: what it prints, how it fails, what it leaves. In a namespace that plays the host, with plugins that keep a diary.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fakePlugins } from '../helpers/fake-plugins.js'
import { distDir, needs } from '../helpers/needs.js'
import { tempNetns } from '../helpers/netns.js'
import { isAlive, until } from '../helpers/processes.js'
import { plainEnv } from '../helpers/sh.js'

const main = join(distDir, 'bundle/cli.cjs')
const skip =
  needs('root', 'nsenter') ||
  (existsSync(join(distDir, 'bin/plumbline-init')) ? false : 'plumbline-init is not built')

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function world(t: Test) {
  const root = mkdtempSync(join(tmpdir(), `plumbline-test-${process.pid}-`))
  const { path } = tempNetns(t)
  const plugins = fakePlugins(root)
  plugins.add('dummy', {
    cniVersion: '1.1.0',
    interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: 'x' }],
    ips: [{ address: '10.0.0.9/24', interface: 0 }],
  })
  mkdirSync(join(root, 'conf'))
  const conflist = (name: string, plugin: object) =>
    writeFileSync(
      join(root, 'conf', `${name}.conflist`),
      JSON.stringify({ cniVersion: '1.1.0', name, plugins: [plugin] }),
    )
  conflist('net', { type: 'dummy' })
  conflist('plumbline', { type: 'dummy', capabilities: { portMappings: true, ips: true } })
  const env = { ...plainEnv, PLUMBLINE_RUN_DIR: join(root, 'run'), PLUMBLINE_STATE_DIR: join(root, 'state') }
  const words = (args: readonly string[]) => [
    `--net=${path}`,
    ...['--', process.execPath, main, '--conf-dir', join(root, 'conf'), '--cni-path', plugins.directory],
    ...args,
  ]
  const run = (...args: string[]): Outcome => {
    const { status, stdout, stderr } = spawnSync('nsenter', words(args), {
      env,
      encoding: 'utf8',
      timeout: 30_000,
    })
    return { code: status, stdout, stderr }
  }
  const start = (...args: string[]): ChildProcess =>
    spawn('nsenter', words(args), { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const json = (...args: string[]) => JSON.parse(run('--json', ...args).stdout)
  t.after(() => {
    const ids = run('ps', '-q').stdout.split('\n').filter(Boolean)
    if (ids.length > 0) run('rm', '--force', ...ids)
    rmSync(root, { recursive: true })
  })
  const left = () =>
    ['run/containers', 'run/netns', 'state/results'].flatMap(directory =>
      existsSync(join(root, directory)) ? readdirSync(join(root, directory)) : [],
    )
  return { root, plugins, run, start, json, conflist, left }
}

t.test('help, version and usage', async t => {
  const { run } = world(t)
  const help = run('--help')
  t.match(help, { code: 0, stderr: '' })
  for (const text of ['Containers:', 'Networks:', 'Upkeep:', 'run a command in a new container', 'Examples:'])
    t.match(help.stdout, text)
  for (const verb of [
    'run',
    'exec',
    'ps',
    'inspect',
    'rm',
    'attach',
    'detach',
    'network',
    'status',
    'check',
    'gc',
    'resident',
  ]) {
    const { code, stdout, stderr } = run(verb, '--help')
    t.match({ code, stderr }, { code: 0, stderr: '' }, verb)
    t.match(stdout, new RegExp(`^Usage: plumbline ${verb} `), verb)
    t.match(stdout, /--json/)
  }
  t.equal(run('help', 'run').stdout, run('run', '--help').stdout)
  t.match(run('--version').stdout, /^\d+\.\d+\.\d+\n$/)
  t.match(run('network'), { code: 2, stderr: /Usage: plumbline network/ })
  const cases: [string[], RegExp, RegExp][] = [
    [['frob'], /unknown command 'frob'/, /plumbline --help/],
    [['ru'], /unknown command 'ru'/, /Did you mean one of rm, run\? see: plumbline --help/],
    [['run'], /missing required argument 'command'/, /plumbline run --help/],
    [['ps', '--frob'], /unknown option '--frob'/, /plumbline ps --help/],
    [['attach'], /missing required argument 'netns'/, /plumbline attach --help/],
  ]
  for (const [args, message, hint] of cases) {
    const { code, stdout, stderr } = run(...args)
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    const lines = stderr.trimEnd().split('\n')
    t.equal(lines.length, 2, 'one line what failed, one line what to do')
    t.match(lines[0], message)
    t.match(lines[1], hint)
  }
})

t.test('what is refused before anything is touched', { skip }, async t => {
  const { run, plugins, left } = world(t)
  const cases: [string[], RegExp][] = [
    [['run', '-n', '../net', '--', 'true'], /not a name for a network: "..\/net"/],
    [['run', '-n', 'nothing', '--', 'true'], /there is no network "nothing"/],
    [['run', '--name', 'a/b', '--', 'true'], /not a name for a container: "a\/b"/],
    [['run', '--memory', 'much', '--', 'true'], /--memory "much" is no amount/],
    [['run', '--cpus', '0', '--', 'true'], /--cpus "0" is no number/],
    [['run', '--publish', '80', '--', 'true'], /--publish "80"/],
    [['run', '-n', 'net', '--publish', '80:80', '--', 'true'], /no plugin of net can publish ports/],
    [['run', '--ip', 'x', '--', 'true'], /--ip "x" is no address/],
    [
      ['run', '-n', 'net', '-n', 'plumbline', '--mac', '02:00:00:00:00:01', '--', 'true'],
      /--mac needs exactly one network/,
    ],
    [['run', '--rootfs', '/nonexistent', '--', 'true'], /--rootfs \/nonexistent/],
    [['attach', '../x'], /not a name for a network namespace/],
    [['attach', '/run/../x'], /no plain path/],
    [['attach', 'nonexistent-namespace'], /there is no network namespace/],
    [['attach', 'x', '--ifname', 'a/b'], /not a name for a network interface/],
    [['detach', 'nonexistent-namespace'], /is not attached/],
    [['exec', 'nobody', '--', 'true'], /there is no container "nobody"/],
    [['rm', '../etc'], /there is no container/],
    [['inspect', 'nobody'], /there is no container/],
    [['check', 'nobody'], /there is no container/],
    [['status', 'nothing'], /there is no network/],
    [['network', 'rm', 'nothing'], /there is no network/],
    [['--cni-path', 'relative', 'status'], /names no absolute directories/],
  ]
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = run(...args)
    t.ok(code, `${args.join(' ')} fails`)
    t.equal(stdout, '')
    const lines = stderr.trimEnd().split('\n')
    t.equal(lines.length, 2, stderr)
    t.match(lines[0], message)
    t.match(lines[1], /^ {2}next: /)
  }
  t.strictSame(plugins.calls(), [])
  t.strictSame(left(), [])
  const { stderr } = run('--json', 'inspect', 'nobody')
  t.strictSame(JSON.parse(stderr), {
    error: 'there is no container "nobody"',
    hint: 'list them with: plumbline ps',
  })
})

t.test('nobody but root', { skip: skip || needs('nsenter') }, async t => {
  // Without NODE_OPTIONS: tap puts hooks in there which write files, and nobody may not.
  const { stderr, status } = spawnSync(
    'setpriv',
    ['--reuid=65534', '--clear-groups', 'env', '-u', 'NODE_OPTIONS', process.execPath, main, 'ps'],
    { encoding: 'utf8', env: plainEnv, cwd: '/' },
  )
  t.equal(status, 1)
  t.equal(stderr, 'plumbline: ps needs root: run it with sudo\n')
})

t.test('run: exit codes, output, and nothing left', { skip }, async t => {
  const { run, plugins, left } = world(t)
  t.match(run('run', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3'), {
    code: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  })
  t.match(
    run('run', '-n', 'net', 'sh', '-c', 'echo $1', 'x', '--help'),
    { code: 0, stdout: '--help\n' },
    'options after the command are its own',
  )
  t.equal(run('run', '--', '/nonexistent').code, 127)
  t.equal(run('run', '--', '/etc').code, 126)
  t.equal(run('run', '--', 'sh', '-c', 'kill -9 $$').code, 137)
  t.match(run('run', '--no-network', '--', 'ls', '/sys/class/net'), { code: 0, stdout: 'lo\n' })
  t.match(run('run', '--name', 'web', '--', 'uname', '-n').stdout, 'web\n')
  plugins.reset()
  plugins.fail('dummy', 'ADD', { code: 101, msg: 'no address is left', details: 'remove a container' })
  t.match(run('run', '-n', 'net', '--', 'true'), {
    code: 125,
    stderr: 'plumbline: network net: dummy failed at ADD: no address is left\n  next: remove a container\n',
  })
  t.strictSame(plugins.calls(), ['dummy ADD', 'dummy DEL'])
  plugins.heal('dummy', 'ADD')
  run('run', '--ip', '10.0.0.5', '--publish', '127.0.0.1:8080:80/udp', '--', 'true')
  t.strictSame(plugins.last('dummy', 'ADD').config.runtimeConfig, {
    portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'udp', hostIP: '127.0.0.1' }],
    ips: ['10.0.0.5'],
  })
  t.strictSame(left(), [])
})

t.test('a container in the background', { skip }, async t => {
  const { root, run, json, left, plugins } = world(t)
  const started = run(
    'run',
    '--detach',
    '--name',
    'web',
    '-n',
    'net',
    '-n',
    'plumbline',
    '--',
    'sh',
    '-c',
    'echo hello; sleep 1000',
  )
  t.match(started, { code: 0, stdout: /^[0-9a-f]{12}\n$/, stderr: '' })
  const id = started.stdout.trim()
  t.match(
    run('ps').stdout,
    new RegExp(
      `^ID +NAME +STATUS .*\n${id} +web +running +\\d+ s +net,plumbline +10.0.0.9,10.0.0.9 +- +sh -c echo hello`,
    ),
  )
  t.match(json('ps'), [
    {
      id,
      name: 'web',
      status: 'running',
      kind: 'container',
      pid: Number,
      attachments: [{ ifname: 'eth0', mac: '02:00:00:00:00:01' }, { ifname: 'eth1' }],
    },
  ])
  t.match(
    run('inspect', 'web').stdout,
    new RegExp(`id +${id}\n.*status +running.*eth1 +network plumbline`, 's'),
  )
  t.match(json('inspect', id.slice(0, 5)), {
    id,
    attachments: [{ result: { ips: [{ address: '10.0.0.9/24' }] } }],
  })
  t.match(run('exec', 'web', '--', 'sh', '-c', 'uname -n; exit 7'), { code: 7, stdout: 'web\n' })
  t.match(run('exec', 'web', 'cat', `${root}/run`), { code: 1 })
  t.equal(run('exec', 'web', '--', '/nonexistent').code, 127)
  t.match(run('check').stdout, /eth0 +ok\n.*eth1 +ok/)
  plugins.fail('dummy', 'CHECK', { code: 100, msg: 'the link is down', details: 'bring it up' })
  t.match(run('check', 'web'), { code: 1, stdout: /the link is down/ })
  t.match(json('check'), [{ ok: false, error: /the link is down/, hint: 'bring it up' }, { ok: false }])
  t.match(json('network', 'inspect', 'net'), {
    name: 'net',
    attachments: [{ container: id, ifname: 'eth0' }],
  })
  t.match(run('network', 'rm', 'net'), { code: 1, stderr: /network net is in use by/ })
  t.match(run('rm', 'web', 'nobody'), {
    code: 1,
    stderr: /container web is running\n.*--force web\n.*no container "nobody"/,
  })
  t.match(run('rm', '-f', 'web'), { code: 0, stdout: 'web\n' })
  t.match(run('ps').stdout, /^ID .*\n$/)
  t.strictSame(left(), [])

  const ended = run('run', '-d', '--name', 'short', '--', 'sh', '-c', 'echo bye; exit 9').stdout.trim()
  await until(() => json('ps')[0].status === 'exited', 'the command to end')
  t.match(run('ps').stdout, /exited \(9\)/)
  t.equal(readFileSync(json('inspect', 'short').log, 'utf8'), 'bye\n')
  t.match(json('gc'), { containers: [ended] })
  t.match(json('ps'), [{ status: 'exited', exitCode: 9, attachments: [] }])
  t.match(json('rm', 'short'), { removed: [ended] })
  t.strictSame(left(), [])
})

t.test('signals end the container; a killed plumbline is cleaned up after', { skip }, async t => {
  const { run, start, json, left, plugins } = world(t)
  const child = start(
    'run',
    '--name',
    'polite',
    '--',
    'sh',
    '-c',
    'trap "echo asked; exit 5" TERM; echo ready; sleep 1000 & wait',
  )
  let output = ''
  child.stdout?.on('data', chunk => {
    output += chunk
  })
  await until(() => output.includes('ready'), 'the command to start')
  child.kill('SIGTERM')
  t.equal(await exitCode(child), 5)
  t.match(output, 'asked')
  t.strictSame(left(), [])

  const killed = start('run', '--name', 'left', '--', 'sh', '-c', 'echo ready; sleep 1000')
  await new Promise(resolve => killed.stdout?.once('data', resolve))
  const [{ pid, id }] = json('ps')
  killed.kill('SIGKILL')
  await until(() => !isAlive(pid), 'the container to die with its plumbline')
  t.match(json('ps'), [{ id, status: 'dead', exitCode: 137 }])
  t.ok(left().length > 0)
  plugins.reset()
  t.match(run('rm', 'left'), { code: 0 })
  t.strictSame(plugins.calls(), ['dummy DEL'])
  t.strictSame(left(), [])

  // Stubborn: it takes three times.
  const stubborn = start(
    'run',
    '--',
    'sh',
    '-c',
    'trap "" TERM INT; echo ready; while :; do sleep 0.01; done',
  )
  await new Promise(resolve => stubborn.stdout?.once('data', resolve))
  const [{ pid: stubbornPid }] = json('ps')
  // Again and again, because signals of one kind that come together are one.
  await until(() => stubborn.kill('SIGINT') && !isAlive(stubbornPid), 'the stubborn one to end')
  t.equal(await exitCode(stubborn), 137)
  t.strictSame(left(), [])
})

t.test('namespaces', { skip }, async t => {
  const { root, run, json, left, plugins } = world(t)
  const path = join(root, 'blue')
  t.match(run('attach', path), { code: 1, stderr: /--create/ })
  t.match(
    run('attach', path, '--create', '-n', 'net').stdout,
    /^INTERFACE .*\neth0 +net +10.0.0.9\/24 +02:00:00:00:00:01 +[\d.]+ ms\n$/,
  )
  t.match(json('attach', path, '--ifname', 'eth1'), {
    kind: 'namespace',
    attachments: [{ ifname: 'eth0' }, { ifname: 'eth1' }],
  })
  t.match(json('ps'), [{ id: /^ns-blue-/, status: 'attached', netns: path }])
  t.match(run('ps').stdout, new RegExp(`attached .* \\(${path}\\)\n$`))
  plugins.fail('dummy', 'DEL', { code: 11, msg: 'busy' })
  t.match(run('detach', path, '-n', 'net'), { code: 1, stderr: /dummy failed at DEL: busy/ })
  plugins.heal('dummy', 'DEL')
  t.match(run('detach', path, '-n', 'net').stdout, 'eth0 detached from net\n')
  t.match(json('detach', path), { detached: [{ network: 'plumbline', ifname: 'eth1' }] })
  t.strictSame(left(), [])
  t.notOk(existsSync(path))
})

t.test('networks and their status', { skip }, async t => {
  const { root, run, json, plugins } = world(t)
  t.equal(
    run('network', 'ls').stdout,
    `NAME        VERSION   PLUGINS   SOURCE\nnet         1.1.0     dummy     ${root}/conf/net.conflist\nplumbline   1.1.0     dummy     ${root}/conf/plumbline.conflist\n`,
  )
  t.match(run('network', 'inspect', 'net').stdout, /attached +nobody/)
  t.match(run('status'), { code: 0, stdout: /net +yes +-\nplumbline +yes/ })
  writeFileSync(join(root, 'conf/broken.conflist'), '{')
  plugins.fail('dummy', 'STATUS', { code: 50, msg: 'no addresses', details: 'free some' })
  t.match(run('status'), {
    code: 1,
    stdout:
      /net +no +network net: dummy failed at STATUS: no addresses \(free some\)\n.*\(unusable\) +no +.*broken.conflist is no JSON/s,
  })
  t.match(json('status', 'net'), [{ name: 'net', ready: false, hint: 'free some' }])
  t.match(json('network', 'ls'), {
    networks: [{ name: 'net', plugins: ['dummy'] }, {}],
    problems: [/broken.conflist/],
  })
  t.match(run('network', 'rm', 'net').stdout, 'net: nothing to remove\n')
  t.strictSame(plugins.last('dummy', 'GC').config['cni.dev/valid-attachments'], [])
  t.match(run('resident', 'status').stdout, /resident +not running/)
  t.match(run('resident', 'stop').stdout, 'no resident runs\n')
})

function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode)
  return new Promise(resolve => child.once('exit', code => resolve(code)))
}
