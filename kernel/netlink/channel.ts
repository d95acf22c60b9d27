// Datagrams in and out of one netlink socket: EINTR retried, the buffer grown on demand, everything printed on request.
import { closeSync } from 'node:fs'
import { addon } from '../../native/addon.js'
import { check } from '../error.js'
import { printDatagram } from './debug.js'

const EINTR = 4
const EMSGSIZE = 90
/** What the kernel fills at most with one datagram of a dump, unless a single object is larger. */
const INITIAL_BUFFER = 32 * 1024

/** NETLINK_DEBUG=1 in the environment prints every datagram to stderr, as `nft --debug=mnl` does. */
const debug = process.env.NETLINK_DEBUG === '1'

/** What a channel talks through; scripted in tests. Results are lengths or -errno, as those of the addon. */
export interface Transport {
  send(message: Uint8Array): number
  /** One datagram; the result is its real length, also when that is more than fits. */
  recv(into: Uint8Array, timeoutMs: number): number
  /** Makes messages of `size` bytes possible. */
  growSendBuffer?(size: number): number
  close?(): void
}

export class Channel implements Disposable {
  /** -1 when the transport is not a socket. */
  readonly fd: number
  readonly #transport: Transport
  #buffer = Buffer.allocUnsafeSlow(INITIAL_BUFFER)
  #closed = false

  /** Takes over a socket (closed by dispose), or talks through a transport. */
  constructor(socket: number | Transport) {
    this.fd = typeof socket === 'number' ? socket : -1
    this.#transport = typeof socket === 'number' ? socketTransport(socket) : socket
  }

  /** What is larger than the socket's send buffer makes the buffer grow. */
  send(operation: string, target: string, message: Buffer): void {
    if (debug) printDatagram(message)
    let result = this.#trySend(message)
    if (result === -EMSGSIZE && this.#transport.growSendBuffer !== undefined) {
      check(operation, target, this.#transport.growSendBuffer(message.length))
      result = this.#trySend(message)
    }
    check(operation, target, result)
  }

  #trySend(message: Buffer): number {
    let result: number
    do result = this.#transport.send(message)
    while (result === -EINTR)
    return result
  }

  /**
   * One datagram: a view, good until the next call. Or -errno: -EAGAIN after `timeoutMs` (0: at once, -1: never),
   * -EMSGSIZE when it did not fit and is lost (the next of that size will fit), -ENOBUFS when others are lost.
   */
  receive(timeoutMs: number): Buffer | number {
    let length: number
    do length = this.#transport.recv(this.#buffer, timeoutMs)
    while (length === -EINTR)
    if (length < 0) return length
    if (length > this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafeSlow(length * 2)
      return -EMSGSIZE
    }
    const datagram = this.#buffer.subarray(0, length)
    if (debug) printDatagram(datagram)
    return datagram
  }

  /** Closes the socket, once: a second time its number may be somebody else's. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.#transport.close?.()
    this.#closed = true
  }
}

function socketTransport(fd: number): Transport {
  return {
    send: message => addon.send(fd, message),
    recv: (into, timeoutMs) => addon.recv(fd, into, timeoutMs),
    growSendBuffer: size => addon.sendBuffer(fd, size),
    close: () => closeSync(fd),
  }
}
