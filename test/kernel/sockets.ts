// Who listens, in fresh namespaces, against what `ss` says; and whose the sockets are.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { KernelError } from '../../kernel/error.js'
import { NetlinkConnection } from '../../kernel/netlink/connection.js'
import { ownerOf } from '../../kernel/socket/owner.js'
import { type Listener, SocketVerbs } from '../../kernel/socket/sockets.js'
import { type ListenerSpec, listenIn } from '../helpers/listeners.js'
import { needs } from '../helpers/needs.js'
import { tempNetns } from '../helpers/netns.js'
import { type Answer, done, failure, ScriptedKernel } from '../helpers/scripted-kernel.js'
import { tempDirectory } from '../helpers/sockets.js'

const skip = needs('root', 'ss', 'nsenter')
const ENOENT = 2
const EPERM = 1

const SPECS: readonly ListenerSpec[] = [
  { protocol: 'tcp', address: '0.0.0.0', port: 8080 },
  { protocol: 'tcp', address: '::', port: 8080, ipv6Only: true },
  { protocol: 'tcp', address: '127.0.0.1', port: 8081 },
  { protocol: 'tcp', address: '::', port: 8082 },
  { protocol: 'tcp', address: '::1', port: 8083 },
  { protocol: 'tcp', address: '::ffff:127.0.0.1', port: 8084 },
  { protocol: 'udp', address: '0.0.0.0', port: 5353 },
  { protocol: 'udp', address: '::', port: 5354 },
  { protocol: 'udp', address: '127.0.0.1', port: 5355, connectTo: 5353 },
]

const shown = (listeners: readonly Listener[]): string[] =>
  listeners.map(({ protocol, address, port }) => `${protocol} ${address} ${port}`).sort()

t.test('who listens', { skip }, async t => {
  const { ns, path, run } = tempNetns(t)
  run('ip link set lo up')
  t.same(ns.sockets.listening('tcp', 8080), [], 'nobody')
  const pid = await listenIn(t, path, SPECS)
  const { sockets } = ns

  const ports = { from: 1, to: 65535 }
  const ss = (options: string, protocol: string): string[] =>
    run(`ss -H -n ${options}`)
      .trim()
      .split('\n')
      .map(line => line.trim().split(/\s+/)[3]!)
      .map(end => {
        const [, address, port] = /^\[?(.*?)\]?:(\d+)$/.exec(end)!
        return `${protocol} ${address === '*' ? '::' : address} ${port}`
      })
      .sort()
  t.same(shown(sockets.listening('tcp', ports)), ss('-lt', 'tcp'), 'TCP')
  t.same(shown(sockets.listening('udp', ports)), ss('-lu', 'udp'), 'UDP: what is connected waits for nobody')
  t.equal(sockets.listening('tcp', ports).length, 6)
  t.same(sockets.listening('sctp', ports), [])

  const on = (port: number, family?: 4 | 6) => shown(sockets.listening('tcp', port, family))
  t.same(on(8080), ['tcp 0.0.0.0 8080', 'tcp :: 8080'])
  t.same(on(8080, 4), ['tcp 0.0.0.0 8080'])
  t.same(on(8080, 6), ['tcp :: 8080'])
  t.same(on(8081), ['tcp 127.0.0.1 8081'], 'one address only')
  t.same(on(8082, 4), ['tcp :: 8082'], 'open to both families')
  t.same(on(8082, 6), ['tcp :: 8082'])
  t.same(on(8083, 4), [])
  t.same(on(8084, 4), ['tcp ::ffff:127.0.0.1 8084'], 'an IPv4 address in an IPv6 socket')
  t.same(on(8084, 6), [])
  t.same(on(8085), [])
  t.same(sockets.listening('udp', 5355), [])

  t.same(shown(sockets.listening('tcp', { from: 8081, to: 8082 })), ['tcp 127.0.0.1 8081', 'tcp :: 8082'])
  t.same(shown(sockets.listening('tcp', [8079, { from: 8083, to: 8090 }, 8081])), [
    'tcp 127.0.0.1 8081',
    'tcp ::1 8083',
    'tcp ::ffff:127.0.0.1 8084',
  ])
  t.same(sockets.listening('tcp', []), [], 'no port is not any port')

  const [listener] = sockets.listening('tcp', 8082)
  t.match(listener, { protocol: 'tcp', family: 6, port: 8082, v6Only: false, uid: 0, inode: Number })
  t.same(ownerOf(listener!.inode, 10_000), { pid, name: 'node' })
})

t.test('whose a socket is', async t => {
  const proc = tempDirectory(t)
  const processWith = (pid: number, name: string | undefined, ...files: string[]) => {
    mkdirSync(join(proc, String(pid), 'fd'), { recursive: true })
    for (const [fd, file] of files.entries()) symlinkSync(file, join(proc, String(pid), 'fd', String(fd)))
    if (name !== undefined) writeFileSync(join(proc, String(pid), 'comm'), `${name}\n`)
  }
  processWith(20, 'worker', 'socket:[7]', 'socket:[123]')
  processWith(3, 'nginx', '/dev/null', 'pipe:[123]', 'socket:[123]')
  processWith(100, undefined, 'socket:[124]')
  mkdirSync(join(proc, '4'))
  mkdirSync(join(proc, 'sys/fd'), { recursive: true })
  symlinkSync('socket:[125]', join(proc, 'sys/fd/0'))
  t.same(ownerOf(123, 1000, proc), { pid: 3, name: 'nginx' }, 'the lowest number')
  t.same(ownerOf(7, 1000, proc), { pid: 20, name: 'worker' })
  t.same(ownerOf(124, 1000, proc), { pid: 100, name: '?' }, 'it ended in between')
  t.equal(ownerOf(12, 1000, proc), undefined)
  t.equal(ownerOf(125, 1000, proc), undefined)
  t.equal(ownerOf(123, -1, proc), undefined, 'no time left')
  t.equal(ownerOf(123, 1000, join(proc, 'nowhere')), undefined)
})

t.test('kernels that lack something', async t => {
  const verbs = (...answers: Answer[]) =>
    new SocketVerbs(() => new NetlinkConnection(new ScriptedKernel(...answers)))
  const refuse =
    (errno: number): Answer =>
    ([request]) => [failure(request!.seq, errno)]
  const nobody: Answer = ([request]) => [done(request!.seq)]
  const caught = (sockets: SocketVerbs) => {
    try {
      return sockets.listening('udp', 53)
    } catch (error) {
      return error
    }
  }
  t.match(caught(verbs(refuse(ENOENT))), {
    name: KernelError.name,
    code: 'ENOENT',
    hint: /CONFIG_INET_UDP_DIAG/,
  })
  t.match(caught(verbs(refuse(EPERM))), { name: KernelError.name, code: 'EPERM' })
  t.same(caught(verbs(nobody, refuse(ENOENT))), [], 'no IPv6')
})
