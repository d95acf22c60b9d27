// A netlink socket that listens: notifications of the multicast groups it joined.
import { addon, type Poller } from '../../native/addon.js'
import { decodeMessages, type NlMessage } from '../../wire/netlink/message.js'
import { check, KernelError } from '../error.js'
import { Channel, type Transport } from './channel.js'

const EAGAIN = 11
const EMSGSIZE = 90
const ENOBUFS = 105
const UV_READABLE = 1
const MAX_BURST = 64

/** Who listens. Messages are views of the receive buffer, good until the callback returns. */
export interface Listener {
  message(message: NlMessage): void
  /** Some notifications were lost, because they came faster than they were read. */
  overrun(): void
}

/** Who takes datagrams as they come, to look no further into them than it must. They are views, too. */
export interface DatagramListener {
  datagram(datagram: Buffer): void
  overrun(): void
}

export class Subscription implements Disposable {
  readonly #channel: Channel
  #poller: Poller | undefined

  /** Takes over a socket that has joined its groups (closed by dispose), or listens to a transport. */
  constructor(socket: number | Transport) {
    this.#channel = new Channel(socket)
  }

  /** Joins `groups` (RTNLGRP_*) of `protocol` in the namespace `netnsFd` is open on (-1: this process's). */
  static open(protocol: number, groups: readonly number[], netnsFd = -1): Subscription {
    const [fd] = addon.openIn(netnsFd, [{ protocol, groups }])
    return new Subscription(check('netlink subscribe', `protocol ${protocol}`, fd!))
  }

  /** Waits for the next notification (-1: for ever, 0: not at all) and hands over what came in that datagram. False when none came. */
  receive(timeoutMs: number, listener: Listener | DatagramListener): boolean {
    const datagram = this.#channel.receive(timeoutMs)
    if (datagram === -EAGAIN) return false
    if (datagram === -ENOBUFS || datagram === -EMSGSIZE) listener.overrun()
    else if (typeof datagram === 'number') throw new KernelError('netlink receive', '', datagram)
    else if ('datagram' in listener) listener.datagram(datagram)
    else for (const message of decodeMessages(datagram)) listener.message(message)
    return true
  }

  /**
   * Hands over notifications as they come, from the event loop, which it keeps alive until `unwatch`. When the socket fails, that is
   * an overrun, and the end of it.
   */
  watch(listener: Listener | DatagramListener): void {
    this.#poller ??= addon.poll(this.#channel.fd, UV_READABLE, () => {
      try {
        // Bounded, so that a flood does not starve the rest; and the listener may unwatch in the middle of a burst.
        for (let i = 0; i < MAX_BURST && this.#poller !== undefined; i++)
          if (!this.receive(0, listener)) return
      } catch (error) {
        // Nobody could catch it here.
        if (!(error instanceof KernelError)) throw error
        this.unwatch()
        listener.overrun()
      }
    })
  }

  /** While it watches, the event loop need not stay alive for it. */
  unref(): void {
    this.#poller?.unref()
  }

  unwatch(): void {
    this.#poller?.close()
    this.#poller = undefined
  }

  [Symbol.dispose](): void {
    this.unwatch()
    this.#channel[Symbol.dispose]()
  }
}
