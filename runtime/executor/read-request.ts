// Collects one request from a connection, as it arrives.
import { closeSync } from 'node:fs'
import type { UnixConnection } from '../../kernel/unix-server.js'
import { decodeEnv, decodeHeader, type Header, headerLength } from './frame.js'

export interface Request {
  readonly buildId: string
  readonly env: Record<string, string>
  readonly stdin: Buffer
  /** Descriptors that came with it; the receiver's to close. */
  readonly fds: readonly number[]
}

const scratch = Buffer.alloc(64 << 10)

/** Undefined when the peer left before it was whole, or sent something else. */
export function readRequest(connection: UnixConnection): Promise<Request | undefined> {
  return new Promise(resolve => {
    const collected = new Collected()
    const settle = (request: Request | undefined): true => {
      connection.stopReading()
      if (!request) for (const fd of collected.fds) closeSync(fd)
      resolve(request)
      return true
    }
    /** True once there is nothing more to wait for. */
    const readOn = (): boolean => {
      for (;;) {
        const read = connection.read(scratch)
        if (!read) return false
        collected.fds.push(...read.fds)
        if (read.length === 0) return settle(undefined)
        collected.add(scratch.subarray(0, read.length))
        if (collected.broken) return settle(undefined)
        if (collected.whole) return settle(collected.request())
      }
    }
    if (!readOn()) connection.onReadable(readOn) // most often it is all there already, and no poll is needed
  })
}

class Collected {
  readonly fds: number[] = []
  #bytes = Buffer.alloc(0)
  #header: Header | undefined
  broken = false

  add(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    if (this.#header || this.#bytes.length < headerLength) return
    this.#header = decodeHeader(this.#bytes)
    this.broken = this.#header === undefined
  }

  get whole(): boolean {
    return this.#header !== undefined && this.#bytes.length >= this.#envEnd + this.#header.stdinLength
  }

  request(): Request {
    const { buildId, stdinLength } = this.#header!
    const end = this.#envEnd
    return {
      buildId,
      env: decodeEnv(this.#bytes.subarray(headerLength, end)),
      stdin: this.#bytes.subarray(end, end + stdinLength),
      fds: this.fds,
    }
  }

  get #envEnd(): number {
    return headerLength + this.#header!.envLength
  }
}
