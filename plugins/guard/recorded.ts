// What the records of all networks say of our nftables tables.
import type { Call } from '../../cni/call.js'
import { runDir } from '../../cni/directories.js'
import { type AttachmentRecord, RecordStore } from '../../cni/record.js'
import { hostIfnames } from '../names.js'
import { entriesOnRecord, piecesOf } from './entry.js'
import { pieceId } from './piece.js'

/** The ids (`pieceId`) of all shared pieces on record; O(attachments), for GC. */
export function recordedShared(call: Call): Set<string> {
  return new Set(
    allRecords(runDir(call.env)).flatMap(record =>
      entriesOnRecord(record)
        .flatMap(piecesOf)
        .filter(piece => piece.shared)
        .map(pieceId),
    ),
  )
}

/** The owners of whatever is on record; O(attachments). */
export function recordedOwners(call: Call): string[] {
  return allRecords(runDir(call.env)).flatMap(hostIfnames)
}

export function allRecords(directory: string): AttachmentRecord[] {
  const records = new RecordStore(directory)
  return records.networks().flatMap(network => records.listAll(network))
}
