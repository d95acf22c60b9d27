// What a netlink answer becomes in this room: an owned message, or a KernelError.
import { decodeError } from '../../wire/netlink/error.js'
import { KernelError } from '../error.js'
/** The message with its bytes copied out of the receive buffer. */
export function owned(message) {
  return { ...message, payload: Buffer.from(message.payload) }
}
/** The error in an NLMSG_ERROR or NLMSG_DONE; undefined for an acknowledgement. `index` as in KernelError. */
export function answeredError(operation, target, message, index) {
  const { errno, extack } = decodeError(message)
  if (errno === 0) return undefined
  const { message: text, offset, missingType } = extack ?? {}
  return new KernelError(operation, target, errno, { extack: text, offset, missingType, index })
}
//# sourceMappingURL=answer.js.map
