// DEL of the limits where the interface stays: behind another plugin, which has made it.
import { runDir } from '../../cni/directories.js'
import type { Undo } from '../../cni/steps.js'
import { Namespace } from '../../kernel/namespace.js'
import { allRecords } from '../guard/recorded.js'
import { hostIfnames, ifbIfname, keyText } from '../names.js'
import { type BandwidthFacts, factsOnRecord } from './facts.js'
import { closeIngress, isLimited, unlimitLink } from './shaper.js'

export async function uninstallLimits(undo: Undo, facts: BandwidthFacts | undefined): Promise<void> {
  return facts ? uninstallRecorded(undo, facts) : uninstallDerived(undo)
}

/** The ifb goes last: a filter that redirects to a link which is gone drops every packet. */
async function uninstallRecorded({ host }: Undo, { end, ifb }: BandwidthFacts): Promise<void> {
  const index = host.kernel.link.index(end)
  if (index !== undefined) {
    if (ifb !== undefined) closeIngress(host.kernel, index)
    unlimitLink(host.kernel, index)
  }
  if (ifb !== undefined) await host.reaper.removed(ifb)
}

async function uninstallDerived(undo: Undo): Promise<void> {
  const { host, key, call } = undo
  const { kernel, reaper } = host
  const ifb = kernel.link.index(ifbIfname(key))
  const ends = possibleEnds(undo)
  const limited = ends.filter(index => isLimited(kernel, index))
  if (ifb === undefined && limited.length === 0) return
  // They may be those of the plugin that has made the interface.
  const isSame = allRecords(runDir(call.env)).some(r => keyText(r) === keyText(key) && factsOnRecord(r))
  if (isSame) return
  if (ifb !== undefined) for (const index of ends) closeIngress(kernel, index)
  for (const index of limited) unlimitLink(kernel, index)
  if (ifb !== undefined) await reaper.removed(ifb)
}

/** A host end of ours, or the other end of what is in the container. */
function possibleEnds({ host, key, netns }: Undo): number[] {
  const { link } = host.kernel
  const ours = hostIfnames(key).flatMap(name => link.index(name) ?? [])
  if (ours.length > 0 || !netns) return ours
  using container = Namespace.open(netns.fd)
  const inside = container.link.get(key.ifname)
  const outside = inside?.peerIndex ? link.get(inside.peerIndex) : undefined
  return outside?.kind === 'veth' && outside.peerIndex === inside!.index ? [outside.index] : []
}
