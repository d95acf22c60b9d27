// nf_tables in fresh namespaces, against nft(8): the same ruleset made by it and by us lists the same, by it and by us.
import t from 'tap'
import { isErrno, isExists, isNotFound, KernelError } from '../../kernel/error.js'
import { chain } from '../../kernel/nft/chain.js'
import { element, printElement } from '../../kernel/nft/element.js'
import type { Family } from '../../kernel/nft/family.js'
import { listRules } from '../../kernel/nft/list-rules.js'
import { type NftEvent, NftMonitor } from '../../kernel/nft/monitor.js'
import { Nft } from '../../kernel/nft/nft.js'
import { object } from '../../kernel/nft/object.js'
import { fingerprint } from '../../kernel/nft/raise.js'
import { type Rule, rule, ruleText } from '../../kernel/nft/rule.js'
import { ether } from '../../kernel/nft/selectors/link.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip } from '../../kernel/nft/selectors/network.js'
import { tcp } from '../../kernel/nft/selectors/transport.js'
import { map, set } from '../../kernel/nft/set.js'
import { counter } from '../../kernel/nft/statements/counter.js'
import { ctCount, limit, quota } from '../../kernel/nft/statements/limit.js'
import { match } from '../../kernel/nft/statements/match.js'
import { masquerade } from '../../kernel/nft/statements/nat.js'
import { objref } from '../../kernel/nft/statements/objref.js'
import { accept, drop, goto, jump } from '../../kernel/nft/statements/verdict.js'
import { vmap } from '../../kernel/nft/statements/vmap.js'
import { table } from '../../kernel/nft/table.js'
import { elements, NftTransaction } from '../../kernel/nft/transaction.js'
import { range } from '../../kernel/nft/value.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'
import { needs } from '../helpers/needs.js'
import { type TestScope, tempNetns } from '../helpers/netns.js'
import { type NftCase, nftCases, nftSuites } from '../helpers/nft-cases.js'
import { nftGolden } from '../helpers/nft-golden.js'
import { sh } from '../helpers/sh.js'

const skip = needs('root', 'nft', 'nsenter')

interface NftNetns {
  readonly fd: number
  readonly nft: Nft
  /** Loads a file of commands with nft(8). */
  load(file: string): void
  /** `nft list ruleset` */
  listing(): string
}

function nftNetns(t: TestScope, destroys?: boolean): NftNetns {
  const { path, fd } = tempNetns(t)
  const connection = Nft.connect(fd)
  t.after(() => connection[Symbol.dispose]())
  return {
    fd,
    nft: new Nft(() => connection, destroys),
    load: file => void sh(`nft -f - <<'END'\n${file}\nEND\n`, path),
    listing: () => sh('nft list ruleset', path),
  }
}

const a = (text: string) => Ip.parse(text)
const p = (text: string) => Prefix.parse(text)
const mac = Mac.parse('02:00:00:00:00:01')

function caught(call: () => unknown): KernelError {
  try {
    call()
  } catch (error) {
    if (error instanceof KernelError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** Less what only the kernel gives. */
function plainRule({ handle, ...rest }: Rule): Rule {
  return rest
}

function ruleOf(family: Family, { statements, comment, chain: name = 'c' }: NftCase): Rule {
  return rule({
    chain: { table: { family, name: 't' }, name },
    statements,
    ...(comment !== undefined && { comment }),
  })
}

for (const suite of nftSuites)
  t.test(`rules as nft makes them: ${suite}`, { skip }, async t => {
    const { setup } = nftGolden(suite)
    const { family, cases } = nftCases(suite)
    const taken = cases.filter(({ refused }) => !refused)
    const [theirs, ours, printed] = [nftNetns(t), nftNetns(t), nftNetns(t)]
    for (const { load } of [theirs, ours, printed]) load(setup)

    theirs.load(taken.map(({ chain = 'c', text }) => `add rule ${family} t ${chain} ${text}`).join('\n'))
    const tx = new NftTransaction()
    for (const one of taken) tx.add(ruleOf(family, one))
    ours.nft.run(tx)
    printed.load(String(tx))

    const listing = theirs.listing()
    t.equal(ours.listing(), listing, 'made by us, listed by nft')
    t.equal(printed.listing(), listing, 'printed by us, made and listed by nft')

    const inTable = { family, name: 't' }
    const [fromTheirs, fromOurs] = [theirs, ours].map(({ nft }) =>
      listRules(nft.list, inTable).map(plainRule),
    )
    t.strictSame(fromOurs, fromTheirs, 'listed by us')
    const wanted = taken.map(one => ruleOf(family, one))
    const byChain = (rules: readonly Rule[], name: string) => rules.filter(({ chain }) => chain.name === name)
    for (const name of new Set(taken.map(({ chain = 'c' }) => chain))) {
      const found = byChain(fromOurs!, name)
      byChain(wanted, name).forEach((one, i) => {
        const { statements } = found[i]!
        t.equal(fingerprint(inTable, statements), fingerprint(inTable, one.statements), ruleText(one))
      })
    }
  })

const inet = table({ family: 'inet', name: 'plumbline', comment: 'ours' })
const inTable = { table: inet } as const
const post = chain({
  ...inTable,
  name: 'post',
  type: 'nat',
  hook: 'postrouting',
  priority: 100,
  policy: 'accept',
})
const forward = chain({
  ...inTable,
  name: 'forw',
  type: 'filter',
  hook: 'forward',
  priority: -10,
  policy: 'drop',
  comment: 'who to whom',
})
const other = chain({ ...inTable, name: 'other' })
const pods = set({ ...inTable, name: 'pods', type: ['ifname', 'ether_addr'], comment: 'attached here' })
const nets = set({ ...inTable, name: 'nets', type: 'ipv4_addr', flags: ['interval'] })
const nets6 = set({ ...inTable, name: 'nets6', type: 'ipv6_addr', flags: ['interval'] })
const services = set({
  ...inTable,
  name: 'services',
  type: ['ipv4_addr', 'inet_proto', 'inet_service'],
  flags: ['interval'],
})
const marks = set({ ...inTable, name: 'marks', type: 'mark', flags: ['interval'] })
const aging = set({
  ...inTable,
  name: 'aging',
  type: 'ipv4_addr',
  flags: ['timeout'],
  timeout: 3_600_000,
  size: 100,
})
const verdicts = map({ ...inTable, name: 'verdicts', type: ['ipv4_addr', 'ifname'], data: 'verdict' })
const netverdicts = map({
  ...inTable,
  name: 'netverdicts',
  type: 'ipv4_addr',
  data: 'verdict',
  flags: ['interval'],
})
const ports = map({
  ...inTable,
  name: 'ports',
  type: ['inet_proto', 'inet_service'],
  data: ['ipv4_addr', 'inet_service'],
})
const counts = map({ ...inTable, name: 'counts', type: 'ipv4_addr', data: 'counter' })
const wild = set({ ...inTable, name: 'wild', type: ['ifname', 'inet_service'], flags: ['interval'] })
const sets = [pods, nets, nets6, services, marks, aging, verdicts, netverdicts, ports, counts, wild]
const hits = object({
  ...inTable,
  name: 'hits',
  state: counter({ packets: 3, bytes: 300 }),
  comment: 'so far',
})
const cap = object({ ...inTable, name: 'cap', state: quota({ bytes: 10 << 20, over: true }) })
const ten = object({ ...inTable, name: 'ten', state: limit({ rate: 10, burst: 20 }) })
const members = [
  element({ set: pods, key: ['veth1', mac], comment: 'c1@eth0' }),
  element({ set: nets, key: p('10.0.0.0/8'), comment: 'private' }),
  element({ set: nets, key: range(a('192.168.0.10'), a('192.168.0.20')) }),
  element({ set: nets, key: p('224.0.0.0/3') }),
  element({ set: nets, key: a('172.16.0.1') }),
  element({ set: nets6, key: p('fd00::/8') }),
  element({ set: services, key: [p('10.0.0.0/8'), 'tcp', range(80, 90)] }),
  element({ set: services, key: [a('10.9.0.1'), 'udp', 53], comment: 'dns' }),
  element({ set: marks, key: range(0x10, 0x20) }),
  element({ set: marks, key: 0x100 }),
  element({ set: aging, key: a('10.1.2.3') }),
  element({ set: verdicts, key: [a('10.1.2.3'), 'eth0'], value: accept }),
  element({ set: verdicts, key: [a('10.1.2.4'), 'eth0'], value: jump(other), comment: 'to other' }),
  element({ set: verdicts, key: [a('10.1.2.5'), 'eth0'], value: goto(other) }),
  element({ set: netverdicts, key: p('10.0.0.0/8'), value: drop }),
  element({ set: netverdicts, key: p('11.0.0.0/8'), value: accept }),
  element({ set: ports, key: ['tcp', 8080], value: [a('10.1.2.3'), 80] }),
  element({ set: counts, key: a('10.1.2.3'), value: 'hits' }),
  element({ set: wild, key: ['pl*', 80] }),
]

function wholeTable(): NftTransaction {
  const tx = new NftTransaction().add(inet).add(post).add(forward).add(other)
  for (const one of [hits, cap, ten, ...sets, ...members]) tx.add(one)
  return tx
    .add(
      rule({
        chain: post,
        statements: [
          match(ip.saddr, 'in', nets),
          match(ip.daddr, 'not in', [p('10.0.0.0/8'), p('172.16.0.0/12')]),
          masquerade(),
        ],
        comment: 'out',
      }),
    )
    .add(rule({ chain: forward, statements: [vmap([ip.saddr, meta('iifname')], verdicts)] }))
    .insert(
      rule({
        chain: forward,
        statements: [match([meta('iifname'), ether.saddr], 'in', pods), objref('counter', hits), drop],
      }),
    )
}

t.test('a whole table', { skip }, async t => {
  const [ours, printed] = [nftNetns(t), nftNetns(t)]
  ours.nft.run(wholeTable())
  printed.load(String(wholeTable()))
  const expiring = /expires [^,}]*ms/g
  t.equal(ours.listing().replace(expiring, ''), printed.listing().replace(expiring, ''), 'ours as nft has it')
  t.match(ours.listing(), /"veth1" \. 02:00:00:00:00:01 comment "c1@eth0"/)

  const { list } = ours.nft
  const plain = ({ handle, ...rest }: { readonly handle?: bigint }) => rest
  t.strictSame(list.tables().map(plain), [inet].map(plain))
  t.strictSame(list.tables('ip'), [])
  t.strictSame(plain(list.table(inet)!), plain(inet))
  t.strictSame(list.chains(inet).map(plain), [post, forward, other].map(plain))
  t.strictSame(plain(list.chain(forward)!), plain(forward))
  t.strictSame(new Set(list.sets(inet).map(({ name }) => name)), new Set(sets.map(({ name }) => name)))
  for (const one of sets) {
    t.strictSame(plain(list.set(one)!), plain(one), one.name)
    const wanted = members.filter(({ set }) => set === one)
    const texts = list.elements(one).map(each => printElement({ ...each, expires: undefined } as never))
    t.strictSame(texts.sort(), wanted.map(printElement).sort(), `elements of ${one.name}`)
  }
  t.strictSame(list.objects(inet).map(plain).sort(byName), [hits, cap, ten].map(plain).sort(byName))
  t.strictSame(listRules(list, forward).map(ruleText), [
    'iifname . ether saddr @pods counter name "hits" drop',
    'ip saddr . iifname vmap @verdicts',
  ])

  for (const one of members) {
    const found = list.element(one)
    t.strictSame(found?.key, one.key, printElement(one))
    t.strictSame(found?.value, one.value)
    t.equal(found?.comment, one.comment)
  }
  t.equal(list.element(element({ set: pods, key: ['veth9', mac] })), undefined)
  t.equal(list.element(element({ set: nets, key: a('9.9.9.9') })), undefined)
  t.strictSame(list.table({ family: 'ip', name: 'none' }), undefined)
  t.strictSame(list.chain({ table: inet, name: 'none' }), undefined)
  t.strictSame(list.set({ table: inet, name: 'none' }), undefined)
  t.ok(isNotFound(caught(() => list.elements({ ...pods, name: 'none' }))))
})

function byName(one: unknown, two: unknown): number {
  return (one as { name: string }).name < (two as { name: string }).name ? -1 : 1
}

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
