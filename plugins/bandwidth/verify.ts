// CHECK of the limits: what the record says against what the kernel has. Every fault names the object and its link.
import type { Namespace } from '../../kernel/namespace.js'
import { IFF_UP } from '../../wire/route/constants.js'
import { TC_H_INGRESS } from '../../wire/tc/constants.js'
import type { BandwidthFacts, Shapes } from './facts.js'
import { bucketHandle, queueFault } from './fair-queue.js'
import { difference, type Shape } from './shape.js'
import { diverters, redirectTarget } from './shaper.js'

/** Undefined when all is as it should be. While limits are being changed, a direction may be as it was. */
export function limitsFault(kernel: Namespace, facts: BandwidthFacts): string | undefined {
  const end = kernel.link.index(facts.end)
  if (end === undefined) return `host interface ${facts.end} is gone`
  const possible: Shapes[] = facts.before ? [facts, facts.before] : [facts]
  const faultOf = (direction: keyof Shapes, fault: (shape: Shape) => string | undefined) => {
    const faults = possible.map(shapes => shapes[direction] && fault(shapes[direction]))
    return faults.includes(undefined) ? undefined : faults[0]
  }
  return (
    faultOf('ingress', shape => bucketFault(kernel, facts.end, end, shape, facts.fair)) ??
    faultOf('egress', shape => egressFault(kernel, facts, end, shape))
  )
}

function bucketFault(
  kernel: Namespace,
  name: string,
  index: number,
  shape: Shape,
  fair: boolean | undefined,
): string | undefined {
  const root = kernel.qdisc.get({ index })
  if (root === undefined) return `qdisc tbf is gone from ${name}`
  if (root.kind !== 'tbf' || root.handle !== bucketHandle)
    return `qdisc tbf is gone from ${name}, which has another one (${root.kind})`
  const altered = difference(shape, root.options?.tbf ?? {})
  if (altered !== undefined) return `qdisc tbf of ${name} has ${altered}`
  const fault = queueFault(kernel, index, fair)
  return fault && `${fault} below tbf of ${name}`
}

function egressFault(
  kernel: Namespace,
  { end: name, ifb: ifbName = '', fair }: BandwidthFacts,
  index: number,
  shape: Shape,
): string | undefined {
  const ifb = kernel.link.get(ifbName)
  if (!ifb) return `ifb ${ifbName} is gone`
  if (ifb.kind !== 'ifb') return `${ifbName} is no ifb`
  if ((ifb.flags & IFF_UP) === 0) return `ifb ${ifbName} is down`
  const hook = kernel.qdisc.get({ index, parent: TC_H_INGRESS })
  if (hook?.kind !== 'ingress') return `qdisc ingress is gone from ${name}`
  const [filter] = diverters(kernel, index)
  if (!filter) return `filter u32 is gone from ${name}`
  if (redirectTarget(filter) !== ifb.index)
    return `filter u32 of ${name} does not redirect every packet to ${ifbName}`
  return bucketFault(kernel, ifbName, ifb.index, shape, fair)
}
