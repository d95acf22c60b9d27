// plumbline-init: what a process inside finds, and how it ends.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { distDir, findInPath, needs } from '../helpers/needs.js'
import { tempNetns } from '../helpers/netns.js'
import { isAlive, until } from '../helpers/processes.js'
import { plainEnv } from '../helpers/sh.js'

const init = join(distDir, 'bin/plumbline-init')
const skip = needs('root') || (existsSync(init) ? false : 'dist/bin/plumbline-init is not built')

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function run(netns: string, options: readonly string[], command: readonly string[]): Run {
  const args = ['run', '--netns', netns, ...options, '--', ...command]
  const { status, stdout, stderr } = spawnSync(init, args, {
    encoding: 'utf8',
    env: plainEnv,
    timeout: 20_000,
  })
  return { code: status, stdout, stderr }
}

const sh = (script: string) => ['/bin/sh', '-c', script]

/** A root directory with a shell and a few tools, copied from this machine with the libraries they need. */
function makeRootfs(t: Test): string {
  const root = join(t.testdir({ rootfs: { bin: {}, etc: {}, tmp: {} } }), 'rootfs')
  for (const tool of ['sh', 'cat', 'ls', 'mknod', 'dd', 'ps', 'grep', 'sleep', 'touch', 'readlink']) {
    const path = realpathSync(findInPath(tool)!)
    copyFileSync(path, join(root, 'bin', tool))
    chmodSync(join(root, 'bin', tool), 0o755)
    for (const [library] of execFileSync('ldd', [path], { encoding: 'utf8' }).matchAll(/\/[^ ]+/g)) {
      mkdirSync(join(root, dirname(library)), { recursive: true })
      copyFileSync(library, join(root, library))
    }
  }
  return root
}

t.test('namespaces, privileges and the exit code', { skip }, async t => {
  const { path, ip } = tempNetns(t)
  const { code, stdout } = run(
    path,
    ['--hostname', 'inside'],
    sh(
      'uname -n; echo $$; cat /proc/self/status; readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/mnt /proc/self/ns/uts; exit 3',
    ),
  )
  t.equal(code, 3)
  const [hostname, pid] = stdout.split('\n')
  t.equal(hostname, 'inside')
  t.equal(pid, '2', 'PID 1 is its parent')
  // chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap
  const granted = 0xa80425fbn
  for (const set of ['CapPrm', 'CapEff', 'CapBnd']) {
    const caps = BigInt(`0x${new RegExp(`${set}:\\t(.*)`).exec(stdout)?.[1]}`)
    t.equal(caps & ~granted, 0n, `${set} has nothing beyond the default set`)
    t.ok(caps & 1n, `${set} is not empty`)
  }
  t.match(stdout, /CapInh:\t0+\n/)
  t.match(stdout, /CapAmb:\t0+\n/)
  t.match(stdout, /NoNewPrivs:\t1/)
  for (const kind of ['ipc', 'mnt', 'uts'])
    t.notMatch(
      stdout,
      new RegExp(
        `${kind}:\\[${/\d+/.exec(execFileSync('readlink', [`/proc/self/ns/${kind}`], { encoding: 'utf8' }))?.[0]}\\]`,
      ),
      `own ${kind}`,
    )
  t.match(stdout, `net:[${execFileSync('stat', ['-c', '%i', path], { encoding: 'utf8' }).trim()}]`)
  t.equal(ip('link').length, 1, 'nothing was made in the namespace')
})

t.test("without a root directory: the machine's files, the system's read-only", { skip }, async t => {
  const { path } = tempNetns(t)
  const directory = t.testdir({ secret: { file: '' }, bound: 'bound' })
  const script = `
    for d in /usr /etc; do touch $d/plumbline-test 2>/dev/null && echo "wrote $d"; done
    touch ${directory}/written && echo can-write
    echo x > /proc/sys/kernel/hostname 2>/dev/null && echo "wrote sysctl"
    ls ${directory}/secret
    cat /etc/hosts
    ls /sys/class/net
    grep -c nsfs /proc/self/mountinfo
    ls /dev
    pwd`
  const { stdout } = run(
    path,
    ['--hide', `${directory}/secret`, '--bind', `${directory}/bound`, '/etc/hosts'],
    sh(script),
  )
  t.strictSame(stdout.trim().split('\n'), [
    'can-write',
    'boundlo',
    '0',
    'fd',
    'full',
    'null',
    'ptmx',
    'pts',
    'random',
    'shm',
    'stderr',
    'stdin',
    'stdout',
    'tty',
    'urandom',
    'zero',
    process.cwd(),
  ])
  t.ok(existsSync(`${directory}/written`))
  t.notMatch(readFileSync('/etc/hosts', 'utf8'), /^bound/, 'the machine keeps its own')
})

t.test('with a root directory', { skip: skip || needs('nsenter') }, async t => {
  const { path } = tempNetns(t)
  const root = makeRootfs(t)
  const files = dirname(root)
  writeFileSync(join(files, 'resolv'), 'nameserver 192.0.2.53')
  writeFileSync(join(files, 'hosts'), '127.0.0.1 localhost')
  symlinkSync('/etc/target', join(root, 'etc/resolv.conf'))
  const script = `
    ls /
    cat /etc/resolv.conf; echo; cat /etc/hosts; echo
    mknod /tmp/disk b 254 0 && dd if=/tmp/disk of=/dev/null count=1 2>/dev/null && echo "read a disk"
    mknod /dev/shm/disk b 254 0 2>/dev/null && dd if=/dev/shm/disk of=/dev/null count=1 2>/dev/null && echo "read a disk"
    echo x > /dev/null && echo null-works
    ls /.. | grep -c usr
    readlink /proc/1/exe || echo exe-is-hidden
    ls -l /proc/1/fd >/dev/null 2>&1; readlink /proc/1/root || echo root-is-hidden
    ps ax | grep -c [p]lumbline-init`
  const { code, stdout, stderr } = run(
    path,
    [
      '--rootfs',
      root,
      '--bind',
      join(files, 'resolv'),
      '/etc/resolv.conf',
      '--bind',
      join(files, 'hosts'),
      '/etc/hosts',
    ],
    sh(script),
  )
  t.equal(code, 0, stderr)
  const entries = ['bin', 'dev', 'etc', 'lib', 'lib64', 'proc', 'sys', 'tmp'].filter(
    name => name !== 'lib64' || existsSync(join(root, 'lib64')),
  )
  t.strictSame(stdout.trim().split('\n'), [
    ...entries,
    'nameserver 192.0.2.53',
    '127.0.0.1 localhost',
    'null-works',
    '0',
    'exe-is-hidden',
    'root-is-hidden',
    '1',
  ])
  t.equal(
    readFileSync(join(root, 'etc/target'), 'utf8'),
    '',
    'a symlink is followed inside, and only the mount point made',
  )
  const failed = run(path, ['--rootfs', join(root, 'nothing')], sh('true'))
  t.match(failed, { code: 125, stderr: /plumbline-init: mount .*nothing: No such file or directory/ })
})

t.test('the exit code says what happened', { skip }, async t => {
  const { path } = tempNetns(t)
  const directory = t.testdir({ data: '' })
  t.equal(run(path, [], sh('exit 0')).code, 0)
  t.equal(run(path, [], sh('kill -9 $$')).code, 137)
  t.match(run(path, [], ['/nonexistent']), { code: 127, stderr: /\/nonexistent: No such file/ })
  t.match(run(path, [], [join(directory, 'data')]), { code: 126, stderr: /Permission denied/ })
  t.match(run('/nonexistent', [], sh('true')), { code: 125, stderr: /open network namespace \/nonexistent/ })
  t.match(run('/etc/passwd', [], sh('true')), { code: 125, stderr: /enter network namespace/ })
  t.match(run(path, ['--cgroup', '/nonexistent'], sh('true')), { code: 125, stderr: /join cgroup/ })
  t.equal(run(path, ['--exit-file', join(directory, 'exit')], sh('exit 42')).code, 42)
  t.equal(readFileSync(join(directory, 'exit'), 'utf8'), '42\n')
  const usage = (...args: string[]) => spawnSync(init, args, { encoding: 'utf8' }).stderr
  t.match(usage(), /neither run nor enter/)
  t.match(usage('run', '--', 'x'), /missing --netns/)
  t.match(usage('run', '--netns', path), /no command/)
  t.match(usage('run', '--netns'), /no value for --netns/)
  t.match(usage('run', '--frob', '--', 'x'), /unknown option --frob/)
  t.match(usage('enter', '--pid', 'x', '--', 'x'), /not a number: x/)
  t.match(usage('enter', '--', 'x'), /missing --pid/)
})

t.test('signals are passed on, zombies reaped, orphans end with the command', { skip }, async t => {
  const { path } = tempNetns(t)
  const directory = t.testdir()
  const script = `
    trap 'echo got-term; exit 9' TERM
    trap 'echo got-usr1' USR1
    (sleep 0.01 & sleep 0.01 &)
    sleep 1000 &
    echo $$ > ${directory}/ready
    while :; do wait; done`
  const child = spawn(init, ['run', '--netns', path, '--', ...sh(script)], { env: plainEnv })
  let stdout = ''
  child.stdout.on('data', chunk => {
    stdout += chunk
  })
  t.after(() => child.kill('SIGKILL'))
  await until(() => existsSync(`${directory}/ready`), 'the command to start')
  const pid1 = childrenOf(child.pid!)[0]!
  await until(
    () => childrenOf(pid1).every(pid => !isZombie(pid)) && grandchildren(pid1) === 1,
    'zombies to be reaped',
  )
  child.kill('SIGUSR1')
  await until(() => stdout.includes('got-usr1'), 'SIGUSR1')
  child.kill('SIGTERM')
  const [code] = (await onceExit(child)) as [number, null]
  t.equal(code, 9)
  t.match(stdout, 'got-term')
  t.notOk(isAlive(pid1))
})

t.test('everything dies with its parent, unless detached', { skip }, async t => {
  const { path } = tempNetns(t)
  const directory = t.testdir()
  // Two levels: the shell is the parent that is killed.
  const start = (option: string, name: string) =>
    `${init} run --netns ${path} ${option} -- /bin/sh -c 'echo $$ > ${directory}/${name}; exec sleep 1000' &`
  const parent = spawn('sh', ['-c', `${start('', 'tied')} ${start('--detach', 'free')} wait; sleep 1000`], {
    env: plainEnv,
    stdio: 'ignore',
  })
  await until(
    () => existsSync(`${directory}/tied`) && existsSync(`${directory}/free`),
    'both commands to start',
  )
  const inits = () =>
    execFileSync('ps', ['-eo', 'pid=,stat=,args='], { encoding: 'utf8' })
      .split('\n')
      .filter(line => new RegExp(`^\\s*\\d+ [^Z]\\S* +${init} run .*${directory}`).test(line))
      .map(line => Number.parseInt(line, 10))
  t.equal(inits().length, 3, 'the tied one has an outer process, the detached one only its PID 1')
  parent.kill('SIGKILL')
  await until(() => inits().length === 1, 'the tied one to die')
  const [free] = inits()
  process.kill(free!, 'SIGKILL')
  await until(() => inits().length === 0, 'the detached one to die')
})

t.test('enter: one more command in the same namespaces', { skip }, async t => {
  const { path } = tempNetns(t)
  const root = makeRootfs(t)
  writeFileSync(join(root, 'marker'), 'here')
  const child = spawn(
    init,
    ['run', '--netns', path, '--hostname', 'inside', '--rootfs', root, '--', ...sh('sleep 1000')],
    { env: plainEnv, stdio: 'ignore' },
  )
  t.after(() => child.kill('SIGKILL'))
  await until(() => childrenOf(child.pid!).flatMap(childrenOf).length > 0, 'the command to start')
  const [pid1] = childrenOf(child.pid!)
  const enter = (...command: string[]) =>
    spawnSync(init, ['enter', '--pid', String(pid1), '--', ...command], {
      encoding: 'utf8',
      env: { PATH: '/bin' },
    })
  const { status, stdout } = enter(
    'sh',
    '-c',
    'cat /marker; cat /proc/sys/kernel/hostname; grep -E "CapEff|CapBnd|NoNew" /proc/self/status; ps ax | grep -c sleep; exit 5',
  )
  t.equal(status, 5)
  t.match(stdout, /^hereinside\nCapEff:\t0*a80425fb\nCapBnd:\t0*a80425fb\nNoNewPrivs:\t1\n/)
  t.equal(enter('nothing').status, 127)
  const late = spawn(init, ['enter', '--pid', String(pid1), '--', 'sleep', '1000'], {
    env: { PATH: '/bin' },
    stdio: 'ignore',
  })
  await until(() => childrenOf(late.pid!).length > 0, 'the second command')
  child.kill('SIGKILL')
  t.equal((await onceExit(late))[0], 137, 'it ends with the container')
  t.match(enter('true').stderr, /No such process|No such file/)
})

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number)
  } catch {
    return []
  }
}

function grandchildren(pid: number): number {
  return childrenOf(pid).length
}

function isZombie(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !isAlive(pid)
}

function onceExit(child: ReturnType<typeof spawn>): Promise<[number | null, NodeJS.Signals | null]> {
  if (child.exitCode !== null) return Promise.resolve([child.exitCode, null])
  return new Promise(resolve => child.once('exit', (code, signal) => resolve([code, signal])))
}
