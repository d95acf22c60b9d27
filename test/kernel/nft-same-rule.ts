// Rules compared with what the kernel has: each is its own same as read back, read or unread, and no other's.
import t from 'tap'
import type { Family } from '../../kernel/nft/family.js'
import { knownSets, listRules } from '../../kernel/nft/list-rules.js'
import { type Rule, rule, ruleText } from '../../kernel/nft/rule.js'
import { sameRule } from '../../kernel/nft/same-rule.js'
import { ct } from '../../kernel/nft/selectors/ct.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip } from '../../kernel/nft/selectors/network.js'
import { tcp } from '../../kernel/nft/selectors/transport.js'
import { set } from '../../kernel/nft/set.js'
import type { Statement } from '../../kernel/nft/statement.js'
import { counter } from '../../kernel/nft/statements/counter.js'
import { quota } from '../../kernel/nft/statements/limit.js'
import { masked, match } from '../../kernel/nft/statements/match.js'
import { accept, drop, jump } from '../../kernel/nft/statements/verdict.js'
import { vmap } from '../../kernel/nft/statements/vmap.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { range } from '../../kernel/nft/value.js'
import { needs } from '../helpers/needs.js'
import { type NftCase, nftCases, nftSuites } from '../helpers/nft-cases.js'
import { nftGolden } from '../helpers/nft-golden.js'
import { a, inet, inTable, nftNetns, other, p, pods } from '../helpers/nft-netns.js'

const skip = needs('root', 'nft', 'nsenter')

function ruleOf(family: Family, { statements, comment, chain = 'c' }: NftCase): Rule {
  return rule({
    chain: { table: { family, name: 't' }, name: chain },
    statements,
    ...(comment !== undefined && { comment }),
  })
}

const isWrittenOut = ({ text }: NftCase) => text.includes('{') && !/^(add|update|delete) @/.test(text)

const uncounted = (one: Rule) => ruleText(one).replaceAll(/ packets \d+ bytes \d+/g, '')

for (const suite of nftSuites)
  t.test(`every rule is its own same: ${suite}`, { skip }, async t => {
    const { family, cases } = nftCases(suite)
    const taken = cases.filter(({ refused }) => !refused)
    const { nft, load } = nftNetns(t)
    load(nftGolden(suite).setup)
    const expected = taken.map(one => ruleOf(family, one))
    nft.run(expected.reduce((tx, one) => tx.add(one), new NftTransaction()))

    const table = { family, name: 't' }
    const known = knownSets(nft.list, table)
    const [read, unread] = [listRules(nft.list, table), nft.list.rules(table)]
    for (const name of new Set(expected.map(({ chain }) => chain.name))) {
      const inChain = <T extends { chain: { name: string } }>(rules: readonly T[]) =>
        rules.filter(({ chain }) => chain.name === name)
      const indices = [...expected.keys()].filter(i => expected[i]!.chain.name === name)
      const [seen, bare] = [inChain(read), inChain(unread)]
      indices.forEach((index, i) => {
        const own = expected[index]!
        const text = ruleText(own)
        t.ok(sameRule(own, seen[i]!), text)
        t.ok(sameRule(own, bare[i]!, known), `unread: ${text}`)
        t.equal(sameRule(own, bare[i]!), !isWrittenOut(taken[index]!), `unread, without the sets: ${text}`)
        const next = seen[(i + 1) % seen.length]!
        if (uncounted(next) !== uncounted(seen[i]!)) t.notOk(sameRule(own, next), `not the next: ${text}`)
        t.notOk(sameRule({ ...own, comment: 'another' }, seen[i]!), `another comment: ${text}`)
        t.notOk(sameRule({ ...own, statements: [...own.statements, counter()] }, seen[i]!), `more: ${text}`)
        if (own.statements.length > 1)
          t.notOk(
            sameRule({ ...own, statements: own.statements.slice(0, -1) }, bare[i]!, known),
            `less: ${text}`,
          )
      })
    }
  })

t.test('what makes a difference', { skip }, async t => {
  const { nft } = nftNetns(t)
  const pods2 = set({ ...inTable, name: 'pods2', type: 'ipv4_addr' })
  const addrs = set({ ...inTable, name: 'addrs', type: 'ipv4_addr' })
  nft.run(new NftTransaction().add(inet).add(other).add(pods).add(pods2).add(addrs))
  const cases: readonly (readonly [string, Statement, Statement])[] = [
    ['a port', match(tcp.dport, '==', 80), match(tcp.dport, '==', 81)],
    ['not', match(tcp.dport, '==', 80), match(tcp.dport, '!=', 80)],
    ['a port in a set', match(tcp.dport, 'in', [80, 443]), match(tcp.dport, 'in', [80, 444])],
    ['one port more', match(tcp.dport, 'in', [80, 443]), match(tcp.dport, 'in', [80, 443, 444])],
    ['a range', match(tcp.dport, 'in', [range(80, 90)]), match(tcp.dport, 'in', [range(80, 91)])],
    ['not in', match(ip.saddr, 'in', [p('10.0.0.0/8')]), match(ip.saddr, 'not in', [p('10.0.0.0/8')])],
    ['a set', match(ip.saddr, 'in', pods2), match(ip.saddr, 'in', addrs)],
    ['a verdict in a map', vmap(tcp.dport, [[22, accept]]), vmap(tcp.dport, [[22, drop]])],
    ['a chain', jump('other2'), jump('other3')],
    ['a bit', match(ct('status'), 'any', 'dnat'), match(ct('status'), 'any', 'snat')],
    [
      'a mask',
      match(masked(meta('mark'), 0x1000), '==', 0x1000),
      match(masked(meta('mark'), 0x3000), '==', 0x1000),
    ],
    ['a quota', quota({ bytes: 1000 }), quota({ bytes: 1000, over: true })],
  ]
  const chains = ['other2', 'other3'].map(name => ({ ...other, name }))
  nft.run(chains.reduce((tx, chain) => tx.add(chain), new NftTransaction()))
  const made = (statement: Statement) => rule({ chain: other, statements: [statement, counter()] })
  nft.run(cases.reduce((tx, [, statement]) => tx.add(made(statement)), new NftTransaction()))
  const rules = listRules(nft.list, other)
  cases.forEach(([what, one, two], i) => {
    t.ok(sameRule(made(one), rules[i]!), what)
    t.notOk(sameRule(made(two), rules[i]!), `another: ${what}`)
  })
})

t.test('what makes none', { skip }, async t => {
  const { nft } = nftNetns(t)
  const made = (...statements: readonly Statement[]) => rule({ chain: other, statements, comment: 'x' })
  const counted = made(counter({ packets: 5, bytes: 300 }), quota({ bytes: 1000, used: 10 }), accept)
  const order = made(match(tcp.dport, 'in', [443, 80, range(90, 99)]))
  const implied = made(match(meta('l4proto'), '==', 'tcp'), match(tcp.dport, '==', 80))
  const host = made(match(ip.saddr, 'in', [p('10.1.2.3/32'), a('10.1.2.4')]))
  nft.run(new NftTransaction().add(inet).add(other).add(counted).add(order).add(implied).add(host))
  const [first, second, third, fourth] = listRules(nft.list, other) as [Rule, Rule, Rule, Rule]
  t.ok(sameRule(made(counter(), quota({ bytes: 1000 }), accept), first), 'what was counted')
  t.ok(sameRule(made(match(tcp.dport, 'in', [range(90, 99), 80, 443])), second), 'the order of elements')
  t.ok(sameRule(made(match(tcp.dport, '==', 80)), third), 'what goes without saying')
  t.ok(
    sameRule(made(match(ip.saddr, 'in', [a('10.1.2.4'), a('10.1.2.3')])), fourth),
    'a prefix that is an address',
  )
  t.ok(sameRule({ ...counted, handle: 1n, position: 2n }, first), 'handle and position')
  const { comment, ...bare } = counted
  t.notOk(sameRule(bare, first), 'no comment is another comment')
  t.notOk(sameRule({ ...counted, chain: { ...counted.chain, name: 'elsewhere' } }, first), 'another chain')
  const foreign = { kind: 'raw', name: 'match' } as const
  t.notOk(
    sameRule(counted, { ...first, statements: [{ kind: 'raw', expressions: [foreign] }] }),
    'unreadable',
  )
})
