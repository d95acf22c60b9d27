// GC of what published ports share: route_localnet on bridges, and the loop. Attachments that come in between are seen by a second
// look at the records: an ADD writes its record first, and makes sure of these things after.
import type { Call } from '../../cni/call.js'
import { runDir } from '../../cni/directories.js'
import type { Host } from '../../cni/plugin.js'
import { entriesOnRecord } from '../guard/entry.js'
import { switchedSet } from '../guard/martian.js'
import { allRecords } from '../guard/recorded.js'
import { linkGroup } from '../names.js'
import { loopNear } from './loop.js'
import { ensureLoop } from './loop-links.js'
import { enableRouteLocalnet, resetRouteLocalnet, routeLocalnet } from './route-localnet.js'

interface Needs {
  /** Interfaces that have route_localnet from us. */
  readonly switched: ReadonlySet<string>
  readonly loop: boolean
}

/** Turns off and removes what no record needs. O(attachments). */
export async function sweepShared(call: Call, host: Host): Promise<void> {
  const needs = needsOnRecord(call)
  for (const ifname of switchedInterfaces(host))
    if (!needs.switched.has(ifname)) switchOff(call, host, ifname)
  const isOurs = host.kernel.link.get(loopNear.name)?.group === linkGroup
  if (needs.loop || !isOurs || !(await host.reaper.removed(loopNear.name))) return
  if (needsOnRecord(call).loop) ensureLoop(host.kernel)
}

/** Before the guard goes, which this step's place in the order sees to. */
function switchOff(call: Call, { kernel }: Host, ifname: string): void {
  if (routeLocalnet(kernel, ifname) === undefined) return
  resetRouteLocalnet(kernel, ifname, '0')
  if (needsOnRecord(call).switched.has(ifname)) enableRouteLocalnet(kernel, ifname)
}

function needsOnRecord(call: Call): Needs {
  const entries = allRecords(runDir(call.env)).flatMap(entriesOnRecord)
  return {
    switched: new Set(
      entries.flatMap(entry => (entry.kind === 'martian' && entry.switched ? [entry.ifname] : [])),
    ),
    loop: entries.some(({ kind }) => kind === 'loopback6'),
  }
}

function switchedInterfaces({ kernel }: Host): string[] {
  const { list } = kernel.nft
  return list.set(switchedSet) ? list.elements(switchedSet).map(({ key }) => String(key[0])) : []
}
