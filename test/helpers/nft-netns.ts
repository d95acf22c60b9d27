// Namespaces with our nf_tables beside nft(8), and a table that has something of everything.
import { KernelError } from '../../kernel/error.js'
import { chain } from '../../kernel/nft/chain.js'
import { element } from '../../kernel/nft/element.js'
import { Nft } from '../../kernel/nft/nft.js'
import { object } from '../../kernel/nft/object.js'
import { rule } from '../../kernel/nft/rule.js'
import { ether } from '../../kernel/nft/selectors/link.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip } from '../../kernel/nft/selectors/network.js'
import { map, set } from '../../kernel/nft/set.js'
import { counter } from '../../kernel/nft/statements/counter.js'
import { limit, quota } from '../../kernel/nft/statements/limit.js'
import { match } from '../../kernel/nft/statements/match.js'
import { masquerade } from '../../kernel/nft/statements/nat.js'
import { objref } from '../../kernel/nft/statements/objref.js'
import { accept, drop, goto, jump } from '../../kernel/nft/statements/verdict.js'
import { vmap } from '../../kernel/nft/statements/vmap.js'
import { table } from '../../kernel/nft/table.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { range } from '../../kernel/nft/value.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'
import { type Json, type TestScope, tempNetns } from './netns.js'
import { sh } from './sh.js'

export interface NftNetns {
  readonly path: string
  readonly fd: number
  readonly nft: Nft
  /** Loads a file of commands with nft(8). */
  load(file: string): void
  /** `nft list ruleset` */
  listing(): string
  /** The objects of `nft -j list ruleset`, each with its kind for a key: `{ set: { name: … } }`. */
  json(): Json[]
}

export function nftNetns(t: TestScope, destroys?: boolean): NftNetns {
  const { path, fd } = tempNetns(t)
  const connection = Nft.connect(fd)
  t.after(() => connection[Symbol.dispose]())
  return {
    path,
    fd,
    nft: new Nft(() => connection, destroys),
    load: file => void sh(`nft -f - <<'END'\n${file}\nEND\n`, path),
    listing: () => sh('nft list ruleset', path),
    json: () => JSON.parse(sh('nft -j list ruleset', path)).nftables,
  }
}

export const a = (text: string) => Ip.parse(text)
export const p = (text: string) => Prefix.parse(text)
export const mac = Mac.parse('02:00:00:00:00:01')

export function caught(call: () => unknown): KernelError {
  try {
    call()
  } catch (error) {
    if (error instanceof KernelError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

export const inet = table({ family: 'inet', name: 'plumbline', comment: 'ours' })
export const inTable = { table: inet } as const
export const post = chain({
  ...inTable,
  name: 'post',
  type: 'nat',
  hook: 'postrouting',
  priority: 100,
  policy: 'accept',
})
export const forward = chain({
  ...inTable,
  name: 'forw',
  type: 'filter',
  hook: 'forward',
  priority: -10,
  policy: 'drop',
  comment: 'who to whom',
})
export const other = chain({ ...inTable, name: 'other' })
export const pods = set({
  ...inTable,
  name: 'pods',
  type: ['ifname', 'ether_addr'],
  comment: 'attached here',
})
export const nets = set({ ...inTable, name: 'nets', type: 'ipv4_addr', flags: ['interval'] })
export const nets6 = set({ ...inTable, name: 'nets6', type: 'ipv6_addr', flags: ['interval'] })
export const services = set({
  ...inTable,
  name: 'services',
  type: ['ipv4_addr', 'inet_proto', 'inet_service'],
  flags: ['interval'],
})
export const marks = set({ ...inTable, name: 'marks', type: 'mark', flags: ['interval'] })
export const aging = set({
  ...inTable,
  name: 'aging',
  type: 'ipv4_addr',
  flags: ['timeout'],
  timeout: 3_600_000,
  size: 100,
})
export const verdicts = map({ ...inTable, name: 'verdicts', type: ['ipv4_addr', 'ifname'], data: 'verdict' })
export const netverdicts = map({
  ...inTable,
  name: 'netverdicts',
  type: 'ipv4_addr',
  data: 'verdict',
  flags: ['interval'],
})
export const ports = map({
  ...inTable,
  name: 'ports',
  type: ['inet_proto', 'inet_service'],
  data: ['ipv4_addr', 'inet_service'],
})
export const counts = map({ ...inTable, name: 'counts', type: 'ipv4_addr', data: 'counter' })
export const wild = set({ ...inTable, name: 'wild', type: ['ifname', 'inet_service'], flags: ['interval'] })
export const sets = [pods, nets, nets6, services, marks, aging, verdicts, netverdicts, ports, counts, wild]
export const hits = object({
  ...inTable,
  name: 'hits',
  state: counter({ packets: 3, bytes: 300 }),
  comment: 'so far',
})
export const cap = object({ ...inTable, name: 'cap', state: quota({ bytes: 10 << 20, over: true }) })
export const ten = object({ ...inTable, name: 'ten', state: limit({ rate: 10, burst: 20 }) })
export const members = [
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

export function wholeTable(): NftTransaction {
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
