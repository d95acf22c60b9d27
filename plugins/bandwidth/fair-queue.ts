// fq_codel in place of the token bucket's plain queue, where the kernel has it: a bulk transfer then delays nobody but itself.
// RFC 8290; net/sched/sch_fq_codel.c of Linux.
import { KernelError } from '../../kernel/error.js'
import type { Namespace } from '../../kernel/namespace.js'
import { handleOf } from '../../wire/tc/message.js'
import type { Qdisc } from '../../wire/tc/qdisc.js'
import type { Shape } from './shape.js'

/** Of the token bucket, whose one class has the minor number 1. */
export const bucketHandle = handleOf(0x706c)
const bucketClass = handleOf(0x706c, 1)
const queueHandle = handleOf(0x706d)

/** RFC 8290, section 5.2; the target is no less than what a packet and a half take to send (RFC 8289, section 4.3). */
const TARGET_US = 5_000
const INTERVAL_US = 100_000
const TARGET_PACKETS = 1.5
/** Far beyond what the target leaves in the queue; a bound for what answers to nothing. */
const MEMORY_LIMITS = 4
const MIN_MEMORY = 1 << 20

/** False once the kernel has said that it does not know it. */
let known = true

/** The qdisc to put below the bucket of a link. `frame`: the largest packet. */
export function fairQueue(index: number, { rate, limit }: Shape, frame: number): Qdisc {
  const target = Math.max(TARGET_US, Math.ceil((TARGET_PACKETS * frame * 1e6) / rate))
  return {
    index,
    kind: 'fq_codel',
    parent: bucketClass,
    handle: queueHandle,
    options: {
      fq_codel: {
        quantum: frame,
        target: Math.min(target, 0xffffffff),
        interval: Math.min(Math.max(INTERVAL_US, target), 0xffffffff),
        ecn: 1,
        memoryLimit: Math.min(Math.max(MEMORY_LIMITS * limit, MIN_MEMORY), 0xffffffff),
      },
    },
  }
}

/** Makes or changes it below the bucket of a link. False where the kernel lacks it, which is asked once. */
export function queueFairly(kernel: Namespace, index: number, shape: Shape, frame: number): boolean {
  if (!known) return false
  try {
    kernel.qdisc.replace(fairQueue(index, shape, frame))
  } catch (error) {
    // The hint says that it is the kind which the kernel does not know.
    if (!(error instanceof KernelError) || error.hint === undefined) throw error
    known = false
  }
  return known
}

/** What is wrong with what is below a bucket; `fair` is what `queueFairly` said, undefined where that is not on record. */
export function queueFault(kernel: Namespace, index: number, fair: boolean | undefined): string | undefined {
  const below = kernel.qdisc.get({ index, parent: bucketClass })?.kind
  if (below === undefined) return fair ? 'qdisc fq_codel is gone' : undefined // the bucket's own queue is not shown
  return below === 'fq_codel' && fair !== false ? undefined : `qdisc ${below} is in the place of its queue`
}
