// host-local in directories of its own: calls in short form, leases read back from the disk, and a machine whose boot
// and files are the test's to decide.
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import type { Call, JsonObject, Verb } from '../../cni/call.js'
import type { Plugin } from '../../cni/plugin.js'
import type { Result } from '../../cni/result.js'
import { type Boot, systemBoot } from '../../ipam/host-local/boot.js'
import type { HostLocalConfig } from '../../ipam/host-local/config.js'
import { type Files, systemFiles } from '../../ipam/host-local/files.js'
import { openIndex } from '../../ipam/host-local/index-file.js'
import { parseLeaseName } from '../../ipam/host-local/lease.js'
import { indexPath } from '../../ipam/host-local/locked.js'
import { LeaseDirectory } from '../../ipam/host-local/store.js'
import { createHostLocal } from '../../ipam/host-local.js'
import { hostOf, makeCall } from './calls.js'

export interface SiteOptions {
  readonly ipam?: JsonObject
  readonly conf?: JsonObject
  readonly boot?: Boot
  readonly files?: Files
  /** An existing root, to be somebody else in the same directories. */
  readonly root?: string
}

/** Whether the machine has a tmpfs for what would only wear the disk. */
const shm = fs.existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A network `net` of 10.1.0.0/16 unless told otherwise. */
export class Site {
  readonly root: string
  readonly dataDir: string
  readonly directory: string
  readonly runDir: string
  readonly boot: Boot
  readonly plugin: Plugin<HostLocalConfig>
  readonly #options: SiteOptions

  constructor(options: SiteOptions = {}) {
    this.root = options.root ?? fs.mkdtempSync(`${shm}/pl-host-local-`)
    this.dataDir = `${this.root}/networks`
    this.directory = `${this.dataDir}/net`
    this.runDir = `${this.root}/run`
    this.boot = options.boot ?? systemBoot()
    this.plugin = createHostLocal({ files: options.files ?? systemFiles, boot: this.boot })
    this.#options = options
  }

  /** The same directories, seen by another. */
  other(options: SiteOptions): Site {
    return new Site({ ...this.#options, ...options, root: this.root })
  }

  call(verb: Verb, owner: string, rest: Partial<Call> = {}, conf: JsonObject = {}): Call {
    const [containerId = '', ifname = 'eth0'] = owner.split(':')
    return makeCall({
      verb,
      plugin: 'host-local',
      containerId,
      ifname,
      env: { PLUMBLINE_RUN_DIR: this.runDir },
      conf: this.conf(conf),
      ...rest,
    })
  }

  conf(more: JsonObject = {}): JsonObject {
    const ipam = this.#options.ipam ?? { subnet: '10.1.0.0/16' }
    return {
      cniVersion: '1.1.0',
      name: 'net',
      type: 'bridge',
      ipam: { type: 'host-local', dataDir: this.dataDir, ...ipam },
      ...this.#options.conf,
      ...more,
    }
  }

  add(owner: string, rest: Partial<Call> = {}, conf: JsonObject = {}): Promise<Result> {
    const call = this.call('ADD', owner, rest, conf)
    return this.plugin.add(call, this.plugin.parse(call), host)
  }

  /** ADD, and what it gave: `10.1.0.2`, or several with commas. */
  async lease(owner: string, rest: Partial<Call> = {}, conf: JsonObject = {}): Promise<string> {
    return (await this.add(owner, rest, conf)).ips.map(({ address }) => String(address.ip)).join(',')
  }

  del(owner: string, rest: Partial<Call> = {}, conf: JsonObject = {}): Promise<void> {
    const call = this.call('DEL', owner, rest, conf)
    return this.plugin.del(call, this.plugin.parse(call), host)
  }

  check(owner: string, prevResult: Result | undefined, conf: JsonObject = {}): Promise<void> {
    const call = this.call('CHECK', owner, prevResult ? { prevResult } : {}, conf)
    return this.plugin.check(call, this.plugin.parse(call), host)
  }

  gc(...valid: readonly string[]): Promise<void> {
    const validAttachments = valid.map(owner => {
      const [containerId = '', ifname = 'eth0'] = owner.split(':')
      return { containerId, ifname }
    })
    const call = this.call('GC', '', { containerId: '', ifname: '', validAttachments })
    return this.plugin.gc(call, this.plugin.parse(call), host)
  }

  status(conf: JsonObject = {}): Promise<void> {
    const call = this.call('STATUS', '', { containerId: '', ifname: '' }, conf)
    return this.plugin.status(call, this.plugin.parse(call), host)
  }

  /** Address → text of its file. */
  leases(): Record<string, string> {
    return Object.fromEntries(
      this.names()
        .filter(name => parseLeaseName(name) !== undefined)
        .map(name => [name, fs.readFileSync(`${this.directory}/${name}`, 'utf8')]),
    )
  }

  names(): string[] {
    return fs.existsSync(this.directory) ? fs.readdirSync(this.directory).sort() : []
  }

  /** Puts a lease there as another program would. */
  plant(ip: string, text: string, at?: Date): void {
    fs.mkdirSync(this.directory, { recursive: true })
    fs.writeFileSync(`${this.directory}/${ip}`, text)
    if (at) fs.utimesSync(`${this.directory}/${ip}`, at, at)
  }

  /**
   * 'valid' when there is an index for the directory's present state, and it says the same; 'none' when there is no valid
   * one; else what is wrong.
   */
  index(): string {
    const directory = new LeaseDirectory(this.directory, systemFiles)
    const identity = { ...directory.state(), bootId: this.boot.id }
    using open = openIndex(systemFiles, indexPath(this), identity)
    if (open === undefined) return 'none'
    const leases = directory.scan()
    if (open.index.counts.leases !== leases.length)
      return `${open.index.counts.leases} of ${leases.length} leases`
    for (const { ip, owner } of leases) {
      if (!open.index.isTaken(ip)) return `${ip} is free in the index`
      if (owner && !open.index.candidates(owner).some(one => one.equals(ip)))
        return `${ip} has no owner in the index`
    }
    return 'valid'
  }

  remove(): void {
    fs.rmSync(this.root, { recursive: true, force: true })
  }
}

const host = hostOf()

/** A boot that began `ago` seconds before now. */
export function bootOf(id: string, ago = 3600): Boot {
  const startedAt = Date.now() - ago * 1000
  return { id, startedAt: () => startedAt }
}

/** File operations that are counted, and can be made to fail. `before` throws to prevent the operation. */
export function watchedFiles(before: (name: keyof Files, args: readonly unknown[]) => void): Files {
  const watched: Record<string, unknown> = {}
  for (const [name, call] of Object.entries(pick(systemFiles)))
    watched[name] = (...args: unknown[]) => {
      before(name as keyof Files, args)
      return call(...args)
    }
  return watched as unknown as Files
}

function pick(files: Files): Record<string, (...args: unknown[]) => unknown> {
  const names = Object.keys(files).filter(name => name.endsWith('Sync')) as (keyof Files)[]
  return Object.fromEntries(names.map(name => [name, files[name]])) as never
}

/** Numbers from 0 to below 1 that are the same in every run (mulberry32). */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
