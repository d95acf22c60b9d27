// What is published on this host, by whom, and what has come and gone: for `plumbline ports`.
import type { AttachmentKey } from '../../cni/call.js'
import type { Namespace } from '../../kernel/namespace.js'
import type { ElementCounter } from '../../kernel/nft/element.js'
import { entriesOnRecord } from '../guard/entry.js'
import { elementId, pieceId } from '../guard/piece.js'
import { mappingFrom, type PortMapFacts, targetsOf } from '../guard/port-map.js'
import { allRecords } from '../guard/recorded.js'
import { inetTable } from '../guard/tables.js'
import { type Direction, directionOf, isTrafficSet, trafficPieces } from '../guard/traffic.js'
import type { PortMapping } from './mapping.js'

export interface PortView extends PortMapping {
  readonly holder: AttachmentKey
  /** Of the container: none where it has no address of the mapping's family. */
  readonly targets: readonly string[]
  /** Towards the container. Ports of several addresses of the host that lead to the same port are counted together. */
  readonly received: ElementCounter
  readonly sent: ElementCounter
}

/** All mappings on record, in order of their ports. A dump of the counters, whatever their number. */
export function listPorts(host: { readonly kernel: Namespace }, runDir: string): PortView[] {
  const counters = counterDump(host.kernel)
  return allRecords(runDir)
    .filter(({ state }) => state === 'attached')
    .flatMap(record => {
      const { network, containerId, ifname } = record
      return entriesOnRecord(record)
        .filter(entry => entry.kind === 'port-map')
        .flatMap(facts => viewsOf(facts, { network, containerId, ifname }, counters))
    })
    .sort((a, b) => a.hostPorts.first - b.hostPorts.first || a.protocol.localeCompare(b.protocol))
}

type Counters = ReadonlyMap<string, { readonly direction: Direction; readonly counter: ElementCounter }>

function counterDump({ nft }: Namespace): Counters {
  const found = new Map<string, { direction: Direction; counter: ElementCounter }>()
  if (!nft.list.table(inetTable)) return found
  for (const set of nft.list.sets(inetTable).filter(isTrafficSet))
    for (const element of nft.list.elements(set))
      if (element.counter)
        found.set(elementId(element), { direction: directionOf(element), counter: element.counter })
  return found
}

function viewsOf(facts: PortMapFacts, holder: AttachmentKey, counters: Counters): PortView[] {
  return facts.mappings.map(mappingFrom).map(mapping => {
    const targets = targetsOf(mapping, facts)
    const counted = targets
      .flatMap(target => trafficPieces(mapping, target))
      .map(piece => counters.get(pieceId(piece)))
      .filter(each => each !== undefined)
    const total = (direction: Direction) =>
      counted
        .filter(each => each.direction === direction)
        .reduce(
          (sum, { counter }) => ({
            packets: sum.packets + counter.packets,
            bytes: sum.bytes + counter.bytes,
          }),
          { packets: 0n, bytes: 0n },
        )
    return {
      ...mapping,
      holder,
      targets: targets.map(String),
      received: total('original'),
      sent: total('reply'),
    }
  })
}
