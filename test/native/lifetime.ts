// Threads, forked requests and pollers: who keeps what alive, and that nothing outlives what it stands on.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { addon } from '../../native/addon.js'
import { needs } from '../helpers/needs.js'
import { isAlive, until } from '../helpers/processes.js'
import { connectTo, getLink, linkNames, tempDirectory } from '../helpers/sockets.js'

const EBADF = 9
const MAX_THREADS = 64
const LOCK_EX = 2
const addonUrl = new URL('../../native/addon.js', import.meta.url).href

/** Runs a module with `addon` in scope, in a process of its own. */
function run(code: string, ...flags: string[]): { status: number | null; stdout: string; stderr: string } {
  const source = `import { addon } from '${addonUrl}'\n${code}`
  return spawnSync(process.execPath, [...flags, '--input-type=module', '-e', source], {
    encoding: 'utf8',
    env: {},
    timeout: 30_000,
  })
}

/** `count` connections: descriptors of ours, and what each peer gets and says. */
async function connections(t: Test, count: number): Promise<{ client: Socket; fd: number }[]> {
  const path = `${tempDirectory(t)}/socket`
  const listener = addon.listenUnix(path, count)
  const made: { client: Socket; fd: number }[] = []
  for (let i = 0; i < count; i++) made.push(await connectTo(listener, path))
  closeSync(listener)
  t.teardown(() => {
    for (const { client, fd } of made) {
      client.destroy()
      closeSync(fd)
    }
  })
  return made
}

t.test('a hundred requests at once', async t => {
  const sockets = addon.openIn(-1, Array(100).fill({ protocol: 0 }))
  const answers = await Promise.all(
    sockets.map(async fd => {
      const into = Buffer.alloc(8192)
      return linkNames(into.subarray(0, await addon.requestOnThread(fd, getLink(0, 1), into)))
    }),
  )
  t.strictSame(answers, Array(100).fill(['lo']))
  const into = Buffer.alloc(20, 'x')
  t.ok(
    (await addon.requestOnThread(sockets[0]!, getLink(0, 1), into.subarray(4, 8))) > 100,
    'the real length',
  )
  t.match(into.toString('latin1'), /^xxxx[^x].{3}x{12}$/s, 'only what fits')
  for (const fd of sockets) closeSync(fd)
  t.equal(await addon.requestOnThread(9999, getLink(0), into), -EBADF)
})

t.test('requests queue in order behind 64 threads', async t => {
  const peers = await connections(t, 100)
  const order: number[] = []
  const asked = (index: number) =>
    new Promise<void>(resolve =>
      peers[index]!.client.once('data', data => {
        t.equal(String(data), `request ${index}`)
        order.push(index)
        resolve()
      }),
    )
  const questions = peers.map((_, index) => asked(index))
  const answers = peers.map(async ({ fd }, index) => {
    const message = Buffer.from(`request ${index}`)
    const into = Buffer.alloc(100)
    const answer = addon.requestOnThread(fd, message, into)
    message.fill('-') // it has been copied
    return into.toString('latin1', 0, await answer)
  })
  await Promise.all(questions.slice(0, MAX_THREADS))
  t.equal(order.length, MAX_THREADS, 'no more than that')
  // One answer lets one more through: the next.
  for (let next = MAX_THREADS; next < peers.length; next++) {
    peers[next - MAX_THREADS]!.client.write(`answer ${next - MAX_THREADS}`)
    await questions[next]
    t.equal(order.at(-1), next)
  }
  for (let i = peers.length - MAX_THREADS; i < peers.length; i++) peers[i]!.client.write(`answer ${i}`)
  t.strictSame(
    await Promise.all(answers),
    peers.map((_, index) => `answer ${index}`),
  )
})

t.test('a forked request outlives us and lets go of everything', async t => {
  const path = `${tempDirectory(t)}/socket`
  const listener = addon.listenUnix(path, 1)
  t.teardown(() => closeSync(listener))
  // A child forks it over a connection to us, and exits.
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `
    import { connect } from 'node:net'
    import { addon } from '${addonUrl}'
    const socket = connect('${path}', () => {
      console.log(addon.requestForked(socket._handle.fd, Buffer.from('please')))
      console.log(addon.requestForked(9999, Buffer.from('please')) > 0)
      process.exit()
    })`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: {} },
  )
  let output = ''
  child.stdout.on('data', data => {
    output += data
  })
  child.stderr.resume()
  await new Promise(resolve => child.on('close', resolve))
  const [pid, other] = output.split('\n').map(word => JSON.parse(word || '0'))
  t.ok(other, 'a bad descriptor is found out only in there')
  t.ok(isAlive(pid), 'it waits, and the pipes are closed')
  const fd = addon.accept(listener)
  const into = Buffer.alloc(100)
  t.equal(into.toString('latin1', 0, addon.recv(fd, into, 30_000)), 'please')
  t.equal(readdirSync(`/proc/${pid}/fd`).length, 1)
  t.equal(readlinkSync(`/proc/${pid}/cwd`), '/')
  const [, , , session] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
  t.equal(Number(session), pid, 'a session of its own')
  addon.send(fd, Buffer.from('done'))
  await until(() => !isAlive(pid), 'its end')
  closeSync(fd)
})

t.test('a forked request leaves us no zombie and our signals alone', t => {
  const { status, stdout } = run(`
    const [fd] = addon.openIn(-1, [{ protocol: 0 }])
    const message = Buffer.alloc(20)
    message.writeUInt32LE(20), message.writeUInt16LE(18, 4), message.writeUInt16LE(1, 6)
    for (let i = 0; i < 10; i++) addon.requestForked(fd, message)
    const { readFileSync } = await import('node:fs')
    console.log(/SigBlk:.*/.exec(readFileSync('/proc/self/status', 'latin1'))[0])
    console.log(readFileSync('/proc/self/task/' + process.pid + '/children', 'latin1'))`)
  t.equal(status, 0)
  t.equal(stdout, 'SigBlk:\t0000000000000000\n\n')
  t.end()
})

t.test('the event loop', t => {
  const open = `
    const [fd] = addon.openIn(-1, [{ protocol: 0 }])
    const request = Buffer.from('${getLink(0, 1).toString('hex')}', 'hex')`
  t.match(run(`${open}; console.log('idle')`), { status: 0, stdout: 'idle\n' })
  t.match(
    run(`${open}
      addon.requestOnThread(fd, request, Buffer.alloc(9000)).then(length => console.log(length > 0))`),
    { status: 0, stdout: 'true\n' },
    'waits for a request',
  )
  t.match(
    run(`${open}
      const p = addon.poll(fd, 1, () => { console.log('event'); p.close() })
      addon.send(fd, request)`),
    { status: 0, stdout: 'event\n' },
    'waits for a poller until it is closed',
  )
  t.match(run(`${open}; addon.poll(fd, 1, () => {}).unref()`), { status: 0 }, 'not for one that is unrefed')
  t.match(
    run(`${open}
      process.on('uncaughtException', error => { console.log(error.message); p.close() })
      const p = addon.poll(fd, 1, () => { throw new Error('thrown') })
      addon.send(fd, request)`),
    { status: 0, stdout: 'thrown\n' },
    'an exception of a callback is an uncaught one',
  )
  t.match(
    run(`${open}
      import { AsyncLocalStorage } from 'node:async_hooks'
      const p = addon.poll(fd, 1, () => {
        Promise.resolve().then(() => console.log('microtask'))
        process.nextTick(() => console.log('tick'))
        setImmediate(() => console.log('immediate'))
        p.close()
      })
      addon.send(fd, request)`),
    { status: 0, stdout: 'tick\nmicrotask\nimmediate\n' },
  )
  t.end()
})

t.test('garbage collection', t => {
  const { status, stdout, stderr } = run(
    `
    const request = Buffer.from('${getLink(0, 1).toString('hex')}', 'hex')
    let events = 0
    const kept = []
    for (let i = 0; i < 300; i++) {
      const fds = addon.openIn(-1, [{ protocol: 0 }, { protocol: 0 }, { protocol: 0 }])
      // Nobody holds these: the open one stays all the same, and calls back once.
      addon.poll(fds[0], 1, () => {}).close()
      ;(() => {
        const p = addon.poll(fds[1], 1, () => { events++; p.close(); addon.send(fds[1], request) })
      })()
      addon.send(fds[1], request)
      addon.requestOnThread(fds[2], new Uint8Array(request), new Uint8Array(9000))
      if (i % 10 === 0) gc()
      kept.push(addon.requestOnThread(fds[0], request.subarray(), Buffer.alloc(9000)))
      if (i % 50 === 0) await new Promise(setImmediate)
    }
    await Promise.all(kept)
    gc()
    await new Promise(resolve => setTimeout(resolve))
    gc()
    console.log(events)`,
    '--expose-gc',
  )
  t.equal(status, 0, stderr)
  t.equal(stdout, '300\n')
  t.end()
})

t.test('an environment that ends with everything open', async t => {
  const directory = tempDirectory(t)
  writeFileSync(`${directory}/lock`, '')
  const holder = openSync(`${directory}/lock`, 'r+')
  addon.flock(holder, LOCK_EX)
  const before = fds().length
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    import('${addonUrl}').then(({ addon }) => {
      const request = Buffer.from('${getLink(0, 1).toString('hex')}', 'hex')
      const fds = addon.openIn(-1, Array(8).fill({ protocol: 0 }))
      const lock = addon.openIn(-1, [{ path: '${directory}/lock', flags: 2 }])[0]
      addon.send(fds[0], request)
      let said = false
      addon.poll(fds[0], 1, () => {
        if (!said) parentPort.postMessage([...fds, lock])
        said = true
        if (workerData === 'exit') process.exit()
        if (workerData === 'throw') throw new Error('on purpose')
      })
      addon.poll(fds[1], 1, () => {})
      addon.poll(fds[2], 1, () => {}).close()
      addon.poll(fds[3], 1, () => {}).unref()
      // This one never gets an answer, those do, and the lock waits until we let go of it.
      addon.requestOnThread(fds[4], Buffer.alloc(4), Buffer.alloc(9000))
      for (let i = 0; i < 100; i++) addon.requestOnThread(fds[5], request, Buffer.alloc(9000))
      addon.flockOnThread(lock, 2)
    })`
  const left: number[] = []
  for (const how of ['terminate', 'exit', 'throw', 'terminate', 'exit', 'throw']) {
    const worker = new Worker(code, { eval: true, workerData: how })
    worker.on('message', opened => left.push(...opened))
    worker.on('error', () => {})
    const exited = new Promise(resolve => worker.on('exit', resolve))
    await new Promise(resolve => worker.once('message', resolve))
    if (how === 'terminate') await worker.terminate()
    await exited
    t.pass(how)
  }
  closeSync(holder)
  for (const fd of left) closeSync(fd)
  await until(() => fds().length <= before - 1, 'its descriptors are all that is left of it')
})

t.test('no descriptor is left behind', { skip: needs('root') }, async t => {
  const directory = tempDirectory(t)
  const path = `${directory}/netns`
  writeFileSync(path, '')
  const into = Buffer.alloc(100)
  const round = async () => {
    addon.newNetns(path)
    const netns = openSync(path, 'r')
    for (const fd of addon.openIn(netns, [
      { protocol: 0 },
      { path: '/proc/sys/net/ipv4/ip_forward', flags: 0 },
    ]))
      closeSync(fd)
    addon.openIn(netns, [{ protocol: 0, groups: [9999] }, { protocol: 999 }, { path: '/nowhere', flags: 0 }])
    closeSync(netns)
    addon.unmount(path)
    addon.newNetns('/nowhere')
    const socket = `${directory}/${Math.random()}`
    const listener = addon.listenUnix(socket, 1)
    addon.listenUnix(socket, 1)
    addon.listenUnix(`${directory}/none/${'x'.repeat(200)}`, 1)
    addon.listenUnix(`${directory}/${'x'.repeat(300)}`, 1)
    const { client, fd } = await connectTo(listener, socket)
    addon.receiveWithFds(fd, into, 4)
    addon.requestForked(listener, into)
    const poller = addon.poll(fd, 1, () => {})
    poller.close()
    const answer = addon.requestOnThread(fd, into, into)
    client.write('x')
    await answer
    const closed = new Promise(resolve => client.once('close', resolve))
    client.destroy()
    await closed
    closeSync(fd)
    closeSync(listener)
  }
  await round()
  const before = fds()
  const threads = readdirSync('/proc/self/task').length
  for (let i = 0; i < 20; i++) await round()
  t.strictSame(fds(), before)
  await until(() => readdirSync('/proc/self/task').length <= threads, 'the threads end')
})

function fds(): string[] {
  return readdirSync('/proc/self/fd').filter(isOpen)
}

/** False for the descriptor that was reading the directory. */
function isOpen(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) !== ''
  } catch {
    return false
  }
}
