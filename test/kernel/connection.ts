// The netlink connection against a scripted kernel: everything that may come back, in every order.
import t from 'tap'
import { KernelError } from '../../kernel/error.js'
import { NetlinkConnection } from '../../kernel/netlink/connection.js'
import { Subscription } from '../../kernel/netlink/subscription.js'
import type { NlWriter } from '../../wire/netlink/attr.js'
import { NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST } from '../../wire/netlink/constants.js'
import {
  type Answer,
  ack,
  datagram,
  done,
  failure,
  message,
  part,
  ScriptedKernel,
} from '../helpers/scripted-kernel.js'

const TYPE = 18
const body = (w: NlWriter): void => {
  w.u32(7)
}
const bytes = (text: string) => Buffer.from(text.padEnd(4, '\0'))
const texts = (messages: readonly { payload: Buffer }[]) =>
  messages.map(m => m.payload.toString('latin1').replace(/\0+$/, ''))

function connect(...answers: Answer[]) {
  const kernel = new ScriptedKernel(...answers)
  return { kernel, connection: new NetlinkConnection(kernel) }
}

/** Each request of a datagram answered in a datagram of its own. */
const each =
  (answer: (seq: number) => Buffer): Answer =>
  requests =>
    requests.map(request => answer(request.seq))

function caught(call: () => unknown): KernelError {
  try {
    call()
  } catch (error) {
    if (error instanceof KernelError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

t.test('a request with an acknowledgement', async t => {
  const { kernel, connection } = connect(each(ack))
  t.same(connection.request('link add', 'a', TYPE, NLM_F_ACK, body), [])
  t.same(connection.request('link add', 'b', TYPE, NLM_F_ACK, body), [])
  const [first, second] = kernel.sent.map(sent => sent[0]!)
  t.equal(first?.flags, NLM_F_REQUEST | NLM_F_ACK, 'NLM_F_REQUEST is added')
  t.equal(first?.payload.readUInt32LE(0), 7)
  t.equal(second?.seq, first!.seq + 1, 'sequence numbers count up')
  connection[Symbol.dispose]()
  t.ok(kernel.closed)
})

t.test('a request with a reply', async t => {
  const { connection } = connect(
    each(seq => datagram(message(seq, 16, bytes('one')), message(seq, 16, bytes('two')))),
  )
  const replies = connection.request('link get', 'a', TYPE, 0, body)
  t.same(texts(replies), ['one'], 'without NLM_F_ACK, one reply is all')
})

t.test('replies that come before an acknowledgement are returned', async t => {
  const { connection } = connect(each(seq => datagram(message(seq, 16, bytes('one')), ack(seq))))
  t.same(texts(connection.request('link add', 'a', TYPE, NLM_F_ACK, body)), ['one'])
})

t.test('returned bytes stay as they are', async t => {
  let n = 0
  const { connection } = connect(each(seq => message(seq, 16, bytes(`r${n++}`))))
  const first = connection.request('link get', 'a', TYPE, 0, body)
  connection.request('link get', 'b', TYPE, 0, body)
  t.same(texts(first), ['r0'])
})

t.test('an error carries operation, object, errno, text and offset', async t => {
  const { connection } = connect(each(seq => failure(seq, 17, { message: 'it is there', offset: 36 })))
  const error = caught(() => connection.request('link add', 'veth0', TYPE, NLM_F_ACK, body))
  t.match(error, {
    name: 'KernelError',
    operation: 'link add',
    target: 'veth0',
    errno: 17,
    code: 'EEXIST',
    extack: 'it is there',
    offset: 36,
    message: 'link add veth0: EEXIST: file exists: it is there',
  })
})

t.test('stale answers are skipped', async t => {
  const { connection } = connect(requests => {
    const { seq } = requests[0]!
    return [failure(seq - 1, 1), datagram(ack(seq + 1000), message(seq - 1, 16, bytes('old'))), ack(seq)]
  })
  connection.request('link add', 'a', TYPE, NLM_F_ACK, body)
  t.same(connection.request('link add', 'a', TYPE, NLM_F_ACK, body), [])
})

t.test('an interrupted system call is repeated', async t => {
  const kernel = new ScriptedKernel(requests => [-4, -4, ack(requests[0]!.seq)])
  let interrupted = 0
  const send = kernel.send.bind(kernel)
  kernel.send = m => (interrupted++ < 2 ? -4 : send(m))
  new NetlinkConnection(kernel).request('link add', 'a', TYPE, NLM_F_ACK, body)
  t.equal(kernel.sent.length, 1)
})

t.test('a failing system call is a KernelError', async t => {
  const kernel = new ScriptedKernel(() => [-9])
  const connection = new NetlinkConnection(kernel)
  t.match(
    caught(() => connection.request('link add', 'a', TYPE, NLM_F_ACK, body)),
    { code: 'EBADF' },
  )
  kernel.send = () => -1
  t.match(
    caught(() => connection.request('link add', 'a', TYPE, NLM_F_ACK, body)),
    { code: 'EPERM' },
  )
})

t.test('no answer at all ends with EAGAIN', async t => {
  const { connection } = connect(() => [])
  t.match(
    caught(() => connection.request('link add', 'a', TYPE, NLM_F_ACK, body)),
    { code: 'EAGAIN' },
  )
})

t.test('a reply that does not fit is asked for again, with a larger buffer', async t => {
  const large = Buffer.alloc(100_000, 'x')
  const { kernel, connection } = connect(each(seq => message(seq, 16, large)))
  const [reply] = connection.request('link get', 'a', TYPE, 0, body)
  t.equal(reply?.payload.length, large.length)
  t.equal(kernel.sent.length, 2)
})

t.test('a change whose answer does not fit is not made again', async t => {
  const { kernel, connection } = connect(each(seq => message(seq, 16, Buffer.alloc(100_000))))
  t.match(
    caught(() => connection.request('link add', 'a', TYPE, NLM_F_ACK, body)),
    { code: 'EMSGSIZE' },
  )
  t.equal(kernel.sent.length, 1)
})

t.test('dump', async t => {
  await t.test('parts over several datagrams, the end with the last', async t => {
    const { kernel, connection } = connect(([request]) => {
      const { seq } = request!
      return [
        datagram(part(seq, 16, bytes('a')), part(seq, 16, bytes('b'))),
        part(seq - 1, 16, bytes('old')),
        part(seq, 16, bytes('c')),
        datagram(part(seq, 16, bytes('d')), done(seq)),
      ]
    })
    t.same(texts(connection.dump('link list', TYPE, body)), ['a', 'b', 'c', 'd'])
    t.equal(kernel.sent[0]![0]!.flags, NLM_F_REQUEST | NLM_F_DUMP)
  })

  await t.test('an empty one', async t => {
    const { connection } = connect(each(done))
    t.same(connection.dump('link list', TYPE, body), [])
  })

  await t.test('interrupted ones are asked again', async t => {
    const interrupted: Answer = ([r]) => [
      part(r!.seq, 16, bytes('x')),
      part(r!.seq, 16, bytes('y'), NLM_F_DUMP_INTR),
      done(r!.seq),
    ]
    const atTheEnd: Answer = ([r]) => [part(r!.seq, 16, bytes('z')), done(r!.seq, NLM_F_DUMP_INTR)]
    const whole: Answer = ([r]) => [part(r!.seq, 16, bytes('a')), done(r!.seq)]
    const { kernel, connection } = connect(interrupted, atTheEnd, whole)
    t.same(texts(connection.dump('link list', TYPE, body)), ['a'])
    t.equal(kernel.sent.length, 3)
  })

  await t.test('ten interrupted ones are enough', async t => {
    const { kernel, connection } = connect(each(seq => done(seq, NLM_F_DUMP_INTR)))
    t.match(
      caught(() => connection.dump('link list', TYPE, body)),
      {
        code: 'EINTR',
        message: /things changed during each of 10 dumps/,
      },
    )
    t.equal(kernel.sent.length, 10)
  })

  await t.test('a part that does not fit, and lost ones: all of it again', async t => {
    const cut: Answer = ([r]) => [
      part(r!.seq, 16, bytes('a')),
      part(r!.seq, 16, Buffer.alloc(70_000)),
      part(r!.seq, 16, bytes('b')),
      done(r!.seq),
    ]
    const lost: Answer = ([r]) => [part(r!.seq, 16, bytes('a')), -105, part(r!.seq, 16, bytes('b'))]
    const { kernel, connection } = connect(cut, lost, cut)
    t.equal(connection.dump('link list', TYPE, body).length, 3)
    t.equal(kernel.sent.length, 3)
  })

  await t.test('an error in place of it, and one at its end', async t => {
    const { kernel, connection } = connect(
      each(seq => failure(seq, 95, { message: 'no such dump' })),
      each(seq => done(seq, 0, -22)),
      ([r]) => [part(r!.seq, 16, bytes('a')), -9, part(r!.seq, 16, bytes('b'))],
    )
    t.match(
      caught(() => connection.dump('link list', TYPE, body)),
      { code: 'EOPNOTSUPP', extack: 'no such dump' },
    )
    t.match(
      caught(() => connection.dump('link list', TYPE, body, 'br0')),
      { code: 'EINVAL', target: 'br0' },
    )
    t.match(
      caught(() => connection.dump('link list', TYPE, body)),
      { code: 'EBADF' },
    )
    t.same(kernel.queue, [], 'what was left of it has been read away')
  })
})

t.test('requestAll', async t => {
  const requests = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      operation: 'address add',
      target: `10.0.0.${i}`,
      type: 20,
      flags: 0,
      body,
    }))

  await t.test('one datagram, all answered', async t => {
    const { kernel, connection } = connect(each(ack))
    connection.requestAll(requests(5))
    t.equal(kernel.sent.length, 1)
    t.same(
      kernel.sent[0]!.map(request => request.flags),
      Array(5).fill(NLM_F_REQUEST | NLM_F_ACK),
    )
    t.same(kernel.queue, [])
  })

  await t.test('nothing to ask', async t => {
    const { kernel, connection } = connect(each(ack))
    connection.requestAll([])
    t.equal(kernel.sent.length, 0)
  })

  await t.test('the first error is thrown when all have been answered', async t => {
    let n = 0
    const { kernel, connection } = connect(each(seq => (++n === 3 || n === 4 ? failure(seq, n) : ack(seq))))
    t.match(
      caught(() => connection.requestAll(requests(5))),
      { errno: 3, index: 2, target: '10.0.0.2' },
    )
    t.same(kernel.queue, [])
  })

  await t.test('many go in several datagrams', async t => {
    let n = 0
    const { kernel, connection } = connect(each(seq => (++n === 1200 ? failure(seq, 17) : ack(seq))))
    t.match(
      caught(() => connection.requestAll(requests(1500))),
      { index: 1199, target: '10.0.0.1199' },
    )
    t.equal(kernel.sent.length, 3)
    t.equal(kernel.sent.flat().length, 1500)
  })
})

t.test('batch returns what is answered', async t => {
  const { connection } = connect(
    ([first, second]) => [failure(first!.seq - 1, 1), failure(second!.seq, 2)],
    () => [],
  )
  const write = (w: NlWriter): void => {
    w.message(16, 0, body).message(17, 0, body)
  }
  const { firstSeq, replies } = connection.batch('nft', '', write)
  t.same(
    replies.map(reply => reply.seq - firstSeq),
    [1],
  )
  t.same(connection.batch('nft', '', write).replies, [])
})

t.test('of very many answers to a batch, those count that come', async t => {
  const write = (w: NlWriter): void => {
    w.message(16, 0, body)
  }
  const some = connect(([first]) => [-105, failure(first!.seq, 17), -105]).connection
  t.equal(some.batch('nft', '', write).replies.length, 1)
  const none = connect(() => [-105]).connection
  t.match(
    caught(() => none.batch('nft', 'add', write)),
    { code: 'ENOBUFS', target: 'add' },
  )
})

t.test('a message larger than the send buffer makes it grow', async t => {
  const EMSGSIZE = 90
  const sizes: number[] = []
  const kernel = Object.assign(new ScriptedKernel(each(ack)), {
    growSendBuffer: (size: number) => sizes.push(size) && 0,
  })
  const send = kernel.send.bind(kernel)
  kernel.send = m => (m.length > 100 && sizes.length === 0 ? -EMSGSIZE : send(m))
  const connection = new NetlinkConnection(kernel)
  const large = (w: NlWriter): void => {
    w.zeros(1000)
  }
  connection.request('link add', 'a', TYPE, NLM_F_ACK, body)
  t.same(sizes, [])
  connection.request('link add', 'a', TYPE, NLM_F_ACK, large)
  t.same(sizes, [1016])
  kernel.send = () => -EMSGSIZE
  t.match(
    caught(() => connection.request('link add', 'a', TYPE, NLM_F_ACK, large)),
    { code: 'EMSGSIZE' },
    'or does not',
  )
  t.equal(connection.port, 0, 'without a socket there is no port')
})

t.test('a subscription hands over what comes, and says when something was lost', async t => {
  const heard: unknown[] = []
  const listener = {
    message: (m: { type: number }) => heard.push(m.type),
    overrun: () => heard.push('overrun'),
  }
  const kernel = new ScriptedKernel()
  using subscription = new Subscription(kernel)
  kernel.queue.push(
    datagram(message(0, 16, bytes('a')), message(0, 17, bytes('b'))),
    -105,
    message(0, 20, bytes('c')),
  )
  while (subscription.receive(0, listener));
  t.strictSame(heard, [16, 17, 'overrun', 20])
  kernel.queue.push(message(0, 16, Buffer.alloc(100_000)), message(0, 16, Buffer.alloc(100_000)))
  heard.length = 0
  while (subscription.receive(0, listener));
  t.strictSame(heard, ['overrun', 16], 'one that is too large is lost, the next is not')
  kernel.queue.push(-9)
  t.throws(() => subscription.receive(0, listener), { code: 'EBADF' })
  subscription[Symbol.dispose]()
  t.ok(kernel.closed)
})
