// Changing the limits of an attachment that runs. Where there is a limit already it is changed in place: at no moment does a packet pass
// without one. The record says first what is under way, so that DEL and CHECK know what to expect wherever this is cut off.
import type { AttachmentKey, JsonObject } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import type { Host } from '../../cni/plugin.js'
import { type AttachmentRecord, RecordStore } from '../../cni/record.js'
import { describeKey } from '../../cni/steps.js'
import { ifbIfname } from '../names.js'
import type { Limit } from './config.js'
import { enforceLimits } from './enforce.js'
import { type BandwidthFacts, bandwidthStepName, factsJson, factsOnRecord, type Shapes } from './facts.js'
import { type Shape, shapeOf } from './shape.js'

/** What to do in each direction: a new limit, none (null), or as it is (absent). */
export interface LimitChange {
  readonly ingress?: Limit | null | undefined
  readonly egress?: Limit | null | undefined
}

export interface Limits {
  /** To the container. */
  readonly ingress?: Required<Limit>
  /** From the container. */
  readonly egress?: Required<Limit>
}

/** Type of the plugin that limits where it stands in the chain. */
const CHAINED = 'bandwidth'
/** The step of other plugins, which makes the interface. */
const INTERFACE = 'veth'

/** The limits on record; none where there are none. */
export function currentLimits(record: AttachmentRecord): Limits {
  return limitsOf(factsOnRecord(record) ?? {})
}

/**
 * Changes the limits of an attachment, whoever has made them: `plugin` is the type of the one that has made its interface, or
 * 'bandwidth'. Returns what is in force. Throws CniError 3 for an attachment that is not there, 7 for a limit that can't be, 100 where
 * its host end is gone; then nothing has changed.
 */
export async function changeLimits(
  host: Host,
  runDir: string,
  key: AttachmentKey,
  plugin: string,
  change: LimitChange,
): Promise<Limits> {
  for (const direction of ['ingress', 'egress'] as const) requireValid(direction, change[direction])
  const records = new RecordStore(runDir)
  const record = records.read(key, CHAINED) ?? records.read(key, plugin)
  if (record?.state !== 'attached')
    throw new CniError(CniCode.unknownContainer, `${describeKey(key)} is not attached by ${plugin}`)
  const recorded = factsOnRecord(record)
  const end = recorded?.end ?? endOf(record)
  const link = host.kernel.link.get(end)
  if (!link) throw new CniError(CniCode.checkFailed, `host interface ${end} is gone`)
  const before = recorded ?? { end, mtu: link.mtu }
  const after = changed({ ...before, mtu: link.mtu }, change, key)
  // What an earlier change that was cut off has left may still be there.
  const had = { ...before, ...before.before }
  const { ingress, egress } = had
  // With the ifb in any case: DEL takes it away, on its way in or out.
  records.write(withFacts(record, { ...after, ifb: after.ifb ?? had.ifb, before: { ingress, egress } }))
  try {
    const fair = await enforceLimits(host, after, had)
    records.write(withFacts(record, { ...after, fair }))
  } catch (error) {
    if (await isRestored(host, before, after)) records.write(record)
    throw error
  }
  return limitsOf(after)
}

function requireValid(direction: string, limit: Limit | null | undefined): void {
  if (!limit) return
  const { rate, burst } = limit
  const isCount = (value: number) => Number.isSafeInteger(value) && value > 0
  if (isCount(rate) && (burst === undefined || (isCount(burst) && burst < 2 ** 32))) return
  throw new CniError(
    CniCode.invalidConfig,
    `${direction} can't be limited to ${rate} bytes a second${burst === undefined ? '' : ` with a burst of ${burst}`}`,
    'both are whole numbers greater than 0, and a burst is less than 4 GiB',
  )
}

/** The host end of an attachment that has no limits. */
function endOf(record: AttachmentRecord): string {
  const end = record.facts[INTERFACE]?.hostIfname
  if (typeof end !== 'string')
    throw new CniError(
      CniCode.invalidConfig,
      `what ${record.plugin} makes has no rate that could be limited`,
      'limits are for veth pairs, such as those of bridge and ptp',
    )
  return end
}

function changed(
  { end, mtu, ...shapes }: BandwidthFacts,
  change: LimitChange,
  key: AttachmentKey,
): BandwidthFacts {
  const next = (direction: keyof Shapes): Shape | undefined => {
    const wish = change[direction]
    return wish ? shapeOf(wish, mtu) : wish === null ? undefined : shapes[direction]
  }
  const egress = next('egress')
  return { end, mtu, ingress: next('ingress'), egress, ifb: egress && ifbIfname(key) }
}

/** With the step on record, and the ifb among what goes with the interface. */
function withFacts(record: AttachmentRecord, { ...facts }: BandwidthFacts): AttachmentRecord {
  const { steps } = record
  const made = record.facts[INTERFACE]
  const { ifb: _old, ...others } = made ?? {}
  return {
    ...record,
    steps: steps.includes(bandwidthStepName)
      ? steps
      : steps.flatMap(step => (step === INTERFACE ? [step, bandwidthStepName] : [step])),
    facts: {
      ...record.facts,
      ...(made && {
        [INTERFACE]: { ...others, ...(facts.ifb !== undefined && { ifb: facts.ifb }) } as JsonObject,
      }),
      [bandwidthStepName]: factsJson(facts),
    },
  }
}

/** A change that failed half-way is taken back; where that fails, too, the record says that it is under way. */
async function isRestored(host: Host, before: BandwidthFacts, after: BandwidthFacts): Promise<boolean> {
  try {
    await enforceLimits(host, before, after)
    return true
  } catch {
    return false
  }
}

function limitsOf({ ingress, egress }: Shapes): Limits {
  const limit = ({ rate, burst }: Shape): Required<Limit> => ({ rate, burst })
  return { ...(ingress && { ingress: limit(ingress) }), ...(egress && { egress: limit(egress) }) } as Limits
}
