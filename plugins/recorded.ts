// Names on record, of all networks. What bears a network's mark is only taken for that network's when no record knows it:
// four characters are not proof enough to delete something.
import type { Call, JsonObject } from '../cni/call.js'
import { runDir } from '../cni/directories.js'
import { type AttachmentRecord, RecordStore } from '../cni/record.js'

/** Host ends on record; O(attachments), for GC and for what is not as it should be. */
export function recordedHostIfnames(
  call: Call,
  which: (record: AttachmentRecord) => boolean = () => true,
): string[] {
  const records = new RecordStore(runDir(call.env))
  return records
    .networks()
    .flatMap(network => records.listAll(network))
    .filter(which)
    .flatMap(record => Object.values(record.facts))
    .map(facts => (facts as JsonObject).hostIfname)
    .filter((name): name is string => typeof name === 'string')
}
