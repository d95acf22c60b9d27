// A resident that a test scripts: it speaks the launcher's protocol (native/launcher/request.c) and does no work.
import { closeSync, readlinkSync } from 'node:fs'
import { addon, type Poller } from '../../native/addon.js'

const READABLE = 1
const EAGAIN = 11
const HEADER = 32

/** A whole request, as it arrived. */
export interface Request {
  readonly magic: number
  readonly protocol: number
  readonly buildId: string
  /** `KEY=VALUE`, in order. */
  readonly entries: readonly string[]
  readonly stdin: Buffer
  /** stderr, and the network namespace if there is one. Closed with the connection. */
  readonly fds: readonly number[]
  readonly uid: number
}

/** The socket a launcher in this process's network namespace looks for. */
export function residentSocket(runDir: string): string {
  return `${runDir}/resident-${/\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0]}.sock`
}

/** Exit code and stdout as they go after 'A'. */
export function reply(exitCode: number, stdout: string | Uint8Array): Buffer {
  const bytes = Buffer.from(stdout)
  const head = Buffer.alloc(8)
  head.writeUInt32LE(exitCode, 0)
  head.writeUInt32LE(bytes.length, 4)
  return Buffer.concat([head, bytes])
}

/** One launcher. */
export class Connection {
  /** Resolves when the launcher has closed or shut down its end. */
  readonly ended: Promise<void>
  readonly #fd: number
  readonly #poller: Poller
  readonly #fds: number[] = []
  #bytes = Buffer.alloc(0)
  #open = true

  constructor(fd: number, respond: (request: Request, connection: Connection) => void) {
    this.#fd = fd
    const into = Buffer.alloc(1 << 16)
    let end = () => {}
    this.ended = new Promise(resolve => {
      end = resolve
    })
    let responded = false
    this.#poller = addon.poll(fd, READABLE, () => {
      const { length, fds } = addon.receiveWithFds(fd, into, 4)
      this.#fds.push(...fds)
      if (length === -EAGAIN) return
      if (length <= 0) {
        this.#poller.close()
        return end()
      }
      this.#bytes = Buffer.concat([this.#bytes, into.subarray(0, length)])
      const request = responded ? undefined : this.#parse()
      if (!request) return
      responded = true
      respond(request, this)
    })
  }

  /** Sends all of it, waiting as long as it takes. The bytes sent or -errno. */
  async send(bytes: string | Uint8Array): Promise<number> {
    const buffer = Buffer.from(bytes)
    for (let at = 0; at < buffer.length; ) {
      const sent = addon.send(this.#fd, buffer.subarray(at))
      if (sent === -EAGAIN) await new Promise(resolve => setImmediate(resolve))
      else if (sent < 0) return sent
      else at += sent
    }
    return buffer.length
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#poller.close()
    for (const fd of [this.#fd, ...this.#fds]) closeSync(fd)
  }

  #parse(): Request | undefined {
    const bytes = this.#bytes
    if (bytes.length < HEADER) return
    const environment = bytes.readUInt32LE(24)
    const input = bytes.readUInt32LE(28)
    if (bytes.length < HEADER + environment + input) return
    const peer = addon.peerCredentials(this.#fd)
    return {
      magic: bytes.readUInt32LE(0),
      protocol: bytes.readUInt32LE(4),
      buildId: bytes.toString('latin1', 8, 24),
      entries: bytes.toString('utf8', HEADER, HEADER + environment - 1).split('\0'),
      stdin: bytes.subarray(HEADER + environment),
      fds: this.#fds,
      uid: typeof peer === 'number' ? peer : peer.uid,
    }
  }
}

/** Listens until disposed of. `respond` is called once for every whole request. */
export class FakeResident implements Disposable {
  readonly #fd: number
  readonly #poller: Poller
  readonly #connections: Connection[] = []

  constructor(path: string, respond: (request: Request, connection: Connection) => void) {
    this.#fd = addon.listenUnix(path, 64)
    if (this.#fd < 0) throw new Error(`${path}: errno ${-this.#fd}`)
    this.#poller = addon.poll(this.#fd, READABLE, () => {
      for (let fd = addon.accept(this.#fd); fd >= 0; fd = addon.accept(this.#fd))
        this.#connections.push(new Connection(fd, respond))
    })
  }

  [Symbol.dispose](): void {
    this.#poller.close()
    closeSync(this.#fd)
    for (const connection of this.#connections) connection.close()
  }
}
