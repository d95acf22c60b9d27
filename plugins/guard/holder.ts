// Who holds an element that an ADD found in its place. Asked for on the way to an error only: O(attachments).
import type { AttachmentKey, Call } from '../../cni/call.js'
import { runDir } from '../../cni/directories.js'
import { type AttachmentRecord, RecordStore } from '../../cni/record.js'
import type { Element } from '../../kernel/nft/element.js'
import { hostIfname } from '../names.js'
import { entriesOnRecord, piecesOf } from './entry.js'
import { elementId, pieceId } from './piece.js'

/**
 * The attachment that has the element on record. Undefined when none has: it is a leftover of an ADD that was killed. The record of
 * the asking plugin itself does not count.
 */
export function holderOf(call: Call, present: Element): AttachmentKey | undefined {
  const { comment: owner } = present
  if (owner === undefined) return undefined
  const records = new RecordStore(runDir(call.env))
  const id = elementId(present)
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
