// Makes the limits of a running attachment what they shall be, from whatever they are: in place where there is a limit already.
import { CniCode, CniError } from '../../cni/error.js'
import type { Host } from '../../cni/plugin.js'
import { isExists } from '../../kernel/error.js'
import type { Namespace } from '../../kernel/namespace.js'
import type { BandwidthFacts, Shapes } from './facts.js'
import type { Shape } from './shape.js'
import {
  closeIngress,
  divert,
  diverters,
  isLimited,
  isOurIngress,
  limitLink,
  makeIfb,
  openIngress,
  redirectTarget,
  type Shaped,
  stopDiverting,
  unlimitLink,
} from './shaper.js'

/** `had`: what may be there and is not wanted any more. Returns whether fq_codel is below the buckets. */
export async function enforceLimits(
  { kernel, reaper }: Host,
  { end: name, mtu, ingress, egress, ifb }: BandwidthFacts,
  had: Shapes & { readonly ifb?: string | undefined },
): Promise<boolean> {
  const index = kernel.link.index(name)
  if (index === undefined) throw new CniError(CniCode.checkFailed, `host interface ${name} is gone`)
  const end = { index, mtu }
  let fair = false
  if (ingress) fair = limitAnew(kernel, name, end, ingress)
  else if (had.ingress) unlimitLink(kernel, index)
  if (egress) fair = limitBehindIfb(kernel, ifb!, name, end, egress)
  else if (had.egress) {
    if (isOurIngress(kernel, index)) closeIngress(kernel, index)
    if (had.ifb !== undefined) await reaper.removed(had.ifb)
  }
  return fair
}

/** Not where a root qdisc of somebody else's is. */
function limitAnew(kernel: Namespace, name: string, link: Shaped, shape: Shape): boolean {
  try {
    return limitLink(kernel, link, shape, 'add')
  } catch (error) {
    if (!isExists(error)) throw error
    if (isLimited(kernel, link.index)) return limitLink(kernel, link, shape, 'replace')
    throw notOurs(name, 'root')
  }
}

/** The filter comes last: nothing is diverted to what does not limit yet. */
function limitBehindIfb(
  kernel: Namespace,
  name: string,
  endName: string,
  end: Shaped,
  shape: Shape,
): boolean {
  const present = kernel.link.index(name)
  const ifb = present === undefined ? makeIfb(kernel, name, end.mtu) : { index: present, mtu: end.mtu }
  const fair = limitLink(kernel, ifb, shape, 'replace')
  kernel.link.set({ index: ifb.index, up: true })
  try {
    openIngress(kernel, end.index)
  } catch (error) {
    if (!isExists(error)) throw error
    if (!isOurIngress(kernel, end.index)) throw notOurs(endName, 'ingress')
  }
  const [filter] = diverters(kernel, end.index)
  if (filter && redirectTarget(filter) === ifb.index) return fair
  stopDiverting(kernel, end.index)
  divert(kernel, end.index, ifb.index)
  return fair
}

function notOurs(name: string, which: 'root' | 'ingress'): CniError {
  return new CniError(
    CniCode.invalidConfig,
    `${name} has ${which === 'root' ? 'a root' : 'an ingress'} qdisc that is not ours`,
    `tc qdisc del dev ${name} ${which} removes it`,
  )
}
