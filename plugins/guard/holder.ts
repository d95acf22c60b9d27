// Who holds an element that an ADD found in its place. Asked for on the way to an error only: O(attachments).
import type { AttachmentKey, Call } from '../../cni/call.js'
import { runDir } from '../../cni/directories.js'
import { type AttachmentRecord, RecordStore } from '../../cni/record.js'
import { hostIfname } from '../names.js'
import { entriesOnRecord, piecesOf } from './entry.js'
import { type Piece, pieceId } from './piece.js'

/**
 * The attachment by whose record the piece, whose element has the comment `owner`, is there. Undefined when no record has it: it is
 * a leftover of an ADD that was killed. The record of the asking plugin itself does not count.
 */
export function holderOf(call: Call, piece: Piece, owner: string | undefined): AttachmentKey | undefined {
  if (owner === undefined) return undefined
  const records = new RecordStore(runDir(call.env))
  const id = pieceId(piece)
  const holds = (record: AttachmentRecord) =>
    hostIfname(record) === owner &&
    !isOurs(call, record) &&
    entriesOnRecord(record).some(entry => piecesOf(entry).some(one => pieceId(one) === id))
  for (const network of records.networks()) {
    const found = records.listAll(network).find(holds)
    if (found) return found
  }
  return undefined
}

function isOurs(call: Call, { network, containerId, ifname, plugin }: AttachmentRecord): boolean {
  return (
    network === call.config.name &&
    containerId === call.containerId &&
    ifname === call.ifname &&
    plugin === call.plugin
  )
}
