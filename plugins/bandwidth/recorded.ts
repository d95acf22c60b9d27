// The ifbs of all networks' records. What bears a network's mark is only taken for that network's when no record knows it:
// four characters are not proof enough to delete something.
import type { Call } from '../../cni/call.js'
import { runDir } from '../../cni/directories.js'
import { allRecords } from '../guard/recorded.js'
import { factsOnRecord } from './facts.js'

/** O(attachments), for GC. */
export function recordedIfbs(call: Call): string[] {
  return allRecords(runDir(call.env)).flatMap(record => factsOnRecord(record)?.ifb ?? [])
}
