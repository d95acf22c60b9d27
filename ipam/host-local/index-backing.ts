// Where an index lies: in its file, or in memory while it is being made.
import { type Files, noSpace, writeWhole } from './files.js'

export interface Backing {
  /** Fills `into` up to `length`; with zeros beyond the end. */
  read(into: Buffer, length: number, position: number): void
  write(from: Buffer, length: number, position: number): void
}

export class FileBacking implements Backing {
  readonly #files: Files
  readonly #fd: number

  constructor(files: Files, fd: number) {
    this.#files = files
    this.#fd = fd
  }

  read(into: Buffer, length: number, position: number): void {
    const got = this.#files.readSync(this.#fd, into, 0, length, position)
    if (got < length) into.fill(0, got, length)
  }

  write(from: Buffer, length: number, position: number): void {
    const written = this.#files.writeSync(this.#fd, from, 0, length, position)
    if (written < length) throw noSpace()
  }
}

export class MemoryBacking implements Backing {
  #buffer: Buffer
  #length: number

  constructor(size: number) {
    this.#buffer = Buffer.alloc(size)
    this.#length = size
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  read(into: Buffer, length: number, position: number): void {
    const end = Math.min(position + length, this.#length)
    const got = position < end ? this.#buffer.copy(into, 0, position, end) : 0
    if (got < length) into.fill(0, got, length)
  }

  write(from: Buffer, length: number, position: number): void {
    const end = position + length
    if (end > this.#buffer.length) {
      const grown = Buffer.alloc(end * 2)
      this.#buffer.copy(grown)
      this.#buffer = grown
    }
    this.#length = Math.max(this.#length, end)
    from.copy(this.#buffer, position, 0, length)
  }
}

/** Writes a whole file anew, so that a reader sees the old one or the new one. */
export function replaceFile(files: Files, path: string, data: Uint8Array): void {
  const temporary = `${path}.new`
  const fd = files.openSync(temporary, 'w', 0o600)
  try {
    writeWhole(files, fd, data)
  } finally {
    files.closeSync(fd)
  }
  files.renameSync(temporary, path)
}
