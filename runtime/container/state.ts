// What the runtime knows of a container, one JSON file each in the run directory.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../../cni/call.js'
import type { NetnsIdentity } from '../../kernel/netns.js'
import { hasCode, RuntimeError } from '../error.js'
import { listIfThere, readIfThere, writeFileAtomic } from '../files.js'
import type { ProcessIdentity } from './process.js'

/** An attachment as it was asked for; written before ADD, so that a killed runtime leaves a trace of it. */
export interface PlannedAttachment {
  readonly network: string
  readonly ifname: string
  readonly args: readonly (readonly [string, string])[]
  readonly capabilityArgs: JsonObject
  /** The network as it is to be attached, for a DEL without a cached result. */
  readonly config: JsonObject
  /** ADD's result. */
  readonly result?: JsonObject
  /** How long ADD took, in milliseconds. */
  readonly attachMs?: number
}

/**
 * `creating`: attachments are being made. `running`: it was started, and may have ended since. `removing`: it is being taken down.
 * `released`: nothing of it is left but this file, its log and its exit code.
 */
export type Phase = 'creating' | 'running' | 'removing' | 'released'

export interface ContainerState {
  readonly format: 1
  /** Also the container ID in CNI. */
  readonly id: string
  readonly name?: string
  /** A `namespace` is one that others made and that was only attached: it has no process of ours. */
  readonly kind: 'container' | 'namespace'
  readonly phase: Phase
  /** RFC 3339. */
  readonly createdAt: string
  /** The runtime that creates it and, unless it is detached, waits for it. */
  readonly owner: ProcessIdentity
  /** PID 1 of the container, as the host sees it. */
  readonly process?: ProcessIdentity
  readonly detached: boolean
  readonly command: readonly string[]
  readonly rootfs?: string
  readonly netns: {
    readonly path: string
    /** Whether the runtime made it, and removes it. */
    readonly ours: boolean
    readonly identity?: NetnsIdentity
  }
  /** Where its plugins were found; the same ones are to detach it. */
  readonly cniPath: readonly string[]
  /** Directories of its control groups. */
  readonly cgroups: readonly string[]
  readonly attachments: readonly PlannedAttachment[]
}

export class ContainerStore {
  readonly directory: string

  constructor(runDir: string) {
    this.directory = join(runDir, 'containers')
  }

  write(state: ContainerState): void {
    writeFileAtomic(this.#file(state.id, 'json'), JSON.stringify(state, null, 2))
  }

  read(id: string): ContainerState | undefined {
    const text = readIfThere(this.#file(id, 'json'))
    return text === undefined ? undefined : (JSON.parse(text) as ContainerState)
  }

  /** In the order of their creation. */
  list(): ContainerState[] {
    return listIfThere(this.directory)
      .filter(name => name.endsWith('.json') && !name.startsWith('.'))
      .map(name => this.read(name.slice(0, -'.json'.length)))
      .filter(state => state !== undefined)
      .sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
  }

  /** By id, name, or an id's unambiguous beginning of at least 3 characters. */
  find(reference: string): ContainerState {
    const all = this.list()
    const exact = all.find(({ id, name }) => id === reference || name === reference)
    const matches = reference.length < 3 ? [] : all.filter(({ id }) => id.startsWith(reference))
    const found = exact ?? (matches.length === 1 ? matches[0] : undefined)
    if (found) return found
    if (matches.length > 1)
      throw new RuntimeError(
        `"${reference}" is the beginning of ${matches.length} container ids`,
        `give more of it: ${matches.map(({ id }) => id).join(', ')}`,
      )
    throw new RuntimeError(`there is no container "${reference}"`, 'list them with: plumbline ps')
  }

  /** Exit code of the command, undefined while it has none. */
  exitCode(id: string): number | undefined {
    const text = readIfThere(this.exitFile(id))?.trim()
    return text ? Number(text) : undefined
  }

  exitFile(id: string): string {
    return this.#file(id, 'exit')
  }

  logFile(id: string): string {
    return this.#file(id, 'log')
  }

  /** Files that are mounted into the container: resolv.conf, hosts. */
  mountedFile(id: string, name: string): string {
    return this.#file(id, name)
  }

  lockFile(id: string): string {
    return this.#file(id, 'lock')
  }

  /** Forgets the container: its state last, so that what is interrupted can be repeated. */
  remove(id: string): void {
    this.removeMounted(id)
    for (const suffix of ['exit', 'log', 'json', 'lock']) rmSync(this.#file(id, suffix), { force: true })
  }

  removeMounted(id: string): void {
    for (const suffix of ['resolv.conf', 'hosts']) rmSync(this.#file(id, suffix), { force: true })
  }

  #file(id: string, suffix: string): string {
    return join(this.directory, `${id}.${suffix}`)
  }
}

/** True for the error of a state directory that this user may not read. */
export function isForbidden(error: unknown): boolean {
  return hasCode(error, 'EACCES', 'EPERM')
}
