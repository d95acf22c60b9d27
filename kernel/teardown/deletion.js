// What is sent to remove links, what comes back, and the notification. linux/rtnetlink.h: RTM_DELLINK, struct ifinfomsg.
import { NlWriter } from '../../wire/netlink/attr.js'
import { AF_UNSPEC, NLM_F_ACK, NLM_F_REQUEST } from '../../wire/netlink/constants.js'
import { decodeMessages } from '../../wire/netlink/message.js'
import { RTM_DELLINK, RTM_NEWLINK } from '../../wire/route/constants.js'
import { encodeLinkChange, encodeLinkSelector } from '../../wire/route/link.js'
import { isNotFound } from '../error.js'
import { answeredError } from '../netlink/answer.js'
export const LINK_DELETE = 'link delete'
/** Interface group ("plbd") of links that are about to be removed, and of no others: whatever is in it may go at any time. */
const DOOMED_GROUP = 0x706c6264
/** Sequence number of the first message of a request. */
const FIRST_SEQ = 1
/**
 * Removes links, by index: numbers are not used again, so a later link of the same name is safe. Several go as a group, so that the
 * kernel waits once for all of them: each is put into the group, silently unless that fails, and the group is removed.
 */
export function deletionRequest(indexes) {
  const w = new NlWriter()
  w.nextSeq = FIRST_SEQ
  const [only] = indexes
  const alone = only !== undefined && indexes.length === 1
  if (!alone)
    for (const index of indexes)
      w.message(RTM_NEWLINK, NLM_F_REQUEST, body => encodeLinkChange(body, { index, group: DOOMED_GROUP }))
  w.message(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, body =>
    encodeLinkSelector(body, alone ? only : { group: DOOMED_GROUP }),
  )
  return w.finish()
}
/** Reads one datagram of the answer; `report` gets the outcome for the link at a position of `deletionRequest`, or for all that are left. */
export function readAnswer(datagram, targets, report) {
  for (const message of decodeMessages(datagram)) {
    const position = message.seq - FIRST_SEQ
    const isDeletion = targets.length === 1 || position === targets.length
    const error = answeredError(LINK_DELETE, targets[isDeletion ? 0 : position] ?? '', message)
    if (!isDeletion) report(error !== undefined && !isNotFound(error) ? error : false, position)
    else if (error === undefined) report(true)
    else if (isNotFound(error)) report(false)
    else report(targets.length === 1 ? error : 'alone')
  }
}
/** The index of the link that a notification says is gone; undefined for any other notification. */
export function deletedIndex(message) {
  if (message.type !== RTM_DELLINK || message.payload.length < 16) return undefined
  // With AF_BRIDGE the same type only says that the link is no longer a port of its bridge.
  return message.payload[0] === AF_UNSPEC ? message.payload.readInt32LE(4) : undefined
}
//# sourceMappingURL=deletion.js.map
