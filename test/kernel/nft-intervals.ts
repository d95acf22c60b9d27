// Sets of intervals in fresh namespaces: the element around a key as the kernel finds it, and what the kernel takes for a
// conflict.
import { closeSync } from 'node:fs'
import t from 'tap'
import { isErrno, isExists } from '../../kernel/error.js'
import { NetlinkConnection } from '../../kernel/netlink/connection.js'
import { type Element, element, printElement } from '../../kernel/nft/element.js'
import { encodeKey, predecessor, successor } from '../../kernel/nft/key.js'
import { Nft } from '../../kernel/nft/nft.js'
import { map, type NftSet, set } from '../../kernel/nft/set.js'
import { accept, drop } from '../../kernel/nft/statements/verdict.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { range, type Value } from '../../kernel/nft/value.js'
import { addon } from '../../native/addon.js'
import { Ip } from '../../wire/ip.js'
import { NETLINK_NETFILTER, NLM_F_CREATE, NLM_F_REQUEST } from '../../wire/netlink/constants.js'
import * as c from '../../wire/nft/constants.js'
import { encodeElements } from '../../wire/nft/element.js'
import { batchBegin, batchEnd, nftType } from '../../wire/nft/message.js'
import { needs } from '../helpers/needs.js'
import { a, caught, inet, inTable, mac, nftNetns, p, pods, wild } from '../helpers/nft-netns.js'
import { random } from '../helpers/random.js'

const skip = needs('root', 'nft', 'nsenter')

const interval = { ...inTable, flags: ['interval'] } as const
const nets = set({ ...interval, name: 'nets', type: 'ipv4_addr', counter: true })
const marks = set({ ...interval, name: 'marks', type: 'mark' })
const names = set({ ...interval, name: 'names', type: 'ifname' })
const verdicts = map({ ...interval, name: 'verdicts', type: 'ipv4_addr', data: 'verdict' })
const held = set({ ...interval, name: 'held', type: 'ipv6_addr' })

const trees: readonly (readonly [NftSet, readonly Element[]])[] = [
  [
    nets,
    [
      element({ set: nets, key: p('0.0.0.0/8'), comment: 'from the first key on' }),
      element({ set: nets, key: range(a('10.0.0.1'), a('10.0.0.5')), comment: 'one' }),
      element({ set: nets, key: range(a('10.0.0.6'), a('10.0.0.9')), comment: 'adjacent' }),
      element({ set: nets, key: a('10.0.0.10') }),
      element({ set: nets, key: a('10.0.0.12') }),
      element({ set: nets, key: p('224.0.0.0/3'), comment: 'up to the last key' }),
    ],
  ],
  [marks, [element({ set: marks, key: range(0x10, 0x1234) }), element({ set: marks, key: 0x100_0000 })]],
  [names, [element({ set: names, key: 'pl*' }), element({ set: names, key: 'eth0' })]],
  [
    verdicts,
    [
      element({ set: verdicts, key: p('10.0.0.0/9'), value: drop }),
      element({ set: verdicts, key: p('10.128.0.0/9'), value: accept, comment: 'the other half' }),
    ],
  ],
]

/** The points at which something might change: the ends of intervals, and what is next to them. */
function pointsOf(of: NftSet, elements: readonly Element[]): Uint8Array[] {
  const ends = elements.flatMap(({ key }) => Object.values(encodeKey(of, key)) as Uint8Array[])
  const near = ends.flatMap(end => [predecessor(end), end, successor(end)])
  return near.filter(point => point !== undefined)
}

function keyAt(of: NftSet, point: Uint8Array): Value {
  const [type] = of.key
  return type!.decode(type!.order === 'host' ? Buffer.from(point).reverse() : point, 0)
}

function setUp(nft: Nft): void {
  const tx = new NftTransaction().add(inet)
  for (const [of, elements] of trees) for (const one of [of, ...elements]) tx.add(one)
  nft.run(tx)
}

t.test('the element around a key', { skip }, async t => {
  const { nft } = nftNetns(t)
  setUp(nft)
  for (const [of, elements] of trees) {
    const listed = nft.list.elements(of)
    t.equal(listed.length, elements.length)
    for (const bytes of pointsOf(of, elements)) {
      const key = keyAt(of, bytes)
      // Not all bytes are a name.
      if (of === names && !/^[a-z0-9]+$/.test(String(key))) continue
      const point = encodeKey(of, [key]).first
      const wanted = listed.find(each => {
        const { first, last } = encodeKey(of, each.key)
        return Buffer.compare(first, point) <= 0 && Buffer.compare(point, last) <= 0
      })
      t.strictSame(nft.list.covering(of, key), wanted, `${of.name} ${String(key)}`)
    }
    for (const one of elements)
      t.strictSame(
        nft.list.element(one),
        listed.find(each => printElement(each) === printElement({ ...one, ...counterOf(each) })),
        printElement(one),
      )
  }
  const not = (key: Value) => t.equal(nft.list.element(element({ set: nets, key })), undefined, String(key))
  for (const key of [
    a('10.0.0.1'),
    a('10.0.0.3'),
    range(a('10.0.0.1'), a('10.0.0.4')),
    range(a('10.0.0.1'), a('10.0.0.9')),
    range(a('10.0.0.0'), a('10.0.0.5')),
    range(a('10.0.0.2'), a('10.0.0.5')),
    p('0.0.0.0/0'),
    p('224.0.0.0/4'),
    a('9.9.9.9'),
  ])
    not(key)
  t.equal(nft.list.covering({ ...nets, name: 'none' }, a('10.0.0.1')), undefined, 'no set')
  t.equal(nft.list.element(element({ set: { ...nets, name: 'none' }, key: a('10.0.0.1') })), undefined)
  t.throws(() => nft.list.covering(nets, p('10.0.0.0/8')), /a range where a key of set nets belongs/)
  t.throws(() => nft.list.covering(nets, [a('10.0.0.1'), 5]), RangeError)
})

t.test('the element around every key, whatever the tree looks like', { skip }, async t => {
  const { nft } = nftNetns(t)
  const services = set({ ...interval, name: 'services', type: 'inet_service' })
  nft.run(new NftTransaction().add(inet).add(services))
  const LAST = 300
  const { below } = random(7)
  for (let round = 0; round < 5; round++) {
    // Pieces of one to three keys, side by side; some are left out, and some removed again.
    const pieces: [number, number][] = []
    for (let at = 0; at <= LAST; ) {
      const end = Math.min(at + below(3), LAST)
      if (below(5) > 0) pieces.push([at, end])
      at = end + 1
    }
    const made = pieces
      .map(([from, to]) => element({ set: services, key: from === to ? from : range(from, to) }))
      .map(one => [below(1 << 30), one] as const)
      .sort(([one], [two]) => one - two)
      .map(([, one]) => one)
    const gone = made.filter(() => below(5) === 0)
    const tx = new NftTransaction().flush(services)
    for (const one of made) tx.create(one)
    nft.run(tx)
    nft.run(gone.reduce((tx, one) => tx.delete(one), new NftTransaction()))
    const left = new Set(made.filter(one => !gone.includes(one)).map(printElement))
    const wanted = new Array<string | undefined>(LAST + 2)
    for (const [from, to] of pieces) {
      const text = from === to ? `${from}` : `${from}-${to}`
      if (left.has(text)) wanted.fill(text, from, to + 1)
    }
    const found = Array.from(wanted, (_, port) => {
      const covering = nft.list.covering(services, port)
      return covering && printElement(covering)
    })
    t.strictSame(found, Array.from(wanted), `round ${round}`)
    t.ok(
      made.every(one => (nft.list.element(one) !== undefined) === left.has(printElement(one))),
      'element by element',
    )
  }
})

function counterOf({ counter }: Element): Partial<Element> {
  return counter === undefined ? {} : { counter }
}

t.test('the element around a key in other sets', { skip }, async t => {
  const { nft } = nftNetns(t)
  const pod = element({ set: pods, key: ['veth1', mac], comment: 'c1' })
  const some = element({ set: wild, key: ['pl*', range(80, 90)] })
  nft.run(new NftTransaction().add(inet).add(pods).add(wild).add(pod).add(some))
  t.strictSame(nft.list.covering(pods, ['veth1', mac]), pod)
  t.equal(nft.list.covering(pods, ['veth2', mac]), undefined)
  t.match(nft.list.covering(wild, ['pl7', 85]), { key: some.key })
  t.equal(nft.list.covering(wild, ['pl7', 91]), undefined)
  t.throws(() => nft.list.covering(wild, ['pl7', range(80, 81)]), /a range/)
})

t.test('answers that do not fit together', { skip }, async t => {
  const { nft, fd } = nftNetns(t)
  setUp(nft)
  const [socket] = addon.openIn(fd, [{ protocol: NETLINK_NETFILTER }]) as [number]
  t.after(() => closeSync(socket))
  let spoil: ((answers: Buffer) => Buffer) | undefined
  const list = new Nft(() => connection).list
  const connection = new NetlinkConnection({
    send: message => addon.send(socket, message),
    recv(into, timeoutMs) {
      const length = addon.recv(socket, into, timeoutMs)
      if (length <= 0 || spoil === undefined) return length
      const spoilt = spoil(Buffer.from(into.subarray(0, length)))
      into.set(spoilt)
      return spoilt.length
    },
  })
  const wanted = nft.list.covering(nets, a('10.0.0.3'))!
  t.match(wanted, { key: [range(a('10.0.0.1'), a('10.0.0.5'))], comment: 'one' })
  let answers = 0
  spoil = answer => {
    answers++
    if (answers <= 4) answer.writeUInt16BE(answers, 18)
    return answer
  }
  t.strictSame(list.covering(nets, a('10.0.0.3')), wanted, 'of two generations')
  t.ok(answers > 4, 'listed')
  answers = 0
  spoil = answer => {
    answers++
    if (answers === 1) {
      // As if the start were hidden by an element of a transaction under way: NLMSG_ERROR, ENOENT.
      const missing = Buffer.alloc(36)
      missing.writeUInt32LE(36, 0)
      missing.writeUInt16LE(2, 4)
      missing.writeUInt16LE(0x100, 6)
      answer.copy(missing, 8, 8, 16)
      missing.writeInt32LE(-2, 16)
      return missing
    }
    return answer
  }
  t.strictSame(list.covering(nets, a('10.0.0.3')), wanted, 'an end without a start')
  t.ok(answers > 4, 'listed')
  spoil = undefined

  // Whoever made this did not say that it is open.
  const one = {
    family: c.NFPROTO_INET,
    table: inet.name,
    set: held.name,
    elements: [{ key: a('fd00::').bytes }],
  }
  nft.run(new NftTransaction().add(held))
  connection.batch('nft', 'test', w => {
    batchBegin(w)
    w.message(nftType(c.NFT_MSG_NEWSETELEM), NLM_F_REQUEST | NLM_F_CREATE, w => encodeElements(w, one))
    batchEnd(w)
  })
  t.match(list.covering(held, a('fd00::1')), {
    key: [range(a('fd00::'), a('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'))],
  })
  t.equal(list.covering(held, a('fc00::1')), undefined)
})

/** A key of `held`: 16 bytes, protocol and port first. */
function key(port: number, fill: number): Ip {
  const bytes = new Uint8Array(16).fill(fill)
  bytes.set([6, port >> 8, port & 0xff])
  return new Ip(bytes)
}

const ports = (from: number, to: number) => range(key(from, 0), key(to, 0xff))

t.test('intervals that overlap', { skip }, async t => {
  const { nft, listing } = nftNetns(t)
  const names = set({ ...inTable, name: 'names', type: 'inet_service' })
  const taken = element({ set: held, key: ports(1000, 1009), comment: 'first' })
  const single = element({ set: held, key: key(2000, 7), comment: 'second' })
  nft.run(new NftTransaction().add(inet).add(held).add(names).add(taken).add(single))
  const before = listing()

  const inside = range(key(1005, 0), key(1005, 0xff))
  const conflicts: readonly (readonly [string, Value])[] = [
    ['the same', ports(1000, 1009)],
    ['enclosed', ports(1003, 1004)],
    ['enclosed, one port', inside],
    ['enclosed, one key', key(1005, 5)],
    ['enclosed, the same start', ports(1000, 1004)],
    ['enclosed, the same end', ports(1004, 1009)],
    ['enclosing', ports(999, 1010)],
    ['enclosing, the same start', ports(1000, 1010)],
    ['enclosing, the same end', ports(999, 1009)],
    ['overlapping below', ports(990, 1000)],
    ['overlapping above', ports(1009, 1020)],
    ['the first key only', range(key(900, 3), key(1000, 0))],
    ['the last key only', range(key(1009, 0xff), key(1100, 3))],
    ['around a single key', ports(2000, 2000)],
    ['a single key', key(2000, 7)],
    ['around all', ports(1, 60_000)],
  ]
  const others = [1, 2, 3].map(port => element({ set: names, key: port }))
  for (const [what, value] of conflicts) {
    const probe = element({ set: held, key: value })
    for (const ending of ['delete', 'destroy', undefined] as const) {
      const tx = new NftTransaction().create(others[0]!).create(others[1]!).create(probe)
      if (ending !== undefined) tx[ending](probe)
      const error = caught(() => nft.run(tx.create(others[2]!)))
      t.ok(isExists(error), `${what}: ${error.code}`)
      t.match(error, { operation: 'nft create element', index: 2 }, what)
      t.match(error.target, printElement(probe))
    }
  }
  t.equal(listing(), before, 'nothing has changed')

  const free: readonly (readonly [string, Value])[] = [
    ['adjacent below', ports(990, 999)],
    ['adjacent above', ports(1010, 1020)],
    ['between', ports(1010, 1999)],
    ['next to a single key', range(key(2000, 8), key(2000, 9))],
    ['before a single key', range(key(2000, 0), new Ip(predecessor(key(2000, 7).bytes)!))],
    ['far away', ports(50_000, 50_000)],
    ['one key', key(1, 1)],
  ]
  for (const [what, value] of free) {
    const probe = element({ set: held, key: value, comment: 'probe' })
    nft.run(new NftTransaction().create(probe).delete(probe))
    t.equal(listing(), before, `${what}: nothing remains`)
  }
  const all = free.map(([, value]) => element({ set: held, key: value }))
  const probes = all.filter((_, i) => i !== 2)
  const tx = probes.reduce((tx, probe) => tx.create(probe).delete(probe), new NftTransaction())
  nft.run(tx.create(others[0]!))
  t.strictSame(nft.list.elements(held).length, 2, 'many probes')
  t.ok(nft.list.element(others[0]!), 'and what came with them')

  const kept = element({ set: held, key: ports(1010, 1020), comment: 'third' })
  nft.run(new NftTransaction().create(kept))
  t.equal(nft.list.elements(held).length, 3, 'adjacent ones stay apart')
  nft.run(new NftTransaction().delete(taken))
  t.strictSame(nft.list.covering(held, key(1010, 0))?.comment, 'third', 'and go one by one')
  t.equal(nft.list.covering(held, key(1009, 0xff)), undefined)
})

t.test('conflicts within a transaction', { skip }, async t => {
  const { nft } = nftNetns(t)
  nft.run(new NftTransaction().add(inet).add(held))
  const at = (from: number, to: number) => element({ set: held, key: ports(from, to) })
  const error = caught(() =>
    nft.run(new NftTransaction().create(at(1, 2)).create(at(10, 20)).create(at(30, 40)).create(at(15, 17))),
  )
  t.match(error, { code: 'EEXIST', index: 3 })
  t.strictSame(nft.list.elements(held), [])
  nft.run(new NftTransaction().create(at(10, 20)).delete(at(10, 20)).create(at(15, 30)))
  t.strictSame(
    nft.list.elements(held).map(printElement),
    [printElement(at(15, 30))],
    'gone, and another in its place',
  )
  nft.run(new NftTransaction().delete(at(15, 30)).create(at(10, 20)), { generation: nft.list.generation() })
  t.strictSame(nft.list.elements(held).map(printElement), [printElement(at(10, 20))])
  const gone = caught(() => nft.run(new NftTransaction().delete(at(10, 19))))
  t.ok(isErrno(gone, 'ENOENT'), 'to delete takes the very same interval')
})
