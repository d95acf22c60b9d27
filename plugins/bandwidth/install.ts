// ADD of the limits. What stands in the way is a leftover of an earlier ADD, which is replaced, or it is somebody else's.
import { runDir } from '../../cni/directories.js'
import { CniCode, CniError } from '../../cni/error.js'
import { CleanFailure } from '../../cni/steps.js'
import { isExists } from '../../kernel/error.js'
import type { Namespace } from '../../kernel/namespace.js'
import type { Attached } from '../attached.js'
import { allRecords } from '../guard/recorded.js'
import { keyText } from '../names.js'
import { type BandwidthFacts, factsOnRecord } from './facts.js'
import {
  closeIngress,
  divert,
  isOurIngress,
  limitLink,
  makeIfb,
  openIngress,
  type Shaped,
  unlimitLink,
} from './shaper.js'

/**
 * Makes what the facts say, or nothing: then it throws a CleanFailure. Brings the ifb up, and with `comesUp` the host end.
 * Returns whether fq_codel is below the buckets.
 */
export async function installLimits(
  { host, call, key }: Attached,
  facts: BandwidthFacts,
  end: Shaped,
  comesUp: boolean,
): Promise<boolean> {
  const { kernel, reaper } = host
  try {
    return make(kernel, facts, end, comesUp)
  } catch (error) {
    if (!isExists(error)) throw new CleanFailure(error)
  }
  for (const record of allRecords(runDir(call.env))) {
    const { ifb } = factsOnRecord(record) ?? {}
    const isSame = keyText(record) === keyText(key)
    if (isSame ? record.plugin !== call.plugin && factsOnRecord(record) : ifb && ifb === facts.ifb)
      throw new CleanFailure(taken(`${facts.end} is limited already by ${record.plugin}`))
  }
  unlimitLink(kernel, end.index)
  if (isOurIngress(kernel, end.index)) closeIngress(kernel, end.index)
  if (facts.ifb !== undefined) await reaper.removed(facts.ifb)
  try {
    return make(kernel, facts, end, comesUp)
  } catch (error) {
    throw new CleanFailure(
      isExists(error) ? taken(`${facts.end} has a qdisc that ${call.plugin} has not made`) : error,
    )
  }
}

/** Whatever can be refused comes before the ifb, which takes long to remove. */
function make(
  kernel: Namespace,
  { ingress, egress, ifb: ifbName }: BandwidthFacts,
  end: Shaped,
  comesUp: boolean,
): boolean {
  const made: (() => unknown)[] = []
  let fair = false
  try {
    if (egress) {
      openIngress(kernel, end.index)
      made.push(() => closeIngress(kernel, end.index))
    }
    if (ingress) {
      fair = limitLink(kernel, end, ingress, 'add')
      made.push(() => unlimitLink(kernel, end.index))
    }
    if (egress) {
      const { index } = makeIfb(kernel, ifbName!, end.mtu)
      made.push(() => kernel.link.remove(index))
      fair = limitLink(kernel, { index, mtu: end.mtu }, egress, 'add')
      // First: a filter drops what it redirects to a link that is down.
      kernel.link.set({ index, up: true })
      divert(kernel, end.index, index)
    }
    if (comesUp) kernel.link.set({ index: end.index, up: true })
    return fair
  } catch (error) {
    for (const undo of made.toReversed()) undo()
    throw error
  }
}

function taken(msg: string): CniError {
  return new CniError(
    CniCode.invalidConfig,
    msg,
    'an interface takes one limit in each direction: leave out this one, or the other',
  )
}
