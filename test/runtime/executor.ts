// The resident's parts that need no socket: frames and the queue.
import t from 'tap'
import { decodeEnv, decodeHeader, encodeAnswer } from '../../runtime/executor/frame.js'
import { WorkQueue } from '../../runtime/executor/queue.js'

t.test('a request header is read, anything else is refused', async t => {
  const bytes = Buffer.alloc(32)
  bytes.writeUInt32LE(0x31424c50, 0)
  bytes.writeUInt32LE(1, 4)
  bytes.write('0123456789abcdef', 8, 'latin1')
  bytes.writeUInt32LE(17, 24)
  bytes.writeUInt32LE(4 << 20, 28)
  t.strictSame(decodeHeader(bytes), { buildId: '0123456789abcdef', envLength: 17, stdinLength: 4 << 20 })
  bytes.writeUInt32LE((4 << 20) + 1, 28)
  t.equal(decodeHeader(bytes), undefined, 'too long')
  bytes.writeUInt32LE(0, 28)
  bytes.writeUInt32LE(2, 4)
  t.equal(decodeHeader(bytes), undefined, 'another protocol')
})

t.test('the environment: first of several wins, values may hold "="', async t => {
  t.match(decodeEnv(Buffer.from('A=1\0B=x=y\0A=2\0=bad\0nothing\0C=\0')), { A: '1', B: 'x=y', C: '' })
})

t.test('an answer', async t => {
  t.strictSame(encodeAnswer(1, 'é'), Buffer.from([1, 0, 0, 0, 2, 0, 0, 0, 0xc3, 0xa9]))
})

function gate() {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { open, opened }
}

t.test('one key runs one work at a time and in order, others at once', async t => {
  const queue = new WorkQueue({ width: 8, depth: 8, patienceMs: 60_000 })
  const order: string[] = []
  const first = gate()
  const works = [
    queue.run('a', async () => {
      order.push('a1 begins')
      await first.opened
      order.push('a1 ends')
    }),
    queue.run('a', async () => order.push('a2')),
    queue.run('b', async () => order.push('b1')),
  ]
  await works[2]
  first.open()
  await Promise.all(works)
  t.strictSame(order, ['a1 begins', 'b1', 'a1 ends', 'a2'])
  t.equal(queue.size, 0)
})

t.test('no more than its width at once', async t => {
  const queue = new WorkQueue({ width: 3, depth: 100, patienceMs: 60_000 })
  let running = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++running)
    await new Promise(resolve => setImmediate(resolve))
    running--
  }
  await Promise.all(Array.from({ length: 50 }, (_, i) => queue.run(`k${i}`, work)))
  t.equal(most, 3)
})

t.test('a full queue refuses, and so does one in which a work waited too long', async t => {
  const queue = new WorkQueue({ width: 1, depth: 1, patienceMs: -1 })
  const first = gate()
  const running = queue.run('a', () => first.opened)
  const waiting = t.rejects(
    queue.run('b', async () => t.fail('must not run')),
    /waited longer/,
  )
  await t.rejects(
    queue.run('c', async () => {}),
    /calls are waiting/,
  )
  first.open()
  await running
  await waiting
})

t.test('a work that throws gives its place free', async t => {
  const queue = new WorkQueue({ width: 1, depth: 8, patienceMs: 60_000 })
  await t.rejects(
    queue.run('a', async () => Promise.reject(new Error('no'))),
    { message: 'no' },
  )
  t.equal(await queue.run('a', async () => 3), 3)
})
