// What is noticed of damage to nf_tables, and what is not.
import { once } from 'node:events'
import t from 'tap'
import { chain } from '../../kernel/nft/chain.js'
import { type Damage, type DamageListener, DamageReader, NftDamage } from '../../kernel/nft/damage.js'
import { element } from '../../kernel/nft/element.js'
import { listRules } from '../../kernel/nft/list-rules.js'
import { Nft } from '../../kernel/nft/nft.js'
import { rule } from '../../kernel/nft/rule.js'
import { tcp } from '../../kernel/nft/selectors/transport.js'
import { set } from '../../kernel/nft/set.js'
import { match } from '../../kernel/nft/statements/match.js'
import { accept } from '../../kernel/nft/statements/verdict.js'
import { table } from '../../kernel/nft/table.js'
import { elements, NftTransaction } from '../../kernel/nft/transaction.js'
import { NlWriter } from '../../wire/netlink/attr.js'
import { NFT_MSG_DELRULE, NFT_MSG_NEWGEN } from '../../wire/nft/constants.js'
import { encodeGen } from '../../wire/nft/gen.js'
import { nftType } from '../../wire/nft/message.js'
import { encodeRule } from '../../wire/nft/rule.js'
import { needs } from '../helpers/needs.js'
import { a, inet, inTable, mac, nftNetns, other, pods, post } from '../helpers/nft-netns.js'
import { sh } from '../helpers/sh.js'

const skip = needs('root', 'nft', 'nsenter')
const IPV4 = 2

/** Collects what it hears. */
function collector() {
  const heard: (Damage | 'overrun')[] = []
  const listener: DamageListener = {
    damage: damage => void heard.push(damage),
    overrun: () => void heard.push('overrun'),
  }
  /** What came since the last time. */
  const since = (damage: NftDamage): (Damage | 'overrun')[] => {
    damage.poll(listener)
    return heard.splice(0)
  }
  return { listener, since, heard }
}

const ours = { family: 'inet', name: 'plumbline' } as const

t.test('what is damage', { skip }, async t => {
  const { nft, fd, path } = nftNetns(t)
  using damage = NftDamage.open(fd)
  const { since } = collector()
  const { port } = nft
  t.ok(port > 0)
  const pod = element({ set: pods, key: ['veth1', mac] })
  const by = 'node'

  nft.run(new NftTransaction().add(inet).add(pods).add(other))
  t.match(since(damage), [{ tables: [{ ...ours, lost: false, gained: true }], port, by }], 'a chain')
  const literal = rule({ chain: other, statements: [match(tcp.dport, 'in', [80, 443]), accept] })
  nft.run(
    new NftTransaction()
      .add(pod)
      .add(rule({ chain: other, statements: [accept] }))
      .add(literal),
  )
  nft.run(new NftTransaction().delete(pod))
  nft.run(new NftTransaction().add(pod).delete(pod))
  sh('nft add set inet plumbline s { type mark\\; }; nft add counter inet plumbline n', path)
  t.same(since(damage), [], 'elements, rules, sets and objects that are added; elements that are removed')

  const lost = [{ ...ours, lost: true, gained: false }]
  nft.run(new NftTransaction().delete(listRules(nft.list, other)[1]!))
  t.strictSame(since(damage), [{ tables: lost, port, by }], 'a rule of ours, with its own set: told once')
  const foreign = (script: string, what: string, tables: readonly unknown[] = lost) => {
    sh(script, path)
    const seen = since(damage) as Damage[]
    t.strictSame(
      seen.map(each => [each.tables, each.by]),
      [[tables, 'nft']],
      what,
    )
    t.not(seen[0]!.port, port)
  }
  foreign('nft flush chain inet plumbline other', 'rules')
  foreign('nft delete set inet plumbline s', 'a set')
  foreign('nft delete chain inet plumbline other', 'a chain')
  foreign('nft delete table inet plumbline', 'a table')

  const [forward, ruleset] = ['add table ip filter; add chain ip filter FORWARD', 'flush ruleset']
  nft.run(new NftTransaction().add(inet).add(post))
  since(damage)
  foreign(`nft '${forward}'`, 'a chain of somebody else', [
    { family: 'ip', name: 'filter', lost: false, gained: true },
  ])
  foreign(`nft '${ruleset}; ${forward}'`, 'everything, and something new in its place', [
    ...lost,
    { family: 'ip', name: 'filter', lost: true, gained: true },
  ])
  foreign('nft delete chain ip filter FORWARD; nft list tables', 'somebody else', [
    { family: 'ip', name: 'filter', lost: true, gained: false },
  ])
  t.throws(() => nft.run(new NftTransaction().delete(inet)))
  t.same(since(damage), [], 'what failed')
})

t.test('from the event loop', { skip }, async t => {
  const { nft, fd, path } = nftNetns(t)
  nft.run(new NftTransaction().add(inet).add(other))
  const told = new AbortController()
  const seen: Damage[] = []
  const watching = NftDamage.watch(fd, {
    damage(damage) {
      seen.push(damage)
      told.abort()
    },
    overrun: () => t.fail('overrun'),
  })
  t.after(() => watching[Symbol.dispose]())
  sh('nft flush ruleset', path)
  await once(told.signal, 'abort')
  t.match(seen, [{ tables: [{ ...ours, lost: true }], by: 'nft' }])
  watching.unref()
})

t.test('more than can be read', { skip }, async t => {
  const { nft, fd } = nftNetns(t)
  using damage = NftDamage.open(fd)
  const { since } = collector()
  const addrs = set({ ...inTable, name: 'addrs', type: 'ipv4_addr' })
  const many = Array.from({ length: 20_000 }, (_, i) => element({ set: addrs, key: a('10.0.0.0').add(i) }))
  nft.run(new NftTransaction().add(inet).add(addrs).add(elements(addrs, many)))
  t.same(since(damage), ['overrun'], 'anything may have happened')
  nft.run(new NftTransaction().delete(inet))
  t.match(since(damage), [{ tables: [{ ...ours, lost: true }] }], 'and it goes on')
})

t.test('what is read', async t => {
  const { listener, heard } = collector()
  const reader = new DamageReader(listener)
  const bytes = (write: (w: NlWriter) => void) => {
    const w = new NlWriter()
    write(w)
    return Buffer.from(w.finish())
  }
  const loss = (family: number, name: string) =>
    bytes(w =>
      w.message(nftType(NFT_MSG_DELRULE), 0, w => encodeRule(w, { family, table: name, chain: 'c' })),
    )
  const end = bytes(w => w.message(nftType(NFT_MSG_NEWGEN), 0, w => encodeGen(w, { family: 0, id: 1 })))
  reader.datagram(loss(IPV4, 'one'))
  reader.datagram(Buffer.concat([loss(IPV4, 'one'), loss(1, 'one')]))
  t.same(heard, [], 'not before the end')
  reader.datagram(Buffer.concat([loss(99, 'of no family'), end, loss(IPV4, 'two'), end, end]))
  t.match(heard.splice(0), [
    {
      tables: [
        { family: 'ip', name: 'one' },
        { family: 'inet', name: 'one' },
      ],
      by: undefined,
    },
    { tables: [{ family: 'ip', name: 'two' }] },
  ])
  reader.datagram(loss(IPV4, 'one'))
  reader.overrun()
  reader.datagram(end)
  t.same(heard.splice(0), ['overrun'], 'a transaction of which something is lost')
  for (const broken of [loss(IPV4, 'one').subarray(0, -4), Buffer.alloc(20), Buffer.alloc(5)])
    reader.datagram(broken)
  const cut = loss(IPV4, 'one')
  cut.writeUInt16LE(200, 20)
  reader.datagram(cut)
  t.same(heard.splice(0), ['overrun', 'overrun', 'overrun', 'overrun'], 'what is broken')
})

t.test('the port tells connections apart', { skip }, async t => {
  const { nft, fd } = nftNetns(t)
  using second = Nft.connect(fd)
  t.not(nft.port, second.port)
  using damage = NftDamage.open(fd)
  const { since } = collector()
  const mine = table({ family: 'ip', name: 'x' })
  new Nft(() => second).run(new NftTransaction().add(mine).add(chain({ table: mine, name: 'c' })))
  t.match(since(damage), [{ port: second.port }])
})
