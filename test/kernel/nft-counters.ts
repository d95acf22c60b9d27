// Sets and maps that count, in fresh namespaces: what nft(8) lists of them, and what traffic makes of them.
import t from 'tap'
import { chain } from '../../kernel/nft/chain.js'
import { type Element, element, printElement } from '../../kernel/nft/element.js'
import { mapped } from '../../kernel/nft/mapped.js'
import { rule } from '../../kernel/nft/rule.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip } from '../../kernel/nft/selectors/network.js'
import { map, type NftSet, set } from '../../kernel/nft/set.js'
import { assign } from '../../kernel/nft/statements/assign.js'
import { match } from '../../kernel/nft/statements/match.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { needs } from '../helpers/needs.js'
import { a, inet, inTable, nftNetns, p } from '../helpers/nft-netns.js'
import { sh } from '../helpers/sh.js'

const skip = needs('root', 'nft', 'nsenter', 'socat')

const addrs = set({ ...inTable, name: 'addrs', type: 'ipv4_addr', counter: true, comment: 'who to' })
const pairs = set({ ...inTable, name: 'pairs', type: ['ipv4_addr', 'inet_proto'], counter: true })
const nets = set({ ...inTable, name: 'nets', type: 'ipv4_addr', flags: ['interval'], counter: true })
const wide = set({
  ...inTable,
  name: 'wide',
  type: ['ipv4_addr', 'inet_proto'],
  flags: ['interval'],
  counter: true,
})
const marks = map({ ...inTable, name: 'marks', type: 'ipv4_addr', data: 'mark', counter: true })
const plain = set({ ...inTable, name: 'plain', type: 'ipv4_addr' })
const counting = [addrs, pairs, nets, wide, marks]
const soFar = { packets: 5n, bytes: 300n }
const members = [
  element({ set: addrs, key: a('127.0.0.1'), comment: 'c1' }),
  element({ set: addrs, key: a('10.1.2.4'), counter: soFar, comment: 'c2' }),
  element({ set: pairs, key: [a('127.0.0.1'), 'udp'] }),
  element({ set: nets, key: p('127.0.0.0/8') }),
  element({ set: nets, key: p('10.0.0.0/8') }),
  element({ set: wide, key: [p('127.0.0.0/8'), 'udp'] }),
  element({ set: marks, key: a('127.0.0.1'), value: 7 }),
  element({ set: plain, key: a('127.0.0.1') }),
]
const output = chain({ ...inTable, name: 'out', type: 'filter', hook: 'output', priority: 0 })

function ruleset(): NftTransaction {
  const tx = new NftTransaction().add(inet).add(output)
  for (const one of [...counting, plain, ...members]) tx.add(one)
  for (const statement of [
    match(ip.daddr, 'in', addrs),
    match([ip.daddr, meta('l4proto')], 'in', pairs),
    match(ip.daddr, 'in', nets),
    match([ip.daddr, meta('l4proto')], 'in', wide),
    match(ip.daddr, 'in', plain),
    assign(meta('mark'), mapped(ip.daddr, marks)),
  ])
    tx.add(rule({ chain: output, statements: [match(meta('l4proto'), '==', 'udp'), statement] }))
  return tx
}

t.test('sets that count', { skip }, async t => {
  const [ours, printed] = [nftNetns(t), nftNetns(t)]
  ours.nft.run(ruleset())
  printed.load(String(ruleset()))
  t.equal(ours.listing(), printed.listing(), 'ours as nft has it')

  for (const one of counting) {
    const kind = one.data === undefined ? 'set' : 'map'
    const listed = ours.json().find(each => each[kind]?.name === one.name)[kind]
    t.strictSame(listed.stmt, [{ counter: null }], `nft lists ${one.name}`)
    const { handle, ...read } = ours.nft.list.set(one)!
    t.strictSame(read, one, `so do we: ${one.name}`)
  }
  t.equal(ours.nft.list.set(plain)!.counter, undefined)

  for (const one of members) {
    const found = ours.nft.list.element(one)!
    const wanted = one.set === plain ? undefined : (one.counter ?? { packets: 0n, bytes: 0n })
    t.strictSame(found.counter, wanted, printElement(one))
    t.strictSame(
      ours.nft.list.elements(one.set).find(each => printElement(each) === printElement(found))?.counter,
      wanted,
    )
  }
  t.match(ours.listing(), '10.1.2.4 counter packets 5 bytes 300 comment "c2"')
})

/** The counters of a set in the order of its keys, as `nft -j` has them. */
function listedCounters(objects: ReturnType<ReturnType<typeof nftNetns>['json']>, of: NftSet): unknown[] {
  const kind = of.data === undefined ? 'set' : 'map'
  const { elem } = objects.find(each => each[kind]?.name === of.name)[kind]
  return elem.map((each: { elem: { counter: unknown } } | [{ elem: { counter: unknown } }, unknown]) =>
    Array.isArray(each) ? each[0].elem.counter : each.elem.counter,
  )
}

t.test('lookups count', { skip }, async t => {
  const { nft, path, json } = nftNetns(t)
  sh('ip link set lo up', path)
  nft.run(ruleset())
  const counted = members.filter(({ set, key }) => set !== plain && String(key[0]).startsWith('127.'))
  const read = (one: Element) => nft.list.element(one)!.counter!
  /** One datagram of 28 bytes of headers. */
  const send = (text: string) => sh(`printf ${text} | socat -u - UDP-SENDTO:127.0.0.1:9`, path)
  send('abcd')
  for (const one of counted) t.strictSame(read(one), { packets: 1n, bytes: 32n }, printElement(one))
  send('ab')
  send('ab')
  for (const one of counted)
    t.strictSame(read(one), { packets: 3n, bytes: 92n }, `grows: ${printElement(one)}`)
  const objects = json()
  for (const one of counting)
    t.match(listedCounters(objects, one).at(-1), { packets: 3, bytes: 92 }, `nft lists it: ${one.name}`)
  t.strictSame(read(members[1]!), soFar, 'what is not looked up stays')
  nft.run(new NftTransaction().add(members[0]!))
  t.strictSame(read(members[0]!).packets, 3n, 'to add what is there does not start anew')
})
