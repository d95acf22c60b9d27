// nf_tables in fresh namespaces, against nft(8): the same ruleset made by it and by us lists the same, by it and by us.
import t from 'tap'
import { isNotFound } from '../../kernel/error.js'
import { element, printElement } from '../../kernel/nft/element.js'
import type { Family } from '../../kernel/nft/family.js'
import { listRules } from '../../kernel/nft/list-rules.js'
import { fingerprint } from '../../kernel/nft/raise.js'
import { type Rule, rule, ruleText } from '../../kernel/nft/rule.js'
import { ct } from '../../kernel/nft/selectors/ct.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip, ip6 } from '../../kernel/nft/selectors/network.js'
import { icmp, tcp, th } from '../../kernel/nft/selectors/transport.js'
import type { Statement } from '../../kernel/nft/statement.js'
import { match } from '../../kernel/nft/statements/match.js'
import { accept, drop } from '../../kernel/nft/statements/verdict.js'
import { vmap } from '../../kernel/nft/statements/vmap.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { range } from '../../kernel/nft/value.js'
import { needs } from '../helpers/needs.js'
import { type NftCase, nftCases, nftSuites } from '../helpers/nft-cases.js'
import { nftGolden } from '../helpers/nft-golden.js'
import {
  a,
  cap,
  caught,
  forward,
  hits,
  inet,
  mac,
  members,
  nets,
  nftNetns,
  other,
  p,
  pods,
  post,
  services,
  sets,
  ten,
  wholeTable,
} from '../helpers/nft-netns.js'

const skip = needs('root', 'nft', 'nsenter')

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

t.test('sets written out in rules', { skip }, async t => {
  const { nft, listing } = nftNetns(t)
  const texts: readonly (readonly [string, Statement])[] = [
    ['ip dscp { cs1, af11 }', match(ip.dscp, 'in', ['af11', 'cs1'])],
    ['ip6 dscp { cs1, af11 }', match(ip6.dscp, 'in', ['af11', 'cs1'])],
    [
      'ip saddr . meta l4proto . th dport @services',
      match([ip.saddr, meta('l4proto'), th.dport], 'in', services),
    ],
    [
      'tcp dport vmap { 22 : accept, 23-25 : drop }',
      vmap(tcp.dport, [
        [range(23, 25), drop],
        [22, accept],
      ]),
    ],
    [
      'ct state vmap { invalid : drop, established : accept, related : accept }',
      vmap(ct('state'), [
        ['established', accept],
        ['related', accept],
        ['invalid', drop],
      ]),
    ],
    ['icmp type { echo-reply, echo-request }', match(icmp.type, 'in', ['echo-request', 'echo-reply'])],
    ['ip saddr { 0.0.0.0/1, 128.0.0.0/1 }', match(ip.saddr, 'in', [p('0.0.0.0/1'), p('128.0.0.0/1')])],
    ['tcp dport { 22, 23-25 }', match(tcp.dport, 'in', [22, range(23, 25)])],
    ['iifname { "eth0", "pl*" }', match(meta('iifname'), 'in', ['pl*', 'eth0'])],
    [
      'iifname . ip saddr { "pl*" . 10.0.0.0/8 }',
      match([meta('iifname'), ip.saddr], 'in', [['pl*', p('10.0.0.0/8')]]),
    ],
    ['ip saddr 0.0.0.0/0', match(ip.saddr, '==', p('0.0.0.0/0'))],
  ]
  const tx = new NftTransaction().add(inet).add(services).add(other)
  for (const [, statement] of texts) tx.add(rule({ chain: other, statements: [statement] }))
  nft.run(tx)
  const lines = listing()
    .split('\n')
    .map(line => line.trim())
  for (const [text] of texts) t.ok(lines.includes(text), `listed by nft: ${text}`)
  const listed = listRules(nft.list, other)
  t.same(
    listed.map(ruleText),
    texts.map(([text]) => text),
    'listed by us',
  )
  const [bare] = nft.list.rules(other)
  t.match(bare, { statements: [{ kind: 'raw' }], handle: listed[0]!.handle })
  t.match(ruleText(bare!), /^# meta cmp payload bitwise bitwise lookup/)
})
