// Attachment records: what an ADD is about to make and has made, written before the kernel is touched.
// They live in the run directory (tmpfs), so a reboot clears them together with the namespaces they describe.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import type { AttachmentKey, JsonObject } from './call.js'
import { makeDirectory } from './directories.js'
import { shortHash } from './hash.js'

export interface AttachmentRecord extends AttachmentKey {
  readonly format: 1
  readonly plugin: string
  /** `adding` until ADD has answered; a record left in this state is that of an ADD that was killed. */
  readonly state: 'adding' | 'attached'
  readonly netns: { readonly path: string; readonly dev: number; readonly ino: number }
  /** The configuration of the ADD, without `prevResult`. */
  readonly config: JsonObject
  /** CNI_ARGS of the ADD. */
  readonly args: string
  /** Steps that may have been begun, in order; only these need undoing. */
  readonly steps: readonly string[]
  /** What each step said it would make. */
  readonly facts: { readonly [step: string]: JsonObject }
  /** ADD's result in the shape of CNI 1.1.0, once there is one. */
  readonly result?: JsonObject
  /** RFC 3339. */
  readonly createdAt: string
}

/** Records of all attachments under one run directory. Not locked: one attachment has one caller at a time (SPEC section 3). */
export class RecordStore {
  readonly #root: string

  constructor(runDir: string) {
    this.#root = `${runDir}/attachments`
  }

  read(key: AttachmentKey, plugin: string): AttachmentRecord | undefined {
    return readRecord(this.#path(key, plugin))
  }

  /** Atomic: a reader sees the old record or the new one. */
  write(record: AttachmentRecord): void {
    const path = this.#path(record, record.plugin)
    const temporary = temporaryOf(path)
    const text = JSON.stringify(record)
    try {
      writeFileSync(temporary, text, { mode: 0o600 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      makeDirectory(`${this.#root}/${record.network}`)
      writeFileSync(temporary, text, { mode: 0o600 })
    }
    renameSync(temporary, path)
  }

  remove(key: AttachmentKey, plugin: string): void {
    const path = this.#path(key, plugin)
    unlinkIfThere(path)
    unlinkIfThere(temporaryOf(path)) // where a write was killed
  }

  /** All records of a network made by one plugin type; O(attachments), for GC only. Clears away what killed writers left. */
  list(network: string, plugin: string): AttachmentRecord[] {
    const directory = `${this.#root}/${network}`
    for (const name of readdirIfThere(directory))
      if (name.startsWith('.')) unlinkIfThere(`${directory}/${name}`)
    return this.listAll(network).filter(record => record.plugin === plugin)
  }

  /** All records of a network. */
  listAll(network: string): AttachmentRecord[] {
    return [...this.each(network)]
  }

  /** The same one by one, each read when it is asked for. */
  *each(network: string): Generator<AttachmentRecord, void, undefined> {
    const directory = `${this.#root}/${network}`
    for (const name of readdirIfThere(directory)) {
      const record = name.startsWith('.') ? undefined : readRecord(`${directory}/${name}`)
      if (record) yield record
    }
  }

  networks(): string[] {
    return readdirIfThere(this.#root)
  }

  /** Forgets a network that has no records left; its directory goes. */
  removeNetwork(network: string): void {
    if (this.listAll(network).length === 0)
      rmSync(`${this.#root}/${network}`, { recursive: true, force: true })
  }

  /** Throws when records can't be written (STATUS). */
  probe(): void {
    makeDirectory(this.#root)
    const path = `${this.#root}/.probe-${process.pid}`
    writeFileSync(path, '')
    unlinkSync(path)
  }

  #path(key: AttachmentKey, plugin: string): string {
    // '@' is in no container ID and '/' in none of the three, so the name is unambiguous; NAME_MAX is 255 bytes.
    const name = `${key.containerId}@${key.ifname}.${plugin}`
    const file =
      Buffer.byteLength(name) <= 200 ? name : `${name.slice(0, 60)}~${shortHash(name, 12)}.${plugin}`
    return `${this.#root}/${key.network}/${file}.json`
  }
}

function temporaryOf(path: string): string {
  const cut = path.lastIndexOf('/') + 1
  return `${path.slice(0, cut)}.${path.slice(cut)}`
}

function readRecord(path: string): AttachmentRecord | undefined {
  // Mostly there is none, and an exception takes several times as long.
  if (!existsSync(path)) return undefined
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as AttachmentRecord
  } catch (error) {
    // Unreadable is as good as absent: what it described can be derived from the key, and DEL must not fail for it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function readdirIfThere(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
