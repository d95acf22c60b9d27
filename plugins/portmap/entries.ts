// What published ports are in our nftables tables.
import type { Attached } from '../attached.js'
import type { EntryFacts } from '../guard/entry.js'
import { mappingFacts, type PortMapFacts } from '../guard/port-map.js'
import { loopbackEntries } from '../localhost/entries.js'
import type { PublishConfig } from './config.js'

/** The entries of an ADD: the maps, masquerading, and what the host's loopback addresses need. Asked when the addresses are known. */
export function publishEntries(state: Attached, publish: PublishConfig): EntryFacts[] {
  return [portMap(state, publish), ...masquerading(state, publish), ...loopbackEntries(state, publish)]
}

/** To the first address of each family; the others share what goes with the first. */
function portMap({ key, ips }: Attached, { mappings, conditions }: PublishConfig): PortMapFacts {
  const first = (family: 4 | 6) => ips.find(({ address }) => address.family === family)?.address.ip
  const [to4, to6] = [first(4), first(6)]
  const limited = conditions[4] !== undefined || conditions[6] !== undefined
  return {
    kind: 'port-map',
    mappings: mappings.map(mappingFacts),
    to: { ...(to4 && { 4: String(to4) }), ...(to6 && { 6: String(to6) }) },
    ...(limited && {
      conditions: {
        network: key.network,
        ...(conditions[4] && { 4: conditions[4].tokens }),
        ...(conditions[6] && { 6: conditions[6].tokens }),
      },
    }),
  }
}

function masquerading({ ips }: Attached, { snat, masqAll }: PublishConfig): EntryFacts[] {
  if (!snat) return []
  return ips.map(({ address }) =>
    masqAll
      ? { kind: 'masquerade-all', address: String(address.ip) }
      : { kind: 'hairpin', address: String(address) },
  )
}
