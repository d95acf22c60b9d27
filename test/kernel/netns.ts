// Namespaces as files, settings of namespaces, locks, and that no descriptor stays open.
import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  readdirSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lockFile } from '../../kernel/lock.js'
import { Namespace } from '../../kernel/namespace.js'
import {
  createNetns,
  isNetns,
  netnsIdentity,
  openNetns,
  ownNetns,
  removeNetns,
  sameNetns,
} from '../../kernel/netns.js'
import { needs } from '../helpers/needs.js'
import { tempNetns, withNamespaces } from '../helpers/netns.js'

const skip = needs('root', 'iproute', 'nsenter')

t.test('create, open, remove', { skip }, async t => {
  const directory = t.testdir()
  const path = join(directory, 'a', 'b', 'ns')
  t.after(() => removeNetns(path))
  createNetns(path)
  t.equal(statSync(join(directory, 'a', 'b')).mode & 0o777, 0o755)
  t.throws(() => createNetns(path), { code: 'EEXIST', operation: 'netns add', target: path })

  const fd = openNetns(path)
  t.ok(isNetns(fd))
  const identity = netnsIdentity(fd)
  t.same(identity, netnsIdentity(path))
  t.ok(sameNetns(identity, netnsIdentity(path)))
  t.notOk(sameNetns(identity, ownNetns()))
  t.equal(`net:[${ownNetns().ino}]`, readlinkSync('/proc/self/ns/net'))
  closeSync(fd)

  t.equal(removeNetns(path), true)
  t.equal(existsSync(path), false)
  t.equal(removeNetns(path), false)
  t.throws(() => openNetns(path), { code: 'ENOENT', operation: 'netns open' })
})

t.test('what is no namespace', { skip }, async t => {
  const directory = t.testdir({ file: 'something', empty: '', sub: {} })
  const at = (name: string) => join(directory, name)
  execFileSync('mkfifo', [at('fifo')])
  symlinkSync('/proc/self/ns/net', at('link'))
  for (const path of [at('file'), at('empty'), at('sub'), at('fifo'), '/proc/self/ns/uts', '/dev/null'])
    t.throws(() => openNetns(path), { code: 'EINVAL', message: /not a network namespace/ }, path)
  t.throws(() => netnsIdentity(at('none')), { code: 'ENOENT' })
  for (const path of [at('file'), at('sub'), at('fifo')])
    t.throws(() => removeNetns(path), { code: 'EINVAL' }, path)
  t.ok(existsSync(at('file')), 'a file with something in it is left alone')
  t.equal(removeNetns(at('empty')), true, 'what a creation that was killed leaves behind')
  t.throws(() => createNetns(join(at('file'), 'ns')), { code: 'ENOTDIR' })
  closeSync(openNetns(at('link')))
})

t.test('one bound over another goes, too', { skip }, async t => {
  const path = join(t.testdir({ ns: '' }), 'ns')
  t.after(() => removeNetns(path))
  for (const _ of [1, 2]) execFileSync('unshare', [`--net=${path}`, 'true'])
  t.equal(removeNetns(path), true)
  t.notOk(existsSync(path))
})

t.test('sysctl of a namespace and of our own', { skip }, async t => {
  await withNamespaces(t, 2, async (a, b) => {
    const forward = 'net/ipv4/ip_forward'
    const own = Namespace.host()
    t.after(() => own[Symbol.dispose]())
    const before = own.sysctl.get(forward)
    t.equal(a.ns.sysctl.get(forward), a.run(`cat /proc/sys/${forward}`).trim())
    a.ns.sysctl.set(forward, a.ns.sysctl.get(forward) === '1' ? 0 : 1)
    t.equal(a.ns.sysctl.get(forward), a.run(`cat /proc/sys/${forward}`).trim())
    t.not(a.ns.sysctl.get(forward), b.ns.sysctl.get(forward), 'the other namespace is as it was')
    t.equal(own.sysctl.get(forward), before)

    a.ns.sysctl.set(forward, 0)
    t.equal(a.ns.sysctl.ensure(forward, 1), '0', 'returns what it replaced')
    t.equal(a.ns.sysctl.ensure(forward, 1), undefined)
    t.equal(a.ns.sysctl.get(forward), '1')

    t.throws(() => a.ns.sysctl.get('net/no/such'), {
      code: 'ENOENT',
      operation: 'sysctl get',
      target: 'net/no/such',
    })
    t.throws(() => a.ns.sysctl.ensure('net/no/such', 1), { code: 'ENOENT', operation: 'sysctl set' })
    t.throws(() => a.ns.sysctl.set(forward, 'nonsense'), { code: 'EINVAL', target: forward })
    a.ns.sysctl.set('net/no/such', 1, { optional: true })
    a.ns.sysctl.setAll([])
    a.ns.sysctl.setAll([
      ['net/ipv4/conf/all/rp_filter', 2],
      ['net/no/such', 1, { optional: true }],
      ['net/ipv4/conf/all/arp_notify', '1'],
    ])
    t.equal(a.run('cat /proc/sys/net/ipv4/conf/all/rp_filter').trim(), '2')
    t.equal(a.run('cat /proc/sys/net/ipv4/conf/all/arp_notify').trim(), '1')
    t.throws(
      () =>
        a.ns.sysctl.setAll([
          ['net/no/such', 1],
          ['net/ipv4/conf/all/rp_filter', 0],
        ]),
      { code: 'ENOENT' },
    )
    const fds = readdirSync('/proc/self/fd').length
    const opened = Namespace.open(b.fd, { sysctls: [['net/ipv4/conf/lo/arp_ignore', 1]] })
    t.equal(b.run('cat /proc/sys/net/ipv4/conf/lo/arp_ignore').trim(), '1', 'written on the way')
    opened[Symbol.dispose]()
    t.throws(() => Namespace.open(b.fd, { sysctls: [['net/no/such', 1]] }), { code: 'ENOENT' })
    for (const bad of [-1, -2, 1 << 20])
      t.throws(() => Namespace.open(bad), { code: 'EBADF', operation: 'netns enter' })
    t.equal(readdirSync('/proc/self/fd').length, fds)
  })
})

t.test('locks', async t => {
  const path = join(t.testdir(), 'lock')
  const held = await lockFile(path)
  t.equal(statSync(path).mode & 0o777, 0o600)
  const order: number[] = []
  const waiting = [1, 2, 3].map(async n => {
    using _lock = await lockFile(path)
    order.push(n)
  })
  t.same(order, [])
  held[Symbol.dispose]()
  await Promise.all(waiting)
  t.same(order, [1, 2, 3], 'first come, first served')

  await t.test('another process holds it', async t => {
    const holder = spawn('flock', [path, 'sh', '-c', 'echo locked; read x'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    t.after(() => holder.kill())
    await new Promise(resolve => holder.stdout.once('data', resolve))
    let mine = false
    const lock = lockFile(path).then(lock => {
      mine = true
      return lock
    })
    await new Promise(setImmediate)
    t.equal(mine, false)
    holder.stdin.end('\n')
    ;(await lock)[Symbol.dispose]()
  })

  await t.test('the file is replaced while we wait', async t => {
    const holder = spawn('flock', [path, 'sh', '-c', 'echo locked; read x'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    t.after(() => holder.kill())
    await new Promise(resolve => holder.stdout.once('data', resolve))
    const lock = lockFile(path)
    unlinkSync(path)
    writeFileSync(`${path}.new`, '')
    renameSync(`${path}.new`, path)
    const { ino } = statSync(path)
    holder.stdin.end('\n')
    using _held = await lock
    const locks = execFileSync('cat', ['/proc/locks'], { encoding: 'utf8' })
    t.match(
      locks,
      new RegExp(`FLOCK .* ${process.pid} \\S+:${ino} `),
      'the lock is on the file that is there now',
    )
  })

  await t.rejects(lockFile(join(path, 'below')), { code: 'ENOTDIR', operation: 'lock' })
  ;(await lockFile(path))[Symbol.dispose]()
})

t.test('without privilege', { skip }, async t => {
  const { ns } = tempNetns(t)
  const directory = t.testdir({ open: {} })
  const path = join(directory, 'open', 'ns')
  chmodSync(join(directory, 'open'), 0o777)
  process.seteuid!(65534)
  try {
    t.throws(() => ns.link.add({ name: 'br0', kind: 'bridge' }), {
      code: 'EPERM',
      operation: 'link add',
      target: 'br0',
    })
    t.throws(() => createNetns(path), { code: 'EPERM', operation: 'netns add', target: path })
  } finally {
    process.seteuid!(0)
  }
  t.notOk(existsSync(path), 'the file is gone again')
})

t.test('no descriptor stays open', { skip }, async t => {
  const { fd, path, ns } = tempNetns(t)
  const count = (): number => readdirSync('/proc/self/fd').length
  const round = async (): Promise<void> => {
    const namespace = Namespace.open(fd, { sysctls: [['net/ipv4/conf/lo/arp_ignore', 1]] })
    namespace.link.list()
    namespace.subscribe([1])[Symbol.dispose]()
    await namespace.link.operational(1, 0)
    namespace[Symbol.dispose]()
    closeSync(openNetns(path))
    ns.sysctl.get('net/ipv4/ip_forward')
    ns.sysctl.ensure('net/ipv4/ip_forward', 1)
    createNetns(`${path}-x`)
    removeNetns(`${path}-x`)
    try {
      openNetns('/dev/null')
    } catch {}
    ;(await lockFile(`${path}-lock`))[Symbol.dispose]()
  }
  await round()
  const before = count()
  for (let i = 0; i < 20; i++) await round()
  t.equal(count(), before)
  unlinkSync(`${path}-lock`)
})
