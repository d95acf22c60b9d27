// Statements without a kernel: the expressions that nft sends for the same rules (test/golden/nft), back again, and text.
import t from 'tap'
import { type BatchState, commandText, writeCommand } from '../../kernel/nft/command.js'
import type { Datatype } from '../../kernel/nft/datatype.js'
import { canonical, toBytes } from '../../kernel/nft/datatype.js'
import { datatype, datatypeById } from '../../kernel/nft/datatypes.js'
import { mapped } from '../../kernel/nft/mapped.js'
import { fingerprint, raise } from '../../kernel/nft/raise.js'
import { rule, ruleText } from '../../kernel/nft/rule.js'
import { ct } from '../../kernel/nft/selectors/ct.js'
import { fib } from '../../kernel/nft/selectors/fib.js'
import { arp } from '../../kernel/nft/selectors/link.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip, ip6 } from '../../kernel/nft/selectors/network.js'
import { jhash } from '../../kernel/nft/selectors/number.js'
import { tcp, udp } from '../../kernel/nft/selectors/transport.js'
import type { Statement } from '../../kernel/nft/statement.js'
import { assign } from '../../kernel/nft/statements/assign.js'
import { counter } from '../../kernel/nft/statements/counter.js'
import { addTo } from '../../kernel/nft/statements/dynset.js'
import { log } from '../../kernel/nft/statements/log.js'
import { masked, match } from '../../kernel/nft/statements/match.js'
import { dnat, snat } from '../../kernel/nft/statements/nat.js'
import { reject } from '../../kernel/nft/statements/reject.js'
import { accept } from '../../kernel/nft/statements/verdict.js'
import { vmap } from '../../kernel/nft/statements/vmap.js'
import { range, type Scalar } from '../../kernel/nft/value.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'
import { NlWriter } from '../../wire/netlink/attr.js'
import { decodeMessages, type NlMessage } from '../../wire/netlink/message.js'
import * as c from '../../wire/nft/constants.js'
import type { Expr } from '../../wire/nft/expressions.js'
import { decodeRule } from '../../wire/nft/rule.js'
import { nftCases, nftSets, nftSuites } from '../helpers/nft-cases.js'
import { comparable, nftCodec, nftGolden } from '../helpers/nft-golden.js'

const table = { family: 'inet', name: 't' } as const
const chain = { table, name: 'c' }

/** The messages of one command. */
function sent(write: (w: NlWriter, state: BatchState) => void): NlMessage[] {
  const w = new NlWriter()
  let sets = 0
  write(w, { destroys: true, nextSetId: () => ++sets })
  return [...decodeMessages(w.finish())]
}

/** A message less what differs for reasons of its own: numbers of sets, and the explicit zeros that nft writes in places. */
function essence({ type, payload }: NlMessage): unknown {
  const { decode } = nftCodec(type)
  const { id, setId, userdata, ...message } = decode(payload)
  const expressions = (message.expressions as readonly Expr[] | undefined)?.map(expr => {
    const { setId, op, ...rest } = expr as Expr & { setId?: number; op?: number }
    return op === 0 ? rest : { ...rest, op }
  })
  return comparable({ ...message, ...(expressions && { expressions }) })
}

for (const suite of nftSuites)
  t.test(`the expressions of nft: ${suite}`, async t => {
    const { captures } = nftGolden(suite)
    const { family, cases } = nftCases(suite)
    const sets = nftSets(family)
    const known = {
      get: (name: string) => (sets as Record<string, (typeof sets)['addrs']>)[name],
      elements: () => [],
    }
    for (const { text, statements, comment, chain: name = 'c' } of cases) {
      const capture = captures.find(({ command }) => command === `add rule ${family} t ${name} ${text}`)
      if (capture === undefined) {
        t.fail(`not captured: ${text}`)
        continue
      }
      const own = rule({
        chain: { table: { family, name: 't' }, name },
        statements,
        ...(comment !== undefined && { comment }),
      })
      const messages = sent((w, state) => writeCommand(w, { verb: 'add', item: own }, state))
      t.same(messages.map(essence), capture.messages.map(essence), text)
      t.same(
        messages.map(({ type, flags }) => [type, flags]),
        capture.messages.map(({ type, flags }) => [type, flags]),
        `types and flags: ${text}`,
      )

      const ruleMessage = capture.messages.at(-1)!
      const { expressions = [], userdata } = decodeRule(ruleMessage.payload)
      t.same(
        comparable(userdata),
        comparable(decodeRule(messages.at(-1)!.payload).userdata),
        `comment: ${text}`,
      )
      // What is in an anonymous set is not in the rule: that takes a kernel.
      if (capture.messages.length > 1) continue
      const raised = raise({ family, name: 't' }, expressions, known)
      t.same(fingerprint(own.chain.table, raised), fingerprint(own.chain.table, statements), `back: ${text}`)
      t.not(raised[0]?.kind, 'raw', text)
    }
  })

t.test('statements come back as they were made', async t => {
  const sets = nftSets('inet')
  const known = {
    get: (name: string) => (sets as Record<string, (typeof sets)['addrs']>)[name],
    elements: () => [],
  }
  /** Those in which there is something that goes without saying. */
  const redundant = new Set([
    'meta l4proto tcp dnat ip to tcp dport map @pairmap',
    'reject with icmp port-unreachable',
  ])
  for (const suite of ['inet', 'nat'])
    for (const { text, statements, chain: name = 'c' } of nftCases(suite).cases) {
      const own = rule({ chain: { table, name }, statements })
      const messages = sent((w, state) => writeCommand(w, { verb: 'add', item: own }, state))
      if (messages.length > 1 || redundant.has(text)) continue
      const { expressions = [] } = decodeRule(messages[0]!.payload)
      t.strictSame(raise(table, expressions, known), statements, text)
    }
  const twice = [match(meta('l4proto'), '==', 'tcp'), match(tcp.dport, '==', 80), accept]
  const [message] = sent((w, state) =>
    writeCommand(w, { verb: 'add', item: rule({ chain, statements: twice }) }, state),
  )
  t.strictSame(
    raise(table, decodeRule(message!.payload).expressions!, known),
    twice.slice(1),
    'no more than needed',
  )
})

t.test('fields that nft loads together', async t => {
  const { captures } = nftGolden('inet')
  const raised = (text: string) => {
    const capture = captures.find(({ command }) => command === `add rule inet t c ${text}`)!
    const { expressions = [] } = decodeRule(capture.messages.at(-1)!.payload)
    const statements = raise(table, expressions, { get: () => undefined, elements: () => [] })
    return ruleText({ kind: 'rule', chain, statements })
  }
  t.equal(raised('tcp dport 22 tcp sport 1024 accept'), 'tcp sport 1024 tcp dport 22 accept')
  t.equal(
    raised('icmp type destination-unreachable icmp code 4'),
    'icmp type destination-unreachable icmp code frag-needed',
  )
  t.equal(raised('log level warn prefix "x" flags all').includes('prefix "x"'), true)
  t.match(raised('queue num 3'), /^# queue/, 'what has no statement is kept as it is')
  t.match(raised('meta hour "12:00"-"13:00"'), /^#/)
})

t.test('text', async t => {
  const sets = nftSets('inet')
  const reads = (text: string, ...statements: readonly Statement[]) =>
    t.equal(ruleText(rule({ chain, statements })), text)
  reads('iifname "pl*" accept', match(meta('iifname'), '==', 'pl*'), accept)
  reads(
    'ip saddr != { 10.0.0.0/8, 192.168.0.1 }',
    match(ip.saddr, 'not in', [Ip.parse('192.168.0.1'), Prefix.parse('10.0.0.0/8')]),
  )
  reads('ip saddr . tcp dport @pairs', match([ip.saddr, tcp.dport], 'in', sets.pairs))
  reads('tcp flags & (syn | ack) == syn', match(masked(tcp.flags, 'syn,ack'), '==', 'syn'))
  reads('ct state established,related', match(ct('state'), 'any', 'established,related'))
  reads('ct status ! snat,dnat', match(ct('status'), 'none', 'snat,dnat'))
  reads('meta mark & 0x00002000 != 0x00000000', match(meta('mark'), 'any', 0x2000))
  reads('meta mark 0x00000010-0x00000020', match(meta('mark'), '==', range(16, 32)))
  reads(
    'tcp dport vmap { 22 : accept, 80-90 : drop }',
    vmap(tcp.dport, [
      [range(80, 90), { ...accept, verdict: 'drop' }],
      [22, accept],
    ]),
  )
  reads('dnat ip6 to [2001:db8::1]:80', dnat({ address: Ip.parse('2001:db8::1'), port: 80 }))
  reads(
    'dnat ip6 to [2001:db8::1]-[2001:db8::9]:80-90 random,persistent',
    dnat({
      address: range(Ip.parse('2001:db8::1'), Ip.parse('2001:db8::9')),
      port: range(80, 90),
      flags: ['persistent', 'random'],
    }),
  )
  reads('snat ip to :1024-2048', snat({ port: range(1024, 2048) }))
  reads(
    'log prefix "x" flags tcp sequence,options flags skuid',
    log({ prefix: 'x', flags: ['skuid', 'tcp options', 'tcp sequence'] }),
  )
  reads('counter packets 1 bytes 2', counter({ packets: 1, bytes: 2n }))
  reads('fib saddr . iif oif 5', match(fib(['iif', 'saddr'], 'oif'), '==', 5))
  reads('meta priority set 1:a', assign(meta('priority'), 0x1000a))
  reads(
    'add @dyn { ip saddr timeout 1m30s counter }',
    addTo(sets.dyn, ip.saddr, { timeout: 90_000, stateful: [counter()] }),
  )
  reads('add @markmap { iifname : 0x00000010 }', addTo(sets.markmap, meta('iifname'), { value: 16 }))
  t.equal(
    commandText({ verb: 'replace', item: rule({ chain, statements: [accept], handle: 7n, comment: 'x' }) }),
    'replace rule inet t c handle 7 accept comment "x"',
  )
  t.equal(
    commandText({ verb: 'insert', item: rule({ chain, statements: [accept], position: 7n }) }),
    'insert rule inet t c position 7 accept',
  )
})

t.test('types', async t => {
  const hex = (name: string, value: Scalar) => Buffer.from(toBytes(datatype(name), value)).toString('hex')
  t.equal(hex('ipv4_addr', Ip.parse('10.1.2.3')), '0a010203')
  t.equal(hex('ether_addr', Mac.parse('02:00:00:00:00:01')), '020000000001')
  t.equal(hex('inet_service', 80), '0050', 'network order')
  t.equal(hex('mark', 0x10), '10000000', 'host order')
  t.equal(hex('mark', 0xffffffff), 'ffffffff')
  t.equal(hex('ifname', 'eth0'), `65746830${'00'.repeat(12)}`)
  t.equal(hex('inet_proto', 'tcp'), '06')
  t.equal(hex('ct_state', 'established,related'), '06000000')
  t.equal(hex('boolean', true), '01')
  t.equal(canonical(datatype('inet_proto'), 6), 'tcp')
  t.equal(canonical(datatype('inet_proto'), 47), 47, 'nft has no word for it')
  t.equal(canonical(datatype('ct_state'), 6), 'established,related')
  t.equal(canonical(datatype('tcp_flag'), 0), 0)
  t.equal(canonical(datatype('ct_state'), 0x1002), 0x1002, 'a bit without a name')
  t.equal(datatype('ether_type').print(0x1234), '0x1234')
  t.equal(datatype('classid').print(0x1000a), '1:a')
  const wide: Datatype = datatypeById(4, 8, 'host')
  t.equal(canonical(wide, 2n ** 63n), 2n ** 63n)
  t.equal(wide.name, 'integer')
  const refused: readonly [string, Scalar][] = [
    ['inet_service', 65536],
    ['inet_service', -1],
    ['inet_service', 1.5],
    ['inet_service', 'http'],
    ['ipv4_addr', Ip.parse('::1')],
    ['ipv4_addr', '10.1.2.3'],
    ['ether_addr', 'x'],
    ['ifname', 'abcdefghijklmnop'],
    ['ifname', ''],
    ['ifname', 'a"b'],
    ['ifname', 5],
    ['ct_state', 'established,odd'],
    ['inet_proto', 'toString'],
    ['mark', 2 ** 32],
  ]
  for (const [name, value] of refused)
    t.throws(() => hex(name, value), RangeError, `${name} ${String(value)}`)
  t.throws(() => toBytes(wide, 2n ** 64n), RangeError)
  t.throws(() => datatype('no_such'), /no such type/)
})

t.test('what makes no sense', async t => {
  const sets = nftSets('inet')
  const lowered =
    (...statements: readonly Statement[]) =>
    () =>
      fingerprint(table, statements)
  const a = Ip.parse('10.1.2.3')
  t.throws(
    lowered(match(meta('nfproto'), '==', 'ipv4'), match(ip6.saddr, '==', Ip.parse('::1'))),
    /ip6 saddr in a rule that matches ip/,
  )
  t.throws(lowered(match(tcp.dport, '==', 1), match(udp.dport, '==', 1)), /matches protocol 6/)
  t.throws(lowered(match(arp.operation, '==', 1)), /family inet/)
  t.throws(lowered(match(ip.saddr, 'in', sets.ports)), /ip saddr in set ports/)
  t.throws(lowered(match([ip.saddr, tcp.dport], 'in', sets.addrs)), RangeError)
  t.throws(lowered(vmap(ip.saddr, sets.addrs)), /no verdicts/)
  t.throws(lowered(assign(meta('mark'), mapped(meta('iifname'), sets.ifs))), /has no mark/)
  t.throws(lowered(assign(ip.dscp, meta('mark'))), /constant only/)
  t.throws(lowered(assign(fib('daddr', 'type'), 'local')), /cannot be set/)
  t.throws(lowered(match(ip.dscp, '==', 64)), /does not fit/)
  t.throws(() => match(tcp.dport, '==', range(90, 80)), /ends before/)
  t.throws(lowered(match(tcp.dport, '<', range(80, 90))), RangeError)
  t.throws(() => match(tcp.dport, '==', a), /no inet_service/)
  t.throws(() => match(meta('mark'), '==', Prefix.parse('10.0.0.0/8')), /no mark/)
  t.throws(() => match(tcp.dport, 'in', [80, a]), RangeError)
  t.throws(() => dnat({}), /to nothing/)
  t.throws(() => dnat({ map: mapped(ip.saddr, sets.verdicts) }), RangeError)
  t.throws(() => log({ prefix: 'a"b' }), RangeError)
  t.throws(() => log({ prefix: 'x'.repeat(128) }), RangeError)
  t.throws(() => reject({ type: 'icmp', code: 'no-route' }), RangeError)
  t.throws(() => rule({ chain, comment: 'a\nb' }), RangeError)
  t.throws(() => addTo(sets.dyn, ip.saddr, { value: 1 }), /takes no values/)
  t.throws(() => ct('nothing' as never), /no such selector/)
  const wide = Array.from({ length: 5 }, () => ip6.saddr)
  t.throws(lowered(match(jhash(wide, 4), '==', 1)), /more than 64 bytes/)
})

t.test('what expressions can say and statements cannot', async t => {
  const known = { get: () => undefined, elements: () => [] }
  const kinds = (...expressions: readonly Expr[]) => raise(table, expressions, known).map(({ kind }) => kind)
  const mark: Expr = { kind: 'meta', key: c.NFT_META_MARK, dreg: 1 }
  const eq = (data: Uint8Array): Expr => ({ kind: 'cmp', sreg: 1, op: c.NFT_CMP_EQ, data })
  const four = Buffer.of(1, 0, 0, 0)
  const bitwise = { kind: 'bitwise', sreg: 1, dreg: 1, len: 4 } as const
  t.same(kinds(mark, eq(four)), ['match'])
  t.same(kinds(mark, eq(Buffer.of(1, 0))), ['raw'], 'half a mark')
  t.same(kinds(eq(four)), ['raw'], 'a register that nothing filled')
  t.same(kinds({ ...mark, key: 999 }, eq(four)), ['raw'])
  t.same(kinds(mark, { ...bitwise, mask: four, xor: four }, eq(four)), ['raw'])
  t.same(kinds(mark, { ...bitwise, op: c.NFT_BITWISE_LSHIFT, data: four }, eq(four)), ['raw'])
  t.same(kinds(mark, { ...bitwise, dreg: 2, mask: four, xor: four }), ['raw'])
  t.same(
    kinds(mark, { ...bitwise, mask: four, xor: Buffer.alloc(4) }, { ...bitwise, mask: four, xor: four }),
    ['raw'],
  )
  t.same(kinds({ kind: 'immediate', dreg: 0, data: { code: 77 } }), ['raw'])
  t.same(kinds({ kind: 'lookup', sreg: 1, set: 'gone' }), ['raw'])
  t.same(kinds({ kind: 'nat', type: 0, family: 99 }), ['raw'])
  t.same(kinds({ kind: 'limit', rate: 1n, unit: 7n }), ['raw'])
  t.same(kinds({ kind: 'reject', type: 0, code: 99 }), ['raw'])
  t.same(kinds({ kind: 'log', flags: 0x80 }), ['raw'])
  t.same(kinds({ kind: 'raw', name: 'match' }), ['raw'])
  t.same(
    kinds({ kind: 'payload', base: 1, offset: 12, len: 4, dreg: 1 }, eq(four)),
    ['raw'],
    'of which protocol?',
  )
  t.same(kinds({ kind: 'meta', key: c.NFT_META_MARK, sreg: 1 }), ['raw'])
})
