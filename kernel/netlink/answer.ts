// What a netlink answer becomes in this room: an owned message, or a KernelError.
import { decodeError } from '../../wire/netlink/error.js'
import type { NlMessage } from '../../wire/netlink/message.js'
import { KernelError } from '../error.js'

/** The message with its bytes copied out of the receive buffer. */
export function owned(message: NlMessage): NlMessage {
  return { ...message, payload: Buffer.from(message.payload) }
}

/** The error in an NLMSG_ERROR or NLMSG_DONE; undefined for an acknowledgement. `index` as in KernelError. */
export function answeredError(
  operation: string,
  target: string,
  message: NlMessage,
  index?: number,
): KernelError | undefined {
  const { errno, extack } = decodeError(message)
  if (errno === 0) return undefined
  const { message: text, offset, missingType } = extack ?? {}
  return new KernelError(operation, target, errno, { extack: text, offset, missingType, index })
}
