// A kernel that answers as the test tells it to: the other end of a netlink connection, in memory.
import type { Transport } from '../../kernel/netlink/channel.js'
import { NlWriter } from '../../wire/netlink/attr.js'
import {
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
} from '../../wire/netlink/constants.js'
import { decodeMessages, type NlMessage } from '../../wire/netlink/message.js'

const EAGAIN = 11

/** A datagram to be received, or the -errno that the receiving fails with. */
export type Datagram = Buffer | number

/** Called once for each datagram sent, with the messages in it. */
export type Answer = (requests: readonly NlMessage[]) => readonly Datagram[]

export class ScriptedKernel implements Transport {
  /** What was sent, a datagram each. */
  readonly sent: NlMessage[][] = []
  /** What is waiting to be received. */
  readonly queue: Datagram[] = []
  closed = false
  readonly #answers: Answer[]

  /** The answers to the first, second, … datagram; the last one answers all that follow. */
  constructor(...answers: Answer[]) {
    this.#answers = answers
  }

  send(message: Uint8Array): number {
    const requests = [...decodeMessages(Buffer.from(message))]
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]
    this.sent.push(requests)
    this.queue.push(...(answer?.(requests) ?? []))
    return message.length
  }

  recv(into: Uint8Array): number {
    const datagram = this.queue.shift() ?? -EAGAIN
    if (typeof datagram === 'number') return datagram
    into.set(datagram.subarray(0, into.length))
    return datagram.length
  }

  close(): void {
    this.closed = true
  }
}

/** A datagram with these messages. */
export function datagram(...messages: readonly Buffer[]): Buffer {
  return Buffer.concat(messages)
}

export function message(seq: number, type: number, payload: Uint8Array, flags = 0): Buffer {
  const w = new NlWriter()
  w.nextSeq = seq
  w.message(type, flags, body => body.bytes(payload))
  return Buffer.from(w.finish())
}

/** One object of a dump. */
export function part(seq: number, type: number, payload: Uint8Array, flags = 0): Buffer {
  return message(seq, type, payload, NLM_F_MULTI | flags)
}

/** The end of a dump; `code` is 0 or -errno. */
export function done(seq: number, flags = 0, code = 0): Buffer {
  return message(seq, NLMSG_DONE, new NlWriter().i32(code).finish(), NLM_F_MULTI | flags)
}

export function ack(seq: number): Buffer {
  return failure(seq, 0)
}

/** NLMSG_ERROR, with the kernel's text and offset if given. */
export function failure(
  seq: number,
  errno: number,
  extack: { message?: string; offset?: number } = {},
): Buffer {
  const w = new NlWriter().i32(-errno).u32(16).u16(0).u16(0).u32(seq).u32(0)
  if (extack.message !== undefined) w.attrString(NLMSGERR_ATTR_MSG, extack.message)
  if (extack.offset !== undefined) w.attrU32(NLMSGERR_ATTR_OFFS, extack.offset)
  const tlvs = extack.message === undefined && extack.offset === undefined ? 0 : NLM_F_ACK_TLVS
  return message(seq, NLMSG_ERROR, w.finish(), NLM_F_CAPPED | tlvs)
}
