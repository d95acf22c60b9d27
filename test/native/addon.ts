// The addon, function by function, against the kernel.
import { spawn } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import t, { type Test } from 'tap'
import { addon, type OpenRequest } from '../../native/addon.js'
import { distDir, needs } from '../helpers/needs.js'
import { sh } from '../helpers/sh.js'
import { connectTo, getLink, linkNames, NLM_F_DUMP, tempDirectory } from '../helpers/sockets.js'

const { O_RDONLY, O_RDWR, O_CREAT } = constants
const ENOENT = 2
const EBADF = 9
const EAGAIN = 11
const EINVAL = 22
const ENOTTY = 25
const EPIPE = 32
const ENAMETOOLONG = 36
const ENOTSOCK = 88
const EMSGSIZE = 90
const EPROTONOSUPPORT = 93
const EADDRINUSE = 98
const CLONE_NEWNET = 0x40000000
const NETLINK_ROUTE = 0
const RTNLGRP_LINK = 1
const LOCK_EX = 2
const LOCK_NB = 4
const LOCK_UN = 8

/** A namespace made by the addon, for the time of the test. */
function netns(t: Test): { path: string; fd: number } {
  const path = `${tempDirectory(t)}/netns`
  closeSync(openSync(path, 'wx'))
  t.equal(addon.newNetns(path), 0)
  const fd = openSync(path, 'r')
  t.teardown(() => {
    closeSync(fd)
    addon.unmount(path)
  })
  return { path, fd }
}

/** The descriptors of `openIn`, closed when the test ends. */
function openIn(t: Test, ns: number, ...requests: OpenRequest[]): number[] {
  const fds = addon.openIn(ns, requests)
  t.teardown(() => {
    for (const fd of fds) if (fd >= 0) closeSync(fd)
  })
  return fds
}

const text = (fd: number): string => {
  const into = Buffer.alloc(100)
  return into.toString('latin1', 0, readSync(fd, into, 0, into.length, 0)).trim()
}

t.test('namespaces', { skip: needs('root', 'iproute', 'nsenter') }, async t => {
  const ours = readlinkSync('/proc/thread-self/ns/net')
  const { path, fd } = netns(t)
  t.not(statSync(path).ino, statSync('/proc/self/ns/net').ino, 'a namespace of its own')
  t.equal(addon.namespaceType(fd), CLONE_NEWNET)
  t.equal(addon.namespaceType(openIn(t, -1, { path: '/dev/null', flags: O_RDONLY })[0]!), -ENOTTY)
  t.equal(addon.namespaceType(-1), -EBADF)
  t.strictSame(dump(openIn(t, fd, { protocol: NETLINK_ROUTE })[0]!), ['lo'])
  t.equal(readlinkSync('/proc/thread-self/ns/net'), ours, 'and this thread is still in ours')

  t.equal(addon.newNetns('/nowhere/netns'), -ENOENT)
  t.equal(addon.unmount('/nowhere/netns'), -ENOENT)
  t.equal(addon.unmount(path), 0)
  t.equal(addon.unmount(path), -EINVAL, 'not mounted any more')
  t.equal(addon.namespaceType(fd), CLONE_NEWNET, 'a descriptor keeps it')
})

/** The links that `socket` sees. */
function dump(socket: number): string[] {
  const into = Buffer.alloc(1 << 16)
  const names: string[] = []
  addon.send(socket, getLink(NLM_F_DUMP))
  let length = 1
  while (length > 0) {
    length = addon.recv(socket, into, 0)
    if (length > 0) names.push(...linkNames(into.subarray(0, length)))
  }
  return names.sort()
}

t.test('opening inside a namespace', { skip: needs('root', 'iproute', 'nsenter') }, async t => {
  const { path, fd } = netns(t)
  sh('ip link add in0 type veth peer name in1', path)
  sh('echo 0 > /proc/sys/net/ipv4/conf/in0/forwarding', path) // a new namespace may have the host's
  const requests: OpenRequest[] = [
    { protocol: NETLINK_ROUTE },
    { path: '/proc/sys/net/ipv4/conf/in0/forwarding', flags: O_RDWR },
    { path: '/proc/sys/net/ipv4/conf/nothing/forwarding', flags: O_RDWR },
    { protocol: 999 },
    { protocol: NETLINK_ROUTE, groups: [RTNLGRP_LINK, 12345] },
  ]
  const [socket, sysctl, ...failed] = openIn(t, fd, ...requests)
  t.strictSame(failed, [-ENOENT, -EPROTONOSUPPORT, -EINVAL], 'each request fails for itself')
  t.strictSame(dump(socket!), ['in0', 'in1', 'lo'])
  t.notOk(existsSync('/proc/sys/net/ipv4/conf/in0'), 'not there for us')
  t.equal(text(sysctl!), '0')
  writeSync(sysctl!, '1')
  t.equal(sh('cat /proc/sys/net/ipv4/conf/in0/forwarding', path).trim(), '1')
  for (const opened of [socket, sysctl])
    t.match(sh(`cat /proc/${process.pid}/fdinfo/${opened}`), /flags:\s+02\d{6}\n/, 'O_CLOEXEC')

  const [noNamespace] = openIn(t, -1, { path: '/dev/null', flags: O_RDONLY })
  t.strictSame(
    addon.openIn(noNamespace!, requests),
    requests.map(() => -EINVAL),
  )
  t.strictSame(addon.openIn(9999, [{ protocol: 0 }]), [-EBADF])
  t.strictSame(addon.openIn(fd, []), [])
  const file = `${tempDirectory(t)}/made`
  openIn(t, -1, { path: file, flags: O_RDWR | O_CREAT })
  t.equal(statSync(file).mode & 0o777, 0o600)
})

t.test('netlink datagrams', { skip: needs('root', 'iproute', 'nsenter') }, async t => {
  const { path, fd } = netns(t)
  const [socket, monitor] = openIn(
    t,
    fd,
    { protocol: NETLINK_ROUTE },
    { protocol: NETLINK_ROUTE, groups: [RTNLGRP_LINK] },
  )
  const into = Buffer.alloc(1 << 16)
  t.equal(addon.recv(socket!, into, 0), -EAGAIN)
  t.equal(addon.recv(socket!, into, 20), -EAGAIN, 'after the time is over')

  t.equal(addon.send(socket!, getLink(0, 1)), 32)
  const length = addon.recv(socket!, into, -1)
  t.strictSame(linkNames(into.subarray(0, length)), ['lo'])
  addon.send(socket!, getLink(0, 1))
  t.equal(addon.recv(socket!, into.subarray(0, 20), 0), length, 'the real length of what was cut off')
  t.equal(addon.recv(socket!, into, 0), -EAGAIN, 'and it is gone')

  // We block before the link is made: the child needs longer to start.
  const child = spawn('nsenter', [`--net=${path}`, 'ip', 'link', 'add', 'new0', 'type', 'veth'], {
    stdio: 'ignore',
  })
  const ended = new Promise(resolve => child.on('exit', resolve))
  t.ok(linkNames(into.subarray(0, addon.recv(monitor!, into, 30_000)))[0], 'a notification wakes us')
  await ended

  t.equal(addon.send(9999, into), -EBADF)
  t.equal(addon.recv(9999, into, -1), -EBADF)
})

t.test('netlink sockets: their port, and larger messages', { skip: needs('root', 'nsenter') }, async t => {
  const { fd } = netns(t)
  const [one, two] = openIn(t, fd, { protocol: NETLINK_ROUTE }, { protocol: NETLINK_ROUTE }) as [
    number,
    number,
  ]
  t.ok(addon.netlinkPort(one) > 0)
  t.not(addon.netlinkPort(one), addon.netlinkPort(two))
  const large = Buffer.alloc(1 << 20)
  t.equal(addon.send(one, large), -EMSGSIZE)
  t.equal(addon.sendBuffer(one, large.length), 0)
  t.equal(addon.send(one, large), large.length)
  t.equal(addon.netlinkPort(-1), -EBADF)
  t.equal(addon.sendBuffer(-1, 1), -EBADF)
  const [file] = openIn(t, -1, { path: '/dev/null', flags: O_RDONLY }) as [number]
  t.equal(addon.netlinkPort(file), -ENOTSOCK)
  t.equal(addon.sendBuffer(file, 1), -ENOTSOCK)
})

t.test('arguments of the wrong type harm nobody', async t => {
  const wrong = addon as unknown as Record<string, (...args: unknown[]) => unknown>
  t.equal(wrong.send?.('0', 'text'), -EBADF)
  t.equal(wrong.recv?.(), -EBADF)
  t.equal(wrong.flock?.(null, LOCK_EX), -EBADF)
  t.strictSame(wrong.openIn?.(-1, 'x'), [])
  t.strictSame(wrong.openIn?.(-1, [1, {}]), [-EPROTONOSUPPORT, -EPROTONOSUPPORT])
  t.equal(wrong.requestForked?.(undefined, undefined), -EBADF)
  t.equal(await wrong.requestOnThread?.(-1, undefined, undefined), -EBADF)
  t.throws(() => wrong.poll?.(0, 1), /EINVAL/)
  t.throws(() => wrong.poll?.(-1, 1, () => {}), /EBADF/)
})

t.test('locks', async t => {
  const file = `${tempDirectory(t)}/lock`
  writeFileSync(file, '')
  const [first, second] = openIn(t, -1, { path: file, flags: O_RDWR }, { path: file, flags: O_RDWR }) as [
    number,
    number,
  ]
  t.equal(addon.flock(first, LOCK_EX), 0)
  t.equal(addon.flock(second, LOCK_EX | LOCK_NB), -EAGAIN)
  let held = false
  const waiting = addon.flockOnThread(second, LOCK_EX).then(result => {
    held = true
    return result
  })
  t.equal(await addon.flockOnThread(first, LOCK_EX), 0, 'another call gets through')
  t.notOk(held)
  t.equal(addon.flock(first, LOCK_UN), 0)
  t.equal(await waiting, 0)
  t.equal(addon.flock(first, LOCK_EX | LOCK_NB), -EAGAIN)
  t.equal(await addon.flockOnThread(9999, LOCK_EX), -EBADF)
  t.equal(await addon.flockOnThread(first, LOCK_EX | LOCK_NB), -EAGAIN)
})

t.test('unix sockets', async t => {
  const directory = tempDirectory(t)
  const path = `${directory}/socket`
  const listener = addon.listenUnix(path, 16)
  t.teardown(() => closeSync(listener))
  t.equal(statSync(path).mode & 0o7777, 0o600)
  t.equal(addon.accept(listener), -EAGAIN)
  t.equal(addon.listenUnix(path, 1), -EADDRINUSE)
  t.equal(addon.listenUnix(`${directory}/none/socket`, 1), -ENOENT)
  t.equal(addon.listenUnix('x'.repeat(200), 1), -ENAMETOOLONG)
  t.equal(addon.accept(9999), -EBADF)

  const { client, fd } = await connectTo(listener, path)
  t.strictSame(addon.peerCredentials(fd), {
    pid: process.pid,
    uid: process.geteuid?.(),
    gid: process.getegid?.(),
  })
  t.equal(addon.peerCredentials(9999), -EBADF)
  const into = Buffer.alloc(10)
  t.strictSame(addon.receiveWithFds(fd, into, 4), { length: -EAGAIN, fds: [] })
  t.equal(addon.send(fd, Buffer.from('hello')), 5)
  t.equal(String(await new Promise(resolve => client.once('data', resolve))), 'hello')
  client.write('bytes without descriptors')
  await new Promise(resolve => client.write('', resolve))
  t.strictSame(addon.receiveWithFds(fd, into, 4), { length: 10, fds: [] })
  t.equal(into.toString(), 'bytes with')
  client.destroy()
  await new Promise(resolve => client.once('close', resolve))
  while (addon.receiveWithFds(fd, into, 4).length === 10);
  t.strictSame(addon.receiveWithFds(fd, into, 4), { length: 0, fds: [] }, 'the end')
  t.equal(addon.send(fd, Buffer.from('x')), -EPIPE, 'and no SIGPIPE')
  closeSync(fd)

  const long = `${directory}/${'long'.repeat(30)}`
  mkdirSync(long)
  const far = addon.listenUnix(`${long}/socket`, 1)
  t.ok(statSync(`${long}/socket`).isSocket(), 'a path longer than an address')
  t.equal(addon.listenUnix(`${long}/socket`, 1), -EADDRINUSE)
  closeSync(far)
})

t.test('descriptors that come along', { skip: needs('plugins') }, async t => {
  // The launcher sends two: a pipe, and a network namespace.
  const runDir = tempDirectory(t)
  const path = `${runDir}/resident-${statSync('/proc/self/ns/net').ino}.sock`
  const listener = addon.listenUnix(path, 16)
  t.teardown(() => closeSync(listener))
  const open = () => readdirSync('/proc/self/fd').map(fd => `${fd} ${linkOf(fd)}`)
  for (const [maxFds, received] of [
    [4, 2],
    [2, 2],
    [1, 1],
    [0, 0],
    [1000, 2],
    [-1, 0],
  ] as const) {
    const env = { PLUMBLINE_RUN_DIR: runDir, CNI_NETNS: '/proc/self/ns/net', PLUMBLINE_RESIDENT: 'auto' }
    const child = spawn(`${distDir}/cni/bridge`, { env, stdio: 'ignore' })
    const ended = new Promise(resolve => child.on('exit', resolve))
    const fd = await new Promise<number>(resolve => {
      const poller = addon.poll(listener, 1, () => {
        poller.close()
        resolve(addon.accept(listener))
      })
    })
    const into = Buffer.alloc(1 << 16)
    const before = open()
    let answer = addon.receiveWithFds(fd, into, maxFds)
    while (answer.length === -EAGAIN) {
      await new Promise(resolve => setImmediate(resolve))
      answer = addon.receiveWithFds(fd, into, maxFds)
    }
    t.equal(into.toString('latin1', 0, 4), 'PLB1')
    t.equal(answer.fds.length, received, `of ${maxFds}`)
    if (received === 2) t.equal(addon.namespaceType(answer.fds[1]!), CLONE_NEWNET)
    for (const one of answer.fds) {
      t.match(sh(`cat /proc/${process.pid}/fdinfo/${one}`), /flags:\s+02\d{6}\n/, 'O_CLOEXEC')
      closeSync(one)
    }
    t.strictSame(
      open().filter(fd => !before.includes(fd)),
      [],
      'those in excess are closed',
    )
    addon.send(fd, Buffer.from('A\0\0\0\0\0\0\0\0'))
    await ended
    closeSync(fd)
  }
})

/** The directory itself is gone when it is asked. */
function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}

t.test('polling', async t => {
  const path = `${tempDirectory(t)}/socket`
  const listener = addon.listenUnix(path, 16)
  const poller = addon.poll(listener, 1, () => {})
  t.throws(() => addon.poll(listener, 1, () => {}), /EEXIST/, 'one poller a descriptor')
  t.throws(() => addon.poll(9999, 1, () => {}), /EBADF/)
  poller.close()
  const { client, fd } = await connectTo(listener, path)

  const seen: [number, number][] = []
  const into = Buffer.alloc(100)
  client.write('x')
  await new Promise<void>(resolve => {
    const readable = addon.poll(fd, 1, (status, events) => {
      seen.push([status, events])
      if (seen.length < 3) return // not read: it comes again
      addon.receiveWithFds(fd, into, 0)
      readable.close()
      readable.close()
      readable.ref()
      setImmediate(resolve)
    })
  })
  t.strictSame(seen, [
    [0, 1],
    [0, 1],
    [0, 1],
  ])
  await new Promise<void>(resolve => {
    const writable = addon.poll(fd, 1 | 2, (status, events) => {
      t.strictSame([status, events], [0, 2])
      writable.close()
      resolve()
    })
  })
  client.destroy()
  await new Promise<void>(resolve => {
    const disconnected = addon.poll(fd, 4, (_, events) => {
      t.equal(events, 4)
      disconnected.close()
      resolve()
    })
  })
  closeSync(fd)
  closeSync(listener)
  unlinkSync(path)
})
