// A netlink socket on which requests are answered one at a time: send, then read until the answer is whole.
// linux/netlink.h. The kernel does its work inside sendmsg(2) and the answer is queued when that returns, so
// blocking calls are right here; a request that is slow in the kernel (RTM_DELLINK) belongs on a thread (../teardown.ts).
import { addon } from '../../native/addon.js'
import { NlWriter } from '../../wire/netlink/attr.js'
import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_MIN_TYPE,
} from '../../wire/netlink/constants.js'
import { decodeMessages, type NlMessage } from '../../wire/netlink/message.js'
import { check, KernelError } from '../error.js'
import { answeredError, owned } from './answer.js'
import { Channel, type Transport } from './channel.js'

const EINTR = 4
const EAGAIN = 11
const EMSGSIZE = 90
const ENOBUFS = 105

/** The kernel answers at once; no answer by now means that none will come (KernelError EAGAIN). */
const ANSWER_TIMEOUT_MS = 10_000
const MAX_ATTEMPTS = 10
/** Bounds of one sendmsg: below the send buffer's default, and few enough acks for the receive buffer. */
const MAX_SEND_BYTES = 96 * 1024
const MAX_SEND_MESSAGES = 512

/** One request among several of `requestAll`. */
export interface NetlinkRequest {
  readonly operation: string
  readonly target: string
  readonly type: number
  readonly flags: number
  readonly body: (w: NlWriter) => void
}

export class NetlinkConnection implements Disposable {
  readonly #channel: Channel
  readonly #writer = new NlWriter()

  /** Takes over a socket (closed by dispose), or talks through a transport. */
  constructor(socket: number | Transport) {
    this.#channel = new Channel(socket)
  }

  /** Opens a socket in the namespace `netnsFd` is open on (-1: this process's), member of `groups`. */
  static open(protocol: number, netnsFd = -1, groups: readonly number[] = []): NetlinkConnection {
    const [fd] = addon.openIn(netnsFd, [{ protocol, groups }])
    return new NetlinkConnection(check('netlink socket', `protocol ${protocol}`, fd!))
  }

  /** -1 when the transport is not a socket. */
  get fd(): number {
    return this.#channel.fd
  }

  /** The address of the socket, which notifications of what it did carry as `pid`; 0 when the transport is not a socket. */
  get port(): number {
    return this.fd < 0 ? 0 : check('netlink socket', 'address', addon.netlinkPort(this.fd))
  }

  /**
   * Sends one request. With NLM_F_ACK in `flags` waits for the acknowledgement and returns what came before it (usually
   * nothing); without, returns the one reply. NLM_F_REQUEST is added. Throws KernelError with the kernel's text.
   */
  request(
    operation: string,
    target: string,
    type: number,
    flags: number,
    body: (w: NlWriter) => void,
  ): NlMessage[] {
    for (let attempt = 1; ; attempt++) {
      const seq = this.#send(operation, target, type, flags, body)
      const replies = this.#replies(operation, target, seq, (flags & NLM_F_ACK) !== 0)
      if (replies !== undefined) return replies
      // The answer did not fit. Asking again is harmless; changing something again is not.
      if ((flags & NLM_F_ACK) !== 0 || attempt === MAX_ATTEMPTS)
        throw new KernelError(operation, target, EMSGSIZE, { hint: 'the answer did not fit' })
    }
  }

  /**
   * Sends many requests in one go, each with NLM_F_ACK. The kernel handles them in order and goes on after one that
   * fails. Throws the first error, its `index` the position in `requests`, after all have been answered.
   */
  requestAll(requests: readonly NetlinkRequest[]): void {
    let failed: KernelError | undefined
    for (let from = 0; from < requests.length; ) {
      const writer = this.#writer.reset()
      const firstSeq = writer.nextSeq
      let to = from
      while (to < requests.length && to - from < MAX_SEND_MESSAGES && writer.length < MAX_SEND_BYTES) {
        const { type, flags, body } = requests[to++]!
        writer.message(type, flags | NLM_F_REQUEST | NLM_F_ACK, body)
      }
      const error = this.#acks(requests.slice(from, to), firstSeq, from)
      failed ??= error
      from = to
    }
    if (failed !== undefined) throw failed
  }

  /**
   * Asks for all objects of a kind. A dump during which something changed (NLM_F_DUMP_INTR) is asked again, ten times at
   * most (then KernelError EINTR).
   */
  dump(operation: string, type: number, body: (w: NlWriter) => void, target = ''): NlMessage[] {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const seq = this.#send(operation, target, type, NLM_F_DUMP, body)
      try {
        const messages = this.#dumped(operation, target, seq)
        if (messages !== undefined) return messages
      } catch (error) {
        this.#drain()
        throw error
      }
    }
    throw new KernelError(operation, target, EINTR, {
      hint: `things changed during each of ${MAX_ATTEMPTS} dumps`,
    })
  }

  /**
   * Sends what `write` writes in one datagram and returns whatever has been answered by the time the kernel is done with
   * all of it. For batches of nf_tables, where only failures are answered: of very many, only the first may come.
   * `firstSeq` is the first message's number.
   */
  batch(
    operation: string,
    target: string,
    write: (w: NlWriter) => void,
  ): { readonly firstSeq: number; readonly replies: NlMessage[] } {
    const writer = this.#writer.reset()
    const firstSeq = writer.nextSeq
    write(writer)
    this.#channel.send(operation, target, writer.finish())
    const replies: NlMessage[] = []
    let lost = false
    for (;;) {
      const datagram = this.#channel.receive(0)
      if (datagram === -EAGAIN) break
      if (datagram === -ENOBUFS) lost = true
      else if (typeof datagram === 'number') throw new KernelError(operation, target, datagram)
      else
        for (const message of decodeMessages(datagram))
          if (message.seq >= firstSeq) replies.push(owned(message))
    }
    if (lost && replies.length === 0) throw new KernelError(operation, target, ENOBUFS)
    return { firstSeq, replies }
  }

  [Symbol.dispose](): void {
    this.#channel[Symbol.dispose]()
  }

  #send(operation: string, target: string, type: number, flags: number, body: (w: NlWriter) => void): number {
    const writer = this.#writer.reset()
    const seq = writer.nextSeq
    writer.message(type, flags | NLM_F_REQUEST, body)
    this.#channel.send(operation, target, writer.finish())
    return seq
  }

  /** Undefined when a datagram did not fit. */
  #replies(operation: string, target: string, seq: number, untilAck: boolean): NlMessage[] | undefined {
    const replies: NlMessage[] = []
    for (;;) {
      const datagram = this.#channel.receive(ANSWER_TIMEOUT_MS)
      if (datagram === -EMSGSIZE) return undefined
      if (typeof datagram === 'number') throw new KernelError(operation, target, datagram)
      for (const message of decodeMessages(datagram)) {
        if (message.seq !== seq) continue // an answer to an earlier request that was given up
        if (message.type === NLMSG_ERROR) {
          const error = answeredError(operation, target, message)
          if (error !== undefined) throw error
          return replies
        }
        if (message.type < NLMSG_MIN_TYPE) continue
        replies.push(owned(message))
        if (!untilAck) return replies
      }
    }
  }

  /** Sends what the writer holds and reads one answer for each request; returns the first error. */
  #acks(requests: readonly NetlinkRequest[], firstSeq: number, firstIndex: number): KernelError | undefined {
    const { operation, target } = requests[0]!
    this.#channel.send(operation, target, this.#writer.finish())
    let failed: KernelError | undefined
    for (let answered = 0; answered < requests.length; ) {
      const datagram = this.#channel.receive(ANSWER_TIMEOUT_MS)
      if (typeof datagram === 'number') throw new KernelError(operation, target, datagram)
      for (const message of decodeMessages(datagram)) {
        const position = message.seq - firstSeq
        const request = requests[position]
        if (message.type !== NLMSG_ERROR || request === undefined) continue
        answered++
        failed ??= answeredError(request.operation, request.target, message, firstIndex + position)
      }
    }
    return failed
  }

  /** Undefined when the dump is not to be trusted. */
  #dumped(operation: string, target: string, seq: number): NlMessage[] | undefined {
    const messages: NlMessage[] = []
    let consistent = true
    for (;;) {
      const datagram = this.#channel.receive(ANSWER_TIMEOUT_MS)
      if (datagram === -EMSGSIZE || datagram === -ENOBUFS) {
        // What was lost may be the end, so there is no telling where this dump ends but by reading all of it.
        this.#drain()
        return undefined
      }
      if (typeof datagram === 'number') throw new KernelError(operation, target, datagram)
      for (const message of decodeMessages(datagram)) {
        if (message.seq !== seq) continue
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) consistent = false
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          const error = answeredError(operation, target, message)
          if (error !== undefined) throw error
          return consistent ? messages : undefined
        }
        if (message.type >= NLMSG_MIN_TYPE && consistent) messages.push(owned(message))
      }
    }
  }

  /** Reads away what is left of a dump; a new one would fail with EBUSY. Each read makes the kernel dump on. */
  #drain(): void {
    for (;;) {
      const datagram = this.#channel.receive(0)
      if (typeof datagram === 'number' && datagram !== -EMSGSIZE && datagram !== -ENOBUFS) return
    }
  }
}
