// Tables, chains, sets, elements and objects without a kernel: the messages nft sends for the same commands, and text.
import t from 'tap'
import { chain } from '../../kernel/nft/chain.js'
import { type Command, commandText, writeCommand } from '../../kernel/nft/command.js'
import { element, elementMessages, elementsFrom } from '../../kernel/nft/element.js'
import { object } from '../../kernel/nft/object.js'
import { rule } from '../../kernel/nft/rule.js'
import { map, type NftSet, set, setFrom } from '../../kernel/nft/set.js'
import { counter } from '../../kernel/nft/statements/counter.js'
import { limit, quota } from '../../kernel/nft/statements/limit.js'
import {
  accept,
  continueVerdict,
  drop,
  goto,
  jump,
  returnVerdict,
} from '../../kernel/nft/statements/verdict.js'
import { table } from '../../kernel/nft/table.js'
import { elements, NftTransaction } from '../../kernel/nft/transaction.js'
import { range, type Value } from '../../kernel/nft/value.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'
import { NlWriter } from '../../wire/netlink/attr.js'
import { NLM_F_CREATE } from '../../wire/netlink/constants.js'
import { decodeMessages, type NlMessage } from '../../wire/netlink/message.js'
import * as c from '../../wire/nft/constants.js'
import { nftMsg } from '../../wire/nft/message.js'
import type { SetMessage } from '../../wire/nft/set.js'
import { decodeUserdata, encodeUserdata } from '../../wire/nft/userdata.js'
import { WireError } from '../../wire/wire-error.js'
import { comparable, nftCodec, nftGolden } from '../helpers/nft-golden.js'

const inet = table({ family: 'inet', name: 't', comment: 'all of ours' })
const inTable = { table: inet } as const
const a = (text: string) => Ip.parse(text)
const p = (text: string) => Prefix.parse(text)
const mac = Mac.parse('02:00:00:00:00:01')
const triple = ['ipv4_addr', 'inet_proto', 'inet_service']
const pair = ['ipv4_addr', 'inet_service']

const sets = {
  addrs: set({ ...inTable, name: 'addrs', type: 'ipv4_addr' }),
  macs: set({ ...inTable, name: 'macs', type: 'ether_addr', comment: 'known stations' }),
  ports: set({ ...inTable, name: 'ports', type: 'inet_service', size: 1024 }),
  nets: set({ ...inTable, name: 'nets', type: 'ipv4_addr', flags: ['interval'] }),
  nets6: set({ ...inTable, name: 'nets6', type: 'ipv6_addr', flags: ['interval'], autoMerge: true }),
  aging: set({ ...inTable, name: 'aging', type: 'ipv4_addr', flags: ['timeout'], timeout: 90_000 }),
  dyn: set({
    ...inTable,
    name: 'dyn',
    type: pair,
    flags: ['timeout', 'dynamic'],
    timeout: 60_000,
    size: 65535,
  }),
  ifs: set({ ...inTable, name: 'ifs', type: 'ifname' }),
  marks: set({ ...inTable, name: 'marks', type: 'mark', flags: ['interval'] }),
  ifmacs: set({ ...inTable, name: 'ifmacs', type: ['ifname', 'ether_addr'] }),
  netports: set({ ...inTable, name: 'netports', type: triple, flags: ['interval'] }),
  addrmap: map({ ...inTable, name: 'addrmap', type: 'inet_service', data: 'ipv4_addr' }),
  markmap: map({ ...inTable, name: 'markmap', type: 'ifname', data: 'mark' }),
  pairmap: map({ ...inTable, name: 'pairmap', type: 'inet_service', data: pair }),
  verdicts: map({
    ...inTable,
    name: 'verdicts',
    type: ['ipv4_addr', 'ifname'],
    data: 'verdict',
    comment: 'who may',
  }),
  netverdicts: map({
    ...inTable,
    name: 'netverdicts',
    type: 'ipv4_addr',
    data: 'verdict',
    flags: ['interval'],
  }),
  counters: map({ ...inTable, name: 'counters', type: 'ipv4_addr', data: 'counter' }),
  netmap: map({ ...inTable, name: 'netmap', type: pair, data: 'ipv4_addr', flags: ['interval'] }),
  counted: set({ ...inTable, name: 'counted', type: 'ipv4_addr', counter: true, comment: 'who sends' }),
  countednets: set({
    ...inTable,
    name: 'countednets',
    type: 'ipv4_addr',
    flags: ['interval'],
    counter: true,
  }),
  countedports: map({
    ...inTable,
    name: 'countedports',
    type: 'inet_service',
    data: 'ipv4_addr',
    counter: true,
  }),
}
const soFar = { packets: 5n, bytes: 300n }

const tables = {
  x: table({ family: 'ip', name: 'x' }),
  y: table({ family: 'ip', name: 'y', dormant: true }),
  b: table({ family: 'bridge', name: 'b' }),
  n: table({ family: 'netdev', name: 'n' }),
  a: table({ family: 'arp', name: 'a' }),
}

const filter = { type: 'filter', policy: 'accept' } as const
const add = (item: Command['item']): Command => ({ verb: 'add', item })
const one = (of: NftSet, key: Value | readonly Value[], more: object = {}): Command =>
  add(element({ set: of, key, ...more }))
const several = (of: NftSet, ...items: readonly (readonly [Value | readonly Value[], object?])[]): Command =>
  add(
    elements(
      of,
      items.map(([key, more = {}]) => element({ set: of, key, ...more })),
    ),
  )
const hits = object({ ...inTable, name: 'hits', state: counter() })

const cases: readonly (readonly [string, Command])[] = [
  ['add table inet t { comment "all of ours"; }', add(inet)],
  ['create table ip x', { verb: 'create', item: tables.x }],
  ['add table ip y { flags dormant; }', add(tables.y)],
  ['add chain inet t c', add(chain({ ...inTable, name: 'c' }))],
  [
    'add chain inet t in { type filter hook input priority 0; policy drop; }',
    add(chain({ ...inTable, name: 'in', type: 'filter', hook: 'input', priority: 0, policy: 'drop' })),
  ],
  [
    'add chain inet t forw { type filter hook forward priority -10; policy accept; comment "forwarded"; }',
    add(chain({ ...inTable, ...filter, name: 'forw', hook: 'forward', priority: -10, comment: 'forwarded' })),
  ],
  [
    'add chain inet t post { type nat hook postrouting priority 100; }',
    add(chain({ ...inTable, name: 'post', type: 'nat', hook: 'postrouting', priority: 100 })),
  ],
  [
    'add chain inet t pre { type nat hook prerouting priority -100; policy accept; }',
    add(
      chain({ ...inTable, name: 'pre', type: 'nat', hook: 'prerouting', priority: -100, policy: 'accept' }),
    ),
  ],
  [
    'add chain ip x out { type route hook output priority -150; }',
    add(chain({ table: tables.x, name: 'out', type: 'route', hook: 'output', priority: -150 })),
  ],
  [
    'add chain netdev n in { type filter hook ingress device "lo" priority -500; }',
    add(
      chain({ table: tables.n, name: 'in', type: 'filter', hook: 'ingress', priority: -500, device: 'lo' }),
    ),
  ],
  ['create chain inet t only', { verb: 'create', item: chain({ ...inTable, name: 'only' }) }],
  ['add set inet t addrs { type ipv4_addr; }', add(sets.addrs)],
  ['add set inet t macs { type ether_addr; comment "known stations"; }', add(sets.macs)],
  ['add set inet t ports { type inet_service; size 1024; }', add(sets.ports)],
  ['add set inet t nets { type ipv4_addr; flags interval; }', add(sets.nets)],
  ['add set inet t nets6 { type ipv6_addr; flags interval; auto-merge; }', add(sets.nets6)],
  ['add set inet t aging { type ipv4_addr; flags timeout; timeout 90s; }', add(sets.aging)],
  [
    'add set inet t dyn { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 1m; size 65535; }',
    add(sets.dyn),
  ],
  ['add set inet t ifs { type ifname; }', add(sets.ifs)],
  ['add set inet t marks { type mark; flags interval; }', add(sets.marks)],
  ['add set inet t ifmacs { type ifname . ether_addr; }', add(sets.ifmacs)],
  [
    'add set inet t netports { type ipv4_addr . inet_proto . inet_service; flags interval; }',
    add(sets.netports),
  ],
  ['add map inet t addrmap { type inet_service : ipv4_addr; }', add(sets.addrmap)],
  ['add map inet t markmap { type ifname : mark; }', add(sets.markmap)],
  ['add map inet t pairmap { type inet_service : ipv4_addr . inet_service; }', add(sets.pairmap)],
  ['add map inet t verdicts { type ipv4_addr . ifname : verdict; comment "who may"; }', add(sets.verdicts)],
  ['add map inet t netverdicts { type ipv4_addr : verdict; flags interval; }', add(sets.netverdicts)],
  ['add map inet t counters { type ipv4_addr : counter; }', add(sets.counters)],
  ['add map inet t netmap { type ipv4_addr . inet_service : ipv4_addr; flags interval; }', add(sets.netmap)],
  ['add set inet t counted { type ipv4_addr; counter; comment "who sends"; }', add(sets.counted)],
  ['add set inet t countednets { type ipv4_addr; flags interval; counter; }', add(sets.countednets)],
  ['add map inet t countedports { type inet_service : ipv4_addr; counter; }', add(sets.countedports)],
  ['add element inet t addrs { 10.1.2.3 }', one(sets.addrs, a('10.1.2.3'))],
  [
    'add element inet t addrs { 10.1.2.4, 10.1.2.5 comment "two" }',
    several(sets.addrs, [a('10.1.2.4')], [a('10.1.2.5'), { comment: 'two' }]),
  ],
  [
    'create element inet t addrs { 10.1.2.6 }',
    { verb: 'create', item: element({ set: sets.addrs, key: p('10.1.2.6/32') }) },
  ],
  ['add element inet t macs { 02:00:00:00:00:01 comment "one" }', one(sets.macs, mac, { comment: 'one' })],
  ['add element inet t ports { 80, 443 }', several(sets.ports, [80], [443])],
  [
    'add element inet t nets { 192.168.0.10-192.168.0.20 comment "twelve" }',
    one(sets.nets, range(a('192.168.0.10'), a('192.168.0.20')), { comment: 'twelve' }),
  ],
  ['add element inet t nets { 172.16.0.1 }', one(sets.nets, a('172.16.0.1'))],
  ['add element inet t nets { 224.0.0.0/3 }', one(sets.nets, p('224.0.0.0/3'))],
  ['add element inet t aging { 10.1.2.3 timeout 30s }', one(sets.aging, a('10.1.2.3'), { timeout: 30_000 })],
  [
    'add element inet t aging { 10.1.2.4 timeout 30s expires 12s comment "soon gone" }',
    one(sets.aging, a('10.1.2.4'), { timeout: 30_000, expires: 12_000, comment: 'soon gone' }),
  ],
  ['add element inet t ifs { "cni0", "eth0" }', several(sets.ifs, ['cni0'], ['eth0'])],
  ['add element inet t marks { 0x100 }', one(sets.marks, 0x100)],
  [
    'add element inet t ifmacs { "veth1234" . 02:00:00:00:00:01 comment "c1@eth0" }',
    one(sets.ifmacs, ['veth1234', mac], { comment: 'c1@eth0' }),
  ],
  [
    'add element inet t netports { 10.0.0.0/8 . tcp . 80-90 }',
    one(sets.netports, [p('10.0.0.0/8'), 'tcp', range(80, 90)]),
  ],
  [
    'add element inet t netports { 10.9.0.1-10.9.0.7 . udp . 53 comment "dns" }',
    one(sets.netports, [range(a('10.9.0.1'), a('10.9.0.7')), 'udp', 53], { comment: 'dns' }),
  ],
  ['add element inet t addrmap { 80 : 10.1.2.3 }', one(sets.addrmap, 80, { value: a('10.1.2.3') })],
  ['add element inet t markmap { "eth0" : 0x10 }', one(sets.markmap, 'eth0', { value: 0x10 })],
  [
    'add element inet t pairmap { 8080 : 10.1.2.3 . 80 }',
    one(sets.pairmap, 8080, { value: [a('10.1.2.3'), 80] }),
  ],
  [
    'add element inet t verdicts { 10.1.2.3 . "eth0" : accept }',
    one(sets.verdicts, [a('10.1.2.3'), 'eth0'], { value: accept }),
  ],
  [
    'add element inet t verdicts { 10.1.2.4 . "eth0" : drop, 10.1.2.5 . "eth0" comment "to c" : jump c }',
    several(
      sets.verdicts,
      [[a('10.1.2.4'), 'eth0'], { value: drop }],
      [[a('10.1.2.5'), 'eth0'], { value: jump({ name: 'c' }), comment: 'to c' }],
    ),
  ],
  [
    'add element inet t verdicts { 10.1.2.6 . "eth0" : goto c, 10.1.2.7 . "eth0" : return, 10.1.2.8 . "eth0" : continue }',
    several(
      sets.verdicts,
      [[a('10.1.2.6'), 'eth0'], { value: goto({ name: 'c' }) }],
      [[a('10.1.2.7'), 'eth0'], { value: returnVerdict }],
      [[a('10.1.2.8'), 'eth0'], { value: continueVerdict }],
    ),
  ],
  [
    'add element inet t netmap { 10.0.0.0/8 . 80 : 10.1.2.3 }',
    one(sets.netmap, [p('10.0.0.0/8'), 80], { value: a('10.1.2.3') }),
  ],
  ['add element inet t counted { 10.1.2.3 }', one(sets.counted, a('10.1.2.3'))],
  [
    'add element inet t counted { 10.1.2.4 counter packets 5 bytes 300 comment "so far" }',
    one(sets.counted, a('10.1.2.4'), { counter: soFar, comment: 'so far' }),
  ],
  [
    'add element inet t countedports { 80 counter packets 5 bytes 300 : 10.1.2.3 }',
    one(sets.countedports, 80, { counter: soFar, value: a('10.1.2.3') }),
  ],
  ['add counter inet t hits', add(hits)],
  [
    'add counter inet t seen { packets 5 bytes 400; comment "so far"; }',
    add(object({ ...inTable, name: 'seen', state: counter({ packets: 5, bytes: 400 }), comment: 'so far' })),
  ],
  [
    'add quota inet t cap { over 10 mbytes }',
    add(object({ ...inTable, name: 'cap', state: quota({ bytes: 10 << 20, over: true }) })),
  ],
  [
    'add quota inet t left { 5000 bytes used 100 bytes }',
    add(object({ ...inTable, name: 'left', state: quota({ bytes: 5000n, used: 100 }) })),
  ],
  [
    'add limit inet t ten { rate 10/second burst 20 packets }',
    add(object({ ...inTable, name: 'ten', state: limit({ rate: 10, burst: 20 }) })),
  ],
  [
    'add limit inet t mega { rate over 1 mbytes/second }',
    add(object({ ...inTable, name: 'mega', state: limit({ rate: 1 << 20, bytes: true, over: true }) })),
  ],
  ['add element inet t counters { 10.1.2.3 : "hits" }', one(sets.counters, a('10.1.2.3'), { value: 'hits' })],
  [
    'delete element inet t addrs { 10.1.2.3 }',
    { verb: 'delete', item: element({ set: sets.addrs, key: a('10.1.2.3') }) },
  ],
  [
    'delete element inet t nets { 10.0.0.0/8 }',
    { verb: 'delete', item: element({ set: sets.nets, key: p('10.0.0.0/8') }) },
  ],
  [
    'delete element inet t netports { 10.0.0.0/8 . tcp . 80-90 }',
    { verb: 'delete', item: element({ set: sets.netports, key: [p('10.0.0.0/8'), 'tcp', range(80, 90)] }) },
  ],
  [
    'delete element inet t verdicts { 10.1.2.3 . "eth0" }',
    { verb: 'delete', item: element({ set: sets.verdicts, key: [a('10.1.2.3'), 'eth0'], value: accept }) },
  ],
  ['flush set inet t addrs', { verb: 'flush', item: sets.addrs }],
  ['delete set inet t addrs', { verb: 'delete', item: sets.addrs }],
  [
    'delete counter inet t seen',
    { verb: 'delete', item: object({ ...inTable, name: 'seen', state: counter() }) },
  ],
  ['flush chain inet t c', { verb: 'flush', item: chain({ ...inTable, name: 'c' }) }],
  ['delete chain inet t only', { verb: 'delete', item: chain({ ...inTable, name: 'only' }) }],
  ['flush table inet t', { verb: 'flush', item: inet }],
  ['delete table arp a', { verb: 'delete', item: tables.a }],
]

function sent(command: Command): NlMessage[] {
  const w = new NlWriter(16)
  let ids = 0
  writeCommand(w, command, { destroys: true, nextSetId: () => ++ids })
  return [...decodeMessages(w.finish())]
}

/** TLVs in which nft notes by what kind of expression a concatenation was written. They do not change how it is listed. */
const TYPEOF = [3, 4, 5]
/** The verdict map's values have no byte order. */
const DATA_INTERVAL = 6

function essence({ type, payload }: NlMessage): unknown {
  const { id, setId, userdata, handle, data, ...message } = nftCodec(type).decode(payload)
  const entries = userdata === undefined ? undefined : decodeUserdata(userdata)
  const kept = entries?.filter(entry => !TYPEOF.includes(entry.type) && entry.type !== DATA_INTERVAL)
  // nft writes an attribute without anything in it when it deletes, and zeros when it makes objects.
  const state = data === undefined ? {} : withoutZeros(data)
  return comparable({ ...message, state, ...(kept && { userdata: encodeUserdata(kept) }) })
}

/** nft does not ask for tables to be made; the kernel does all the same. */
function optional(type: number): number {
  return nftMsg(type) === c.NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0
}

function withoutZeros({ kind, ...data }: { kind: string }): object {
  return Object.fromEntries(Object.entries(data).filter(([, value]) => value !== 0n && value !== 0))
}

t.test('the messages and the text of nft', async t => {
  const { captures } = nftGolden('objects')
  for (const [command, ours] of cases) {
    const capture = captures.find(each => each.command === command)
    if (capture === undefined) {
      t.fail(`not captured: ${command}`)
      continue
    }
    t.same(sent(ours).map(essence), capture.messages.map(essence), command)
    const flags = (messages: readonly NlMessage[]) =>
      messages.map(({ type, flags }) => [type, flags & ~optional(type)])
    t.same(flags(sent(ours)), flags(capture.messages), `types and flags: ${command}`)
    const tidy = (text: string) => text.replaceAll(/\s*;\s*/g, '; ').replaceAll(/0x0*/g, '0x')
    const read = tidy(commandText(ours)).replace(/ { packets 0 bytes 0; }$/, '')
    const same = tidy(command)
      .replace('timeout 90s', 'timeout 1m30s')
      .replace(/(over 10 mbytes|used 100 bytes|mbytes\/second|packets) }/, '$1; }')
    t.equal(read, same, `text: ${command}`)
  }
})

t.test('intervals', async t => {
  const keys = (key: Value, of = sets.nets) =>
    elementMessages(element({ set: of, key })).map(
      ({ key, flags = 0 }) => `${Buffer.from(key!).toString('hex')}${flags === 0 ? '' : ' end'}`,
    )
  t.same(keys(p('10.0.0.0/8')), ['0a000000', '0b000000 end'])
  t.same(keys(p('0.0.0.0/0')), ['00000000'], 'open at the end')
  t.same(keys(a('255.255.255.255')), ['ffffffff'])
  t.same(keys(range(0x10, 0x20), sets.marks), ['00000010', '00000021 end'], 'in network order')
  t.throws(() => keys(range(a('10.0.0.9'), a('10.0.0.1'))), /ends before/)
  t.throws(() => keys(p('10.0.0.0/8'), sets.addrs), /has no intervals/)
  t.throws(() => keys('cni*', sets.ifs), /wildcard/)
  const wild = set({ ...inTable, name: 'wild', type: ['ifname', 'inet_service'], flags: ['interval'] })
  const [message] = elementMessages(element({ set: wild, key: ['pl*', 80] }))
  t.equal(Buffer.from(message!.keyEnd!).toString('hex'), `706c${'ff'.repeat(14)}00500000`)

  const all: Value[] = [
    p('0.0.0.0/2'),
    p('64.0.0.0/2'),
    range(a('128.0.0.0'), a('128.0.0.5')),
    a('128.0.0.6'),
    p('224.0.0.0/3'),
  ]
  const messages = all.flatMap(key => elementMessages(element({ set: sets.nets, key })))
  const back = elementsFrom(sets.nets, messages.toReversed())
  t.strictSame(
    back.map(({ key }) => key[0]),
    all,
    'in any order, side by side, and to the end',
  )
  const marks = [range(1, 5), 7].flatMap(key => elementMessages(element({ set: sets.marks, key })))
  t.strictSame(
    elementsFrom(sets.marks, marks).map(({ key }) => key[0]),
    [{ from: 1, to: 5 }, 7],
  )
  const concat = elementMessages(
    element({ set: sets.netports, key: [p('10.0.0.0/8'), 'tcp', range(80, 90)] }),
  )
  t.strictSame(elementsFrom(sets.netports, concat)[0]!.key, [p('10.0.0.0/8'), 'tcp', { from: 80, to: 90 }])
  t.strictSame(elementsFrom(wild, [message!])[0]!.key, ['pl*', 80])
  t.throws(() => elementsFrom(sets.addrs, [{ key: Buffer.of(1) }]), WireError)
})

t.test('sets as the kernel describes them', async t => {
  for (const one of Object.values(sets)) {
    const [message] = sent(add(one))
    const { handle, ...back } = setFrom(nftCodec(message!.type).decode(message!.payload) as SetMessage)!
    t.strictSame(back, one, one.name)
  }
  const integers = setFrom({
    family: c.NFPROTO_INET,
    name: 'x',
    keyType: (4 << 6) | 7,
    keyLen: 8,
    flags: c.NFT_SET_INTERVAL | c.NFT_SET_CONCAT,
    desc: { fields: [{ len: 2 }, { len: 4 }] },
  })
  t.same(
    integers!.key.map(({ name, size }) => [name, size]),
    [
      ['integer', 2],
      ['ipv4_addr', 4],
    ],
  )
  t.equal(setFrom({ family: 99 }), undefined)
})

t.test('a transaction as text', async t => {
  const chains = chain({ ...inTable, name: 'post', type: 'nat', hook: 'postrouting', priority: 100 })
  const tx = new NftTransaction()
    .add(inet)
    .add(chains)
    .add(rule({ chain: chains, statements: [accept], comment: 'last' }))
    .destroy(element({ set: sets.addrs, key: a('10.1.2.3'), comment: 'x' }))
    .destroy(chains)
    .destroy(rule({ chain: chains, handle: 5n }))
  t.equal(
    String(tx),
    [
      'add table inet t { comment "all of ours" ; }',
      'add chain inet t post { type nat hook postrouting priority 100 ; }',
      'add rule inet t post accept comment "last"',
      'add element inet t addrs { 10.1.2.3 comment "x" }',
      'delete element inet t addrs { 10.1.2.3 }',
      'add chain inet t post',
      'delete chain inet t post',
      'destroy rule inet t post handle 5',
      '',
    ].join('\n'),
  )
  t.equal(tx.commands.length, 6)
})

t.test('what makes no sense', async t => {
  const tx = new NftTransaction()
  const aChain = { ...inTable, name: 'c' }
  t.throws(() => tx.replace(rule({ chain: aChain })), /without a handle/)
  t.throws(() => tx.flush(element({ set: sets.addrs, key: a('10.1.2.3') })), RangeError)
  t.throws(() => tx.create(rule({ chain: aChain }) as never), RangeError)
  t.throws(() => table({ family: 'inet', name: 'a b' }), /not a name/)
  t.throws(() => table({ family: 'inet', name: 'x'.repeat(256) }), /not a name/)
  t.throws(() => table({ family: 'inet', name: 'a', comment: 'a"b' }), /not a comment/)
  t.throws(() => table({ family: 'inet', name: 'a', comment: 'x'.repeat(128) }), /not a comment/)
  t.throws(() => chain({ ...aChain, hook: 'input' }), /or none of them/)
  t.throws(() => chain({ table: tables.n, name: 'c', type: 'filter', hook: 'input', priority: 0 }), /no hook/)
  t.throws(() => set({ ...aChain, type: 'odd' }), /no such type/)
  t.throws(() => set({ ...aChain, type: [] }), /0 types/)
  t.throws(() => set({ ...aChain, type: Array(6).fill('mark') }), /6 types/)
  t.throws(() => elements(sets.nets, [element({ set: sets.addrs, key: a('10.1.2.3') })]), /not of set nets/)
  const refused: readonly (() => Command)[] = [
    () => one(sets.addrs, [a('10.1.2.3'), 80]),
    () => one(sets.addrs, a('::1')),
    () => one(sets.addrs, a('10.1.2.3'), { value: accept }),
    () => one(sets.verdicts, [a('10.1.2.3'), 'eth0'], { value: 5 }),
    () => one(sets.addrmap, 80, { value: accept }),
    () => one(sets.addrmap, 80, { value: [a('10.1.2.3'), 80] }),
    () => one(sets.counters, a('10.1.2.3'), { value: accept }),
  ]
  for (const command of refused) t.throws(() => sent(command()), RangeError)
  t.throws(() => commandText(refused[0]!()), RangeError)
})
