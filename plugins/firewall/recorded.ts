// Which firewalls are on record.

import type { AttachmentRecord } from '../../cni/record.js'
import { allRecords } from '../guard/recorded.js'

/** The administrators' chains of all attachments with a firewall, of all networks; O(attachments). */
export function firewallsOnRecord(runDir: string): string[] {
  return allRecords(runDir).flatMap(adminChainOf)
}

/** One, or none when the record has no firewall. */
export function adminChainOf({ facts }: AttachmentRecord): string[] {
  const name = facts.passage?.adminChain
  return typeof name === 'string' ? [name] : []
}
