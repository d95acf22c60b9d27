// `qdisc`, `class` and `filter` in fresh namespaces, against what `tc -j` says.
import t from 'tap'
import { isExists, isNotFound, KernelError } from '../../kernel/error.js'
import { redirect } from '../../wire/tc/action/mirred.js'
import { TC_H_INGRESS, TC_H_MIN_EGRESS, TC_H_MIN_INGRESS, TC_H_ROOT } from '../../wire/tc/constants.js'
import { MATCH_ALL } from '../../wire/tc/filter/u32.js'
import { htb, htbClass } from '../../wire/tc/qdisc/htb.js'
import { tbf } from '../../wire/tc/qdisc/tbf.js'
import { needs } from '../helpers/needs.js'
import { type Json, type TestNetns, type TestScope, tcJson, tempNetns } from '../helpers/netns.js'

const skip = needs('root', 'iproute', 'nsenter')
const ETH_P_ALL = 3
const ETH_P_IP = 0x0800
/** Bytes a second. */
const mbit = 1e6 / 8

function withVeth(t: TestScope): TestNetns & { index: number; other: number } {
  const netns = tempNetns(t)
  netns.ns.link.add({ name: 'v0', kind: 'veth', up: true, peer: { name: 'v1' } })
  return { ...netns, index: netns.ns.link.get('v0')!.index, other: netns.ns.link.get('v1')!.index }
}

function caught(call: () => unknown): KernelError {
  try {
    call()
  } catch (error) {
    if (error instanceof KernelError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

t.test('qdiscs', { skip }, async t => {
  const { ns, index, other, path } = withVeth(t)
  ns.link.set({ index: other, up: true })
  const shown = (): Json[] => tcJson(path, 'qdisc show dev v0')
  const options = { tbf: tbf({ rate: 10 * mbit, burst: 20_000, limit: 100_000 }) }

  t.equal(ns.qdisc.remove({ index }), false, "the kernel's default is not removed")
  ns.qdisc.add({ index, kind: 'tbf', handle: 0x10000, options })
  t.match(shown(), [{ kind: 'tbf', handle: '1:', root: true, options: { rate: 10 * mbit, burst: 20_000 } }])
  const exists = caught(() => ns.qdisc.add({ index, kind: 'tbf', handle: 0x10000, options }))
  t.ok(isExists(exists))
  t.match(exists, { operation: 'qdisc add', target: `tbf of link ${index}` })

  t.strictSame(ns.qdisc.get({ index }), ns.qdisc.list({ index })[0], 'one, without a list')
  t.equal(ns.qdisc.get({ index: other }), undefined, "the kernel's default is none")
  t.equal(ns.qdisc.get({ index, parent: 0x10001 }), undefined, 'nor is the queue of a bucket')
  t.equal(ns.qdisc.get({ index, parent: TC_H_INGRESS }), undefined)
  t.equal(ns.qdisc.get({ index: 4711 }), undefined)
  ns.qdisc.add({ index, parent: 0x10001, handle: 0x50000, kind: 'pfifo', options: { pfifo: { limit: 7 } } })
  t.match(ns.qdisc.get({ index, parent: 0x10001 }), { kind: 'pfifo', options: { pfifo: { limit: 7 } } })
  const [listed] = ns.qdisc.list({ index })
  t.match(listed, { kind: 'tbf', handle: 0x10000, parent: TC_H_ROOT })
  t.match(listed?.options?.tbf?.parms, { rate: { rate: 10 * mbit }, limit: 100_000 })
  ns.qdisc.change({
    index,
    kind: 'tbf',
    options: { tbf: tbf({ rate: 20 * mbit, burst: 20_000, limit: 100_000 }) },
  })
  t.match(shown(), [{ options: { rate: 20 * mbit } }])
  ns.qdisc.replace({ index, kind: 'htb', handle: 0x20000, options: { htb: htb({ defaultClass: 0x10 }) } })
  t.match(shown(), [{ kind: 'htb', handle: '2:', options: { default: '0x10' } }])
  t.equal(ns.qdisc.list().filter(qdisc => qdisc.index !== index).length > 0, true, 'all links')

  ns.qdisc.add({ index, kind: 'ingress' })
  t.match(shown()[1], { kind: 'ingress', handle: 'ffff:' })
  t.match(ns.qdisc.get({ index, parent: TC_H_INGRESS }), { kind: 'ingress' })
  t.equal(ns.qdisc.remove({ index, kind: 'ingress' }), true)
  t.equal(ns.qdisc.remove({ index, kind: 'ingress' }), false)
  t.equal(ns.qdisc.remove({ index, kind: 'tbf' }), false, 'another kind')
  t.equal(ns.qdisc.remove({ index, handle: 0x10000 }), false, 'another handle')
  t.equal(ns.qdisc.remove({ index }), true)
  t.equal(ns.qdisc.remove({ index: 4711 }), false)
})

t.test('classes', { skip }, async t => {
  const { ns, index, run } = withVeth(t)
  ns.qdisc.add({ index, kind: 'htb', handle: 0x10000, options: { htb: htb({ defaultClass: 0x10 }) } })
  const tcClass = {
    index,
    kind: 'htb',
    handle: 0x10010,
    parent: 0x10000,
    options: { htb: htbClass({ rate: 5 * mbit, ceil: 8 * mbit, priority: 3 }) },
  }
  ns.class.add(tcClass)
  t.match(
    caught(() => ns.class.add(tcClass)),
    { code: 'EEXIST', target: `10010 of link ${index}` },
  )
  const shown = (): string => run('tc class show dev v0')
  t.match(shown(), /class htb 1:10 root prio 3 rate 5Mbit ceil 8Mbit/)
  t.match(ns.class.list({ index }), [
    { kind: 'htb', handle: 0x10010, options: { htb: { parms: { priority: 3 } } } },
  ])
  ns.class.replace({ ...tcClass, options: { htb: htbClass({ rate: 6 * mbit }) } })
  t.match(shown(), /rate 6Mbit ceil 6Mbit/)
  t.equal(ns.class.remove({ index, handle: 0x10010, parent: 0x10000 }), true)
  t.equal(ns.class.remove({ index, handle: 0x10010, parent: 0x10000 }), false)
  t.same(ns.class.list({ index }), [])
})

t.test('filters', { skip }, async t => {
  const { ns, index, other, path } = withVeth(t)
  ns.qdisc.add({ index, kind: 'clsact' })
  const ingress = TC_H_INGRESS - (TC_H_INGRESS & 0xffff) + TC_H_MIN_INGRESS
  const egress = TC_H_INGRESS - (TC_H_INGRESS & 0xffff) + TC_H_MIN_EGRESS
  const filter = {
    index,
    kind: 'u32',
    parent: ingress,
    priority: 7,
    protocol: ETH_P_ALL,
    options: { u32: { selector: MATCH_ALL, actions: [redirect(other)] } },
  }
  ns.filter.add(filter)
  const shown: Json[] = tcJson(path, 'filter show dev v0 ingress')
  const redirecting = shown.find(f => f.options?.actions)
  t.match(redirecting, { kind: 'u32', pref: 7, protocol: 'all' })
  t.match(redirecting.options.actions, [
    { kind: 'mirred', mirred_action: 'redirect', direction: 'egress', to_dev: 'v1' },
  ])
  const listed = ns.filter.list({ index, parent: ingress }).find(f => f.options?.u32?.actions)
  t.match(listed, { kind: 'u32', priority: 7, protocol: ETH_P_ALL })
  t.same(ns.filter.list({ index, parent: egress }), [])

  const again = { ...filter, handle: listed!.handle }
  t.ok(isExists(caught(() => ns.filter.add(again))))
  t.equal(ns.filter.remove({ index, parent: ingress, priority: 7, protocol: ETH_P_ALL }), true)
  t.equal(ns.filter.remove({ index, parent: ingress, priority: 7, protocol: ETH_P_ALL }), false)
  t.same(ns.filter.list({ index, parent: ingress }), [])
  t.equal(ns.filter.remove({ index: 4711, parent: ingress, priority: 7, protocol: ETH_P_IP }), false)
})

t.test('kinds that the kernel lacks are named with their option', { skip }, async t => {
  const { ns, index } = withVeth(t)
  const unknown = caught(() => ns.qdisc.add({ index, kind: 'nosuch' }))
  t.ok(isNotFound(unknown))
  t.match(unknown, {
    extack: 'Specified qdisc kind is unknown',
    message: /\(this kernel may lack CONFIG_NET_SCH_NOSUCH\)$/,
  })
  ns.qdisc.add({ index, kind: 'clsact' })
  const parent = TC_H_INGRESS - (TC_H_INGRESS & 0xffff) + TC_H_MIN_INGRESS
  const filter = caught(() => ns.filter.add({ index, kind: 'nosuch', parent, protocol: ETH_P_ALL }))
  t.match(filter, { message: /\(this kernel may lack CONFIG_NET_CLS_NOSUCH\)$/ })
})
