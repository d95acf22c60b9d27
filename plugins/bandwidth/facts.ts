// What the record of an attachment says of its limits: enough to compare with the kernel, to change them, and to take them away.
import type { JsonObject } from '../../cni/call.js'
import type { AttachmentRecord } from '../../cni/record.js'
import type { Shape } from './shape.js'

export const bandwidthStepName = 'bandwidth'

export interface Shapes {
  /** To the container. */
  readonly ingress?: Shape | undefined
  /** From the container. */
  readonly egress?: Shape | undefined
}

export interface BandwidthFacts extends Shapes {
  /** The host end of the pair. Under another key than in the facts of who has made it, for it need not be ours. */
  readonly end: string
  /** MTU of the host end. */
  readonly mtu: number
  /** Name of the ifb, where there is a limit from the container, or was one before. */
  readonly ifb?: string | undefined
  /** True where fq_codel is below the buckets; known when they have been made. */
  fair?: boolean | undefined
  /** While limits are being changed: what they were. Each direction is as it was or as it shall be. */
  readonly before?: Shapes | undefined
}

export function bandwidthFacts(facts: JsonObject | undefined): BandwidthFacts | undefined {
  return facts as unknown as BandwidthFacts | undefined
}

export function factsOnRecord(record: AttachmentRecord): BandwidthFacts | undefined {
  return bandwidthFacts(record.facts[bandwidthStepName])
}

/** The same object: what is found out later is on record when it is written again. */
export function factsJson(facts: BandwidthFacts): JsonObject {
  return facts as unknown as JsonObject
}
