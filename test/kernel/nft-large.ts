// Transactions of very many elements, and which of their commands is to blame when they fail.
import { closeSync } from 'node:fs'
import t from 'tap'
import { isExists, isNotFound } from '../../kernel/error.js'
import { NetlinkConnection } from '../../kernel/netlink/connection.js'
import { type Element, element, printElement } from '../../kernel/nft/element.js'
import { Nft } from '../../kernel/nft/nft.js'
import { map, set } from '../../kernel/nft/set.js'
import { elements, NftTransaction } from '../../kernel/nft/transaction.js'
import { range } from '../../kernel/nft/value.js'
import { addon } from '../../native/addon.js'
import { Ip } from '../../wire/ip.js'
import { NETLINK_NETFILTER, NLM_F_ACK_TLVS, NLMSG_ERROR } from '../../wire/netlink/constants.js'
import { decodeMessages, type NlMessage } from '../../wire/netlink/message.js'
import { NFT_MSG_NEWSETELEM } from '../../wire/nft/constants.js'
import { decodeElements } from '../../wire/nft/element.js'
import { nftMsg, nftType } from '../../wire/nft/message.js'
import { needs } from '../helpers/needs.js'
import { tempNetns } from '../helpers/netns.js'
import { a, caught, inet, inTable, nftNetns } from '../helpers/nft-netns.js'

const skip = needs('root', 'nft', 'nsenter')
const COUNT = 20_000

const addrs = set({ ...inTable, name: 'addrs', type: 'ipv4_addr', counter: true })
const others = set({ ...inTable, name: 'others', type: 'ipv4_addr' })
const held = set({ ...inTable, name: 'held', type: 'ipv6_addr', flags: ['interval'] })
const ports = map({
  ...inTable,
  name: 'ports',
  type: ['inet_proto', 'inet_service'],
  data: ['ipv4_addr', 'inet_service'],
})

const addr = (i: number, of = addrs) => element({ set: of, key: a('10.0.0.0').add(i), comment: `plv${i}` })
const port = (i: number) =>
  element({ set: ports, key: ['tcp', i], value: [a('10.0.0.0').add(i), 80], comment: `plv${i}` })

/** Every third port of the keys of reservations: one interval each. */
function reserved(i: number): Element {
  const bytes = (fill: number) => {
    const key = new Uint8Array(16).fill(fill)
    key.set([6, (i * 3) >> 8, (i * 3) & 0xff])
    return new Ip(key)
  }
  return element({ set: held, key: range(bytes(0), bytes(0xff)), comment: `plv${i}` })
}

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}

function creating(all: readonly Element[]): NftTransaction {
  return all.reduce((tx, one) => tx.create(one), new NftTransaction())
}

/** A socket whose datagrams the test sees, and may change. */
function overheard(t: Parameters<typeof tempNetns>[0]) {
  const { fd } = tempNetns(t)
  const [socket] = addon.openIn(fd, [{ protocol: NETLINK_NETFILTER }]) as [number]
  t.after(() => closeSync(socket))
  const heard = { sent: [] as NlMessage[][], change: undefined as ((answers: Buffer) => void) | undefined }
  const connection = new NetlinkConnection({
    send(message) {
      const result = addon.send(socket, message)
      if (result >= 0) heard.sent.push([...decodeMessages(Buffer.from(message))])
      return result
    },
    recv(into, timeoutMs) {
      const length = addon.recv(socket, into, timeoutMs)
      if (length > 0) heard.change?.(Buffer.from(into.buffer, into.byteOffset, length))
      return length
    },
    growSendBuffer: size => addon.sendBuffer(socket, size),
  })
  const nft = new Nft(() => connection)
  nft.run(new NftTransaction().add(inet).add(addrs).add(others).add(held).add(ports))
  heard.sent.length = 0
  return { nft, heard }
}

const elementMessagesOf = (messages: readonly NlMessage[]) =>
  messages.filter(({ type }) => nftMsg(type) === NFT_MSG_NEWSETELEM)

t.test('twenty thousand elements', { skip }, async t => {
  const { nft, heard } = overheard(t)
  const all = times(COUNT, i => addr(i))
  nft.run(creating(all))
  const messages = elementMessagesOf(heard.sent[0]!)
  t.ok(messages.length < 40, `${messages.length} messages`)
  const counts = messages.map(({ payload }) => decodeElements(payload).elements!.length)
  t.equal(
    counts.reduce((sum, count) => sum + count),
    COUNT,
  )
  t.ok(
    messages.every(({ payload }) => payload.length < 65_536),
    'no list is longer than an attribute may be',
  )
  t.equal(nft.list.elements(addrs).length, COUNT)
  t.match(nft.list.element(addr(19_999)), { comment: 'plv19999', counter: { packets: 0n } })

  const last = addr(COUNT - 1)
  const error = caught(() =>
    nft.run(new NftTransaction().create(elements(addrs, [...times(5000, i => addr(COUNT + i)), last]))),
  )
  t.match(error, { code: 'EEXIST', index: 0 })
  t.match(error.target, /{ 10\.0\.78\.31 comment "plv19999" }$/, 'only the one that is there is named')
  nft.run(all.reduce((tx, one) => tx.destroy(one), new NftTransaction()))
  t.strictSame(nft.list.elements(addrs), [])
  nft.run(all.reduce((tx, one) => tx.destroy(one), new NftTransaction()))
})

t.test('twenty thousand elements of several sets', { skip }, async t => {
  const { nft } = nftNetns(t)
  nft.run(new NftTransaction().add(inet).add(addrs).add(others).add(held).add(ports))
  const all = times(COUNT / 4, i => [addr(i), reserved(i), port(i), addr(i, others)]).flat()
  nft.run(creating(all))
  for (const one of [addrs, others, held, ports]) t.equal(nft.list.elements(one).length, COUNT / 4, one.name)
  t.match(nft.list.element(reserved(4999)), { comment: 'plv4999' })

  const before = nft.list.generation()
  const first = caught(() => nft.run(creating(all)))
  t.match(first, { code: 'EEXIST', index: 0 }, 'so many failures that most of them are lost')
  t.match(first.target, /addrs { 10\.0\.0\.0 /)
  const late = caught(() =>
    nft.run(creating([...times(COUNT, i => addr(100_000 + i, others)), addr(4_999, others)])),
  )
  t.match(late, { code: 'EEXIST', index: COUNT })
  t.equal(nft.list.generation(), before, 'nothing has changed')

  nft.run(all.reduce((tx, one) => tx.destroy(one), new NftTransaction()))
  for (const one of [addrs, others, held, ports]) t.strictSame(nft.list.elements(one), [], one.name)
})

t.test('commands that share messages', { skip }, async t => {
  const { nft, heard } = overheard(t)
  const packing = (tx: NftTransaction) => {
    heard.sent.length = 0
    nft.run(tx)
    return heard.sent[0]!.slice(1, -1).map(({ payload, type }) => {
      const { set, elements } = decodeElements(payload)
      return `${type === nftType(NFT_MSG_NEWSETELEM) ? '+' : '-'}${set} ${elements!.length}`
    })
  }
  const [one, two, three] = times(3, i => addr(i)) as [Element, Element, Element]
  const foreign = { ...addr(7), set: { ...addrs } }
  t.same(packing(new NftTransaction().create(one).create(two).create(addr(1, others)).create(three)), [
    '+addrs 2',
    '+others 1',
    '+addrs 1',
  ])
  t.same(packing(new NftTransaction().delete(one).delete(two).create(one).add(two).add(foreign)), [
    '-addrs 2',
    '+addrs 1',
    '+addrs 2',
  ])
  t.same(
    packing(
      new NftTransaction()
        .destroy(one)
        .destroy(foreign)
        .destroy(elements(addrs, [two, three])),
    ),
    ['-addrs 2', '-addrs 2'],
  )
  t.same(packing(new NftTransaction().create(reserved(1)).create(reserved(2)).delete(reserved(1))), [
    '+held 4',
    '-held 2',
  ])
  t.same(packing(new NftTransaction().add(elements(addrs, [])).add(one)), ['+addrs 1'])
})

for (const offsets of [true, false])
  t.test(
    `who is to blame, ${offsets ? 'as the kernel says' : 'where the kernel does not say'}`,
    { skip },
    async t => {
      const { nft, heard } = overheard(t)
      // Before Linux 6.0, failures of elements come without NLMSGERR_ATTR_OFFS.
      if (!offsets) heard.change = withoutDetails
      nft.run(creating([addr(3), reserved(5), port(9)]))
      const fails = (all: readonly Element[], index: number) => {
        const error = caught(() => nft.run(creating(all)))
        t.ok(isExists(error), error.message)
        t.equal(error.index, index)
        t.match(error.target, printElement(all[index]!))
      }
      fails([addr(1), addr(2), addr(3), addr(4)], 2)
      fails([addr(3), addr(4)], 0)
      fails([addr(1), addr(2), port(1), addr(4), addr(3)], 4)
      fails([reserved(1), reserved(2), reserved(4), reserved(5)], 3)
      fails([reserved(1), port(8), port(9), addr(3)], 2)
      fails(
        times(5000, i => addr(5002 - i)),
        4999,
      )
      t.strictSame(nft.list.elements(addrs).length, 1, 'nothing has changed')

      const gone = caught(() => nft.run(new NftTransaction().delete(addr(3)).delete(addr(4)).delete(addr(5))))
      t.ok(isNotFound(gone))
      t.equal(gone.index, 1)
      const list = caught(() =>
        nft.run(new NftTransaction().add(addr(1)).delete(elements(addrs, [addr(3), addr(4)]))),
      )
      t.equal(list.index, 1)
      t.match(list.target, offsets ? /{ 10\.0\.0\.4 }/ : /{ 10\.0\.0\.3, 10\.0\.0\.4 }/)
      const none = { ...addrs, name: 'none' }
      const nowhere = caught(() => nft.run(creating([addr(1), addr(1, none), addr(2, none)])))
      t.ok(isNotFound(nowhere))
      t.equal(nowhere.index, 1, 'a set that is not there')
      const listed = elements(
        none,
        times(1000, i => addr(i, none)),
      )
      t.ok(
        caught(() => nft.run(new NftTransaction().add(listed))).message.length < 3000,
        'no endless message',
      )

      nft.run(
        new NftTransaction()
          .destroy(addr(3))
          .destroy(addr(4))
          .destroy(addr(5, none))
          .destroy(addr(6, none))
          .create(addr(1)),
      )
      t.strictSame(nft.list.elements(addrs).map(printElement), [
        printElement({ ...addr(1), counter: { packets: 0n, bytes: 0n } }),
      ])
    },
  )

/** Takes the kernel's explanations out of answers. */
function withoutDetails(answers: Buffer): void {
  for (let at = 0; at < answers.length; at += (answers.readUInt32LE(at) + 3) & ~3)
    if (answers.readUInt16LE(at + 4) === NLMSG_ERROR)
      answers.writeUInt16LE(answers.readUInt16LE(at + 6) & ~NLM_F_ACK_TLVS, at + 6)
}
