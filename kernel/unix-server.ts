// A root-only stream socket that can receive file descriptors, for the resident. unix(7), SO_PEERCRED, SCM_RIGHTS.
// node:net can do neither of the two, hence the addon.
import { closeSync, writeSync } from 'node:fs'
import { addon, type Poller } from '../native/addon.js'
import { check } from './error.js'

const READABLE = 1
const WRITABLE = 2

/** A listening socket, mode 0600. `onConnection` gets each peer that is root or this process's own user. */
export class UnixServer implements Disposable {
  readonly #fd: number
  readonly #poller: Poller

  constructor(path: string, backlog: number, onConnection: (connection: UnixConnection) => void) {
    this.#fd = check('listen', path, addon.listenUnix(path, backlog))
    this.#poller = addon.poll(this.#fd, READABLE, () => {
      for (;;) {
        const fd = addon.accept(this.#fd)
        if (fd < 0) return
        const peer = addon.peerCredentials(fd)
        if (typeof peer === 'number' || (peer.uid !== 0 && peer.uid !== process.geteuid?.())) closeSync(fd)
        else onConnection(new UnixConnection(fd))
      }
    })
  }

  [Symbol.dispose](): void {
    this.#poller.close()
    closeSync(this.#fd)
  }
}

/** One accepted peer. Whoever holds it must dispose of it; the descriptors it received are the holder's too. */
export class UnixConnection implements Disposable {
  #fd: number
  #poller: Poller | undefined

  constructor(fd: number) {
    this.#fd = fd
  }

  /** Reads what is there: bytes and descriptors; `undefined` when nothing is there yet, length 0 at the end (or on a broken peer). */
  read(into: Uint8Array): { length: number; fds: number[] } | undefined {
    const { length, fds } = addon.receiveWithFds(this.#fd, into, 4)
    if (length === -11) return undefined // EAGAIN
    return { length: Math.max(0, length), fds }
  }

  /** Calls back whenever there is something to read. */
  onReadable(callback: () => unknown): void {
    this.#poll(READABLE, callback)
  }

  stopReading(): void {
    this.#poller?.close()
    this.#poller = undefined
  }

  /** Writes all of it; false when the peer is gone. */
  write(bytes: Uint8Array): Promise<boolean> | boolean {
    let at = 0
    const push = (): 'done' | 'gone' | 'full' => {
      while (at < bytes.length) {
        try {
          at += writeSync(this.#fd, bytes, at)
        } catch (error) {
          return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 'full' : 'gone'
        }
      }
      return 'done'
    }
    const first = push()
    if (first !== 'full') return first === 'done'
    return new Promise(resolve => {
      this.#poll(WRITABLE, () => {
        const state = push()
        if (state === 'full') return
        this.stopReading()
        resolve(state === 'done')
      })
    })
  }

  #poll(events: number, callback: () => unknown): void {
    this.#poller?.close()
    this.#poller = addon.poll(this.#fd, events, callback)
  }

  [Symbol.dispose](): void {
    this.stopReading()
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
  }
}
