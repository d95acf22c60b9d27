// The objects that limit a link: a token bucket (tbf) on the host end for what goes to the container; for what comes from it an ifb
// with a token bucket, to which a filter on the host end's ingress redirects every packet. tc-tbf(8), tc-mirred(8)
import type { Namespace } from '../../kernel/namespace.js'
import type { Mac } from '../../wire/mac.js'
import { redirect } from '../../wire/tc/action/mirred.js'
import { TC_ACT_STOLEN, TCA_ACT_FLAGS_NO_PERCPU_STATS, TCA_EGRESS_REDIR } from '../../wire/tc/constants.js'
import { MATCH_ALL } from '../../wire/tc/filter/u32.js'
import type { Filter } from '../../wire/tc/filter.js'
import { handleOf } from '../../wire/tc/message.js'
import { linkGroup, stableMac } from '../names.js'
import { bucketHandle, queueFairly } from './fair-queue.js'
import { frameOf, type Shape, tbfOptions } from './shape.js'

const ETH_P_ALL = 3
const FIRST = 1

/** A counter for each processor is slow to make, and the bucket behind it lets one packet through at a time anyway. */
const ONE_COUNTER = { values: TCA_ACT_FLAGS_NO_PERCPU_STATS, mask: TCA_ACT_FLAGS_NO_PERCPU_STATS }

/** Handle of the hook for incoming packets: the kernel knows no other. */
export const ingressHandle = handleOf(0xffff)

/** A link whose packets are to be limited; the MTU is what buckets are made for. */
export interface Shaped {
  readonly index: number
  readonly mtu: number
}

/**
 * `add` throws KernelError EEXIST when the link has a root qdisc; `replace` changes one of ours in place, so that no packet is lost,
 * and none passes unlimited. Returns whether fq_codel is below it.
 */
export function limitLink(
  kernel: Namespace,
  { index, mtu }: Shaped,
  shape: Shape,
  how: 'add' | 'replace',
): boolean {
  kernel.qdisc[how]({ index, kind: 'tbf', handle: bucketHandle, options: { tbf: tbfOptions(shape) } })
  return queueFairly(kernel, index, shape, frameOf(mtu))
}

export function isLimited(kernel: Namespace, index: number): boolean {
  return kernel.qdisc.get({ index })?.handle === bucketHandle
}

/** Leaves anybody else's root qdisc alone. */
export function unlimitLink(kernel: Namespace, index: number): void {
  kernel.qdisc.remove({ index, kind: 'tbf', handle: bucketHandle })
}

export function ifbMac(name: string): Mac {
  return stableMac(`ifb ${name}`)
}

/**
 * An ifb's MTU bounds nothing: it sends only what is redirected to it. Below 1280 bytes (IPV6_MIN_MTU) the kernel gives it no IPv6:
 * that is quicker, and no solicitation of its own takes from what it limits.
 */
const IFB_MTU = 1279

/**
 * Makes an ifb for packets of a link with this MTU, and leaves it down: a qdisc for a link that is up costs a wait for RCU.
 * KernelError EEXIST when the name is taken.
 */
export function makeIfb(kernel: Namespace, name: string, mtu: number): Shaped {
  kernel.link.add({ name, kind: 'ifb', group: linkGroup, address: ifbMac(name), mtu: IFB_MTU, queues: 1 })
  return { index: kernel.link.index(name)!, mtu }
}

/** KernelError EEXIST when the link has an ingress or clsact qdisc. */
export function openIngress(kernel: Namespace, index: number): void {
  kernel.qdisc.add({ index, kind: 'ingress', handle: ingressHandle })
}

/** With all its filters. */
export function closeIngress(kernel: Namespace, index: number): void {
  kernel.qdisc.remove({ index, kind: 'ingress', handle: ingressHandle })
}

/** All that comes in by the link goes through the ifb first. */
export function divert(kernel: Namespace, index: number, ifb: number): void {
  kernel.filter.add({
    ...place(index),
    kind: 'u32',
    options: { u32: { selector: MATCH_ALL, actions: [{ ...redirect(ifb), flags: ONE_COUNTER }] } },
  })
}

/** A filter as that of `divert`, which does nothing. */
export function matchAll(kernel: Namespace, index: number): void {
  kernel.filter.add({ ...place(index), kind: 'u32', options: { u32: { selector: MATCH_ALL } } })
}

/** Undoes `divert`, whichever ifb it was. */
export function stopDiverting(kernel: Namespace, index: number): void {
  kernel.filter.remove(place(index))
}

/** The filters that look at packets where ours does: before all others of the link. */
export function diverters(kernel: Namespace, index: number): Filter[] {
  return filters(kernel, index).filter(({ priority }) => priority === FIRST)
}

/** True when the link has an ingress qdisc with no filter that we have not made, as far as one can see. */
export function isOurIngress(kernel: Namespace, index: number): boolean {
  return filters(kernel, index).every(
    filter => filter.priority === FIRST && redirectTarget(filter) !== undefined,
  )
}

/** Index of the link to which a filter of our making redirects every packet; undefined for any other filter. */
export function redirectTarget({ options }: Filter): number | undefined {
  const { selector, actions = [] } = options?.u32 ?? {}
  const parms = actions.length === 1 ? actions[0]!.options?.mirred?.parms : undefined
  const matchesAll = selector?.flags === MATCH_ALL.flags && selector.keys.every(({ mask }) => mask === 0)
  return matchesAll && parms?.direction === TCA_EGRESS_REDIR && parms.action === TC_ACT_STOLEN
    ? parms.to
    : undefined
}

/** Less u32's own entries for its hash tables. */
function filters(kernel: Namespace, index: number): Filter[] {
  return kernel.filter
    .list({ index, parent: ingressHandle })
    .filter(({ kind, options }) => kind !== 'u32' || options?.u32?.selector !== undefined)
}

function place(index: number): Filter {
  return { index, parent: ingressHandle, priority: FIRST, protocol: ETH_P_ALL }
}
