// Transactions of nf_tables in fresh namespaces: what they change, how they fail, and what is heard of them.
import { closeSync } from 'node:fs'
import t from 'tap'
import { isErrno, isExists, isNotFound } from '../../kernel/error.js'
import { NetlinkConnection } from '../../kernel/netlink/connection.js'
import { element } from '../../kernel/nft/element.js'
import { listRules } from '../../kernel/nft/list-rules.js'
import { type NftEvent, NftMonitor } from '../../kernel/nft/monitor.js'
import { Nft } from '../../kernel/nft/nft.js'
import { rule, ruleText } from '../../kernel/nft/rule.js'
import { tcp } from '../../kernel/nft/selectors/transport.js'
import { set } from '../../kernel/nft/set.js'
import { ctCount } from '../../kernel/nft/statements/limit.js'
import { match } from '../../kernel/nft/statements/match.js'
import { accept, drop } from '../../kernel/nft/statements/verdict.js'
import { elements, NftTransaction } from '../../kernel/nft/transaction.js'
import { addon } from '../../native/addon.js'
import { NlWriter } from '../../wire/netlink/attr.js'
import { NETLINK_NETFILTER, NLM_F_CAPPED, NLMSG_ERROR } from '../../wire/netlink/constants.js'
import { decodeMessages } from '../../wire/netlink/message.js'
import { NFT_MSG_DESTROYTABLE } from '../../wire/nft/constants.js'
import { nftMsg } from '../../wire/nft/message.js'
import { needs } from '../helpers/needs.js'
import { tempNetns } from '../helpers/netns.js'
import {
  a,
  caught,
  forward,
  hits,
  inet,
  inTable,
  mac,
  nftNetns,
  other,
  pods,
  ports,
  post,
} from '../helpers/nft-netns.js'

const EINVAL = 22
const skip = needs('root', 'nft', 'nsenter')

t.test('rules by handle', { skip }, async t => {
  const { nft } = nftNetns(t)
  nft.run(new NftTransaction().add(inet).add(other))
  const texts = () => listRules(nft.list, other).map(ruleText)
  const named = (comment: string) => rule({ chain: other, statements: [accept], comment })
  nft.run(new NftTransaction().add(named('b')).insert(named('a')))
  const [first, second] = listRules(nft.list, other)
  nft.run(
    new NftTransaction()
      .add({ ...named('a2'), position: first!.handle! })
      .insert({ ...named('a3'), position: second!.handle! }),
  )
  t.same(
    texts(),
    ['a', 'a2', 'a3', 'b'].map(name => `accept comment "${name}"`),
  )
  nft.run(new NftTransaction().replace({ ...named('B'), handle: second!.handle! }).delete(first!))
  t.same(
    texts(),
    ['a2', 'a3', 'B'].map(name => `accept comment "${name}"`),
  )
  const gone = caught(() => nft.run(new NftTransaction().delete(first!)))
  t.ok(isNotFound(gone))
  t.equal(gone.target, `inet plumbline other handle ${first!.handle}`)
  nft.run(new NftTransaction().destroy(first!).flush(other))
  t.same(texts(), [])
})

t.test('what fails changes nothing, and says what failed', { skip }, async t => {
  const { nft, listing } = nftNetns(t)
  const pod = element({ set: pods, key: ['veth1', mac], comment: 'c1@eth0' })
  const missing = caught(() => nft.run(new NftTransaction().add(pod)))
  t.ok(isNotFound(missing), 'no table')
  t.match(missing, { operation: 'nft add element', index: 0, code: 'ENOENT' })
  t.equal(missing.target, 'inet plumbline pods { "veth1" . 02:00:00:00:00:01 comment "c1@eth0" }')
  t.match(missing.message, /^nft add element inet plumbline pods \{ .* \}: ENOENT/)

  nft.run(new NftTransaction().add(inet).add(pods).add(ports).add(pod))
  const before = listing()
  t.ok(isExists(caught(() => nft.run(new NftTransaction().create(inet)))), 'create of a table')
  t.ok(isExists(caught(() => nft.run(new NftTransaction().create(pods)))), 'create of a set')
  t.ok(isExists(caught(() => nft.run(new NftTransaction().create(pod)))), 'create of an element')
  nft.run(new NftTransaction().add(inet).add(pods).add(pod))
  t.equal(listing(), before, 'to add what is there is no error')
  const port = (address: string) => element({ set: ports, key: ['tcp', 80], value: [a(address), 80] })
  nft.run(new NftTransaction().add(port('10.1.2.3')))
  t.ok(isExists(caught(() => nft.run(new NftTransaction().add(port('10.1.2.4'))))), 'another value for a key')

  const third = caught(() =>
    nft.run(
      new NftTransaction()
        .add(other)
        .add(rule({ chain: other, statements: [match(tcp.dport, 'in', [80, 443]), accept] }))
        .add(rule({ chain: { table: inet, name: 'none' }, statements: [match(tcp.dport, 'in', [1, 2])] }))
        .delete(pod),
    ),
  )
  t.match(third, { operation: 'nft add rule', code: 'ENOENT', index: 2 })
  t.match(third.target, 'inet plumbline none tcp dport { 1, 2 }')
  t.equal(nft.list.chain(other), undefined, 'nothing of it happened')
  t.ok(nft.list.element(pod))

  t.match(
    caught(() => nft.run(new NftTransaction().add({ ...post, hook: 'ingress' }))),
    { index: 0 },
  )
  nft.run(new NftTransaction().delete(pod))
  t.equal(nft.list.element(pod), undefined, 'the socket is as good as before')
  t.throws(() => nft.run(new NftTransaction().add(element({ set: pods, key: ['x', 5] }))), RangeError)
  nft.run(new NftTransaction())
  nft.run(new NftTransaction().add(pod), { generation: nft.list.generation() })
  t.ok(
    isErrno(
      caught(() => nft.run(new NftTransaction().delete(pod), { generation: 1 })),
      'ERESTART',
    ),
  )
  t.ok(nft.list.element(pod))
})

for (const destroys of [undefined, false])
  t.test(`destroying ${destroys === false ? 'with a kernel that cannot' : ''}`, { skip }, async t => {
    const { nft, listing } = nftNetns(t, destroys)
    const [one, two] = ['veth1', 'veth2'].map(name => element({ set: pods, key: [name, mac] }))
    const chained = rule({ chain: other, statements: [accept] })
    nft.run(new NftTransaction().destroy(one!).destroy(pods).destroy(inet))
    nft.run(new NftTransaction().add(inet).add(pods).add(hits).add(other).add(chained).add(one!).add(two!))
    const [listed] = listRules(nft.list, other)
    nft.run(new NftTransaction().destroy(one!))
    t.equal(nft.list.element(one!), undefined)
    nft.run(new NftTransaction().destroy(one!).destroy(two!))
    t.equal(nft.list.element(two!), undefined, 'the one that was there')
    nft.run(new NftTransaction().destroy(listed!).destroy(hits).destroy(other).destroy(pods))
    nft.run(new NftTransaction().destroy(listed!).destroy(hits).destroy(other).destroy(pods).destroy(one!))
    t.equal(listing(), 'table inet plumbline {\n\tcomment "ours"\n}\n')
    const failed = caught(() => nft.run(new NftTransaction().destroy(one!).add(two!)))
    t.match(failed, { operation: 'nft add element', index: 1 }, 'others must not fail')
    nft.run(new NftTransaction().destroy(inet))
    nft.run(new NftTransaction().destroy(inet))
    t.equal(listing(), '')
  })

t.test('destroying with a kernel that says that it cannot', { skip }, async t => {
  const { fd } = tempNetns(t)
  const [socket] = addon.openIn(fd, [{ protocol: NETLINK_NETFILTER }]) as [number]
  t.after(() => closeSync(socket))
  const refusals: Buffer[] = []
  const attempts: number[] = []
  /** Before Linux 6.3: a message of an unknown type is EINVAL, and with it nothing of the batch happens. */
  const connection = new NetlinkConnection({
    send(message) {
      const messages = [...decodeMessages(Buffer.from(message))]
      const unknown = messages.filter(({ type }) => (nftMsg(type) ?? 0) >= NFT_MSG_DESTROYTABLE)
      attempts.push(unknown.length)
      for (const { seq } of unknown) refusals.push(refusal(seq, EINVAL))
      return unknown.length > 0 ? message.length : addon.send(socket, message)
    },
    recv(into, timeoutMs) {
      const next = refusals.shift()
      if (next === undefined) return addon.recv(socket, into, timeoutMs)
      into.set(next)
      return next.length
    },
  })
  const nft = new Nft(() => connection)
  const pod = element({ set: pods, key: ['veth1', mac] })
  nft.run(new NftTransaction().add(inet).add(pods).add(pod))
  nft.run(new NftTransaction().destroy(pod))
  t.equal(nft.list.element(pod), undefined)
  t.same(attempts.slice(0, 4), [0, 1, 1, 0], 'tried, asked about, done with')
  nft.run(new NftTransaction().destroy(pod).destroy(inet))
  t.equal(nft.list.table(inet), undefined)
  t.equal(attempts.filter(count => count > 0).length, 2, 'decided once')
})

/** NLMSG_ERROR for the message with this number. */
function refusal(seq: number, errno: number): Buffer {
  const w = new NlWriter(64)
  w.nextSeq = seq
  w.message(NLMSG_ERROR, NLM_F_CAPPED, inner => inner.i32(-errno).zeros(16))
  return Buffer.from(w.finish())
}

t.test('many elements', { skip }, async t => {
  const { nft } = nftNetns(t)
  const addrs = set({ ...inTable, name: 'addrs', type: 'ipv4_addr', comment: 'many' })
  const many = Array.from({ length: 3000 }, (_, i) =>
    element({ set: addrs, key: a('10.0.0.0').add(i), comment: `number ${i}` }),
  )
  nft.run(new NftTransaction().add(inet).add(addrs).add(elements(addrs, many)))
  t.equal(nft.list.elements(addrs).length, 3000)
  nft.run(new NftTransaction().delete(elements(addrs, many.slice(0, 2999))))
  t.strictSame(
    nft.list.elements(addrs).map(({ comment }) => comment),
    ['number 2999'],
  )
  nft.run(new NftTransaction().flush(addrs))
  t.strictSame(nft.list.elements(addrs), [])
})

t.test('events', { skip }, async t => {
  const { nft, fd } = nftNetns(t)
  using monitor = NftMonitor.open(fd)
  const events: NftEvent[] = []
  const listener = { event: (event: NftEvent) => void events.push(event), overrun: () => t.fail('overrun') }
  const pod = element({ set: pods, key: ['veth1', mac] })
  nft.run(
    new NftTransaction()
      .add(inet)
      .add(pods)
      .add(other)
      .add(pod)
      .add(hits)
      .add(rule({ chain: other, statements: [accept] })),
  )
  nft.run(new NftTransaction().delete(pod))
  while (monitor.receive(0, listener));
  const seen = events.map(event =>
    event.kind === 'generation' ? event.kind : `${event.action} ${event.kind}`,
  )
  const first = ['add table', 'add set', 'add chain', 'add elements', 'add object', 'add rule', 'generation']
  t.same(seen.slice(0, 7).sort(), first.sort())
  t.same(seen.slice(7), ['delete elements', 'generation'])
  t.match(
    events.find(({ kind }) => kind === 'table'),
    { table: { family: 'inet', name: 'plumbline' } },
  )
  t.match(
    events.findLast(({ kind }) => kind === 'generation'),
    { generation: { id: nft.list.generation() } },
  )
  t.equal(monitor.receive(0, listener), false)
})

t.test('a connection count, where the kernel can', { skip }, async t => {
  const { nft } = nftNetns(t)
  nft.run(new NftTransaction().add(inet).add(forward))
  nft.run(new NftTransaction().add(rule({ chain: forward, statements: [ctCount(20, { over: true }), drop] })))
  t.same(listRules(nft.list, forward).map(ruleText), ['ct count over 20 drop'])
})
