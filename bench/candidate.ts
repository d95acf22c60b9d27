// One candidate in the comparison: a directory of CNI executables and the chain to run, with a host namespace,
// directories and a driver of its own.
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { configurationText, type PluginConf } from './configuration.js'
import { CpuMeter } from './cpu.js'
import { type Batch, Driver } from './driver.js'
import { endProcessesOf } from './resident.js'

export interface CandidateOptions {
  /** What it is called in figures. */
  readonly name: string
  /** Directory of CNI executables. */
  readonly dir: string
  /** The chain, given a directory for leases. */
  readonly plugins: (dataDir: string) => readonly PluginConf[]
  readonly resident?: 'require' | 'off'
  readonly driver: string
}

/** A batch, and what it cost in CPU everywhere but in the driver. */
export interface Measured extends Batch {
  readonly cpuUs: number
}

export class Candidate {
  readonly name: string
  readonly runDir: string
  /** Types of its plugins, in the order of the chain. */
  readonly types: readonly string[]
  /** What its processes get as environment. */
  readonly env: Readonly<Record<string, string>>
  /** False when CPU is that of waited-for processes only. */
  readonly metersAll: boolean
  readonly driver: Driver
  readonly #root: string
  readonly #meter: CpuMeter | undefined
  #namespaces = 0
  #closed: Promise<void> | undefined

  constructor({ name, dir, plugins, resident, driver }: CandidateOptions) {
    this.name = name
    this.#root = makeRoot()
    this.runDir = `${this.#root}/run`
    this.env = {
      PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`,
      CNI_PATH: dir,
      PLUMBLINE_RUN_DIR: this.runDir,
      PLUMBLINE_STATE_DIR: `${this.#root}/state`,
      ...(resident === undefined ? {} : { PLUMBLINE_RESIDENT: resident }),
    }
    const chain = plugins(`${this.#root}/data`)
    this.types = chain.map(plugin => plugin.type)
    this.driver = new Driver({
      driver,
      hostNetns: this.netns('host'),
      plugins: chain.map(plugin => {
        const confFile = `${this.#root}/${plugin.type}.json`
        writeFileSync(confFile, configurationText(plugin))
        return { path: `${dir}/${plugin.type}`, confFile }
      }),
      netnsPrefix: `${this.#root}/c`,
      env: this.env,
    })
    this.#meter = CpuMeter.make(name.replaceAll(/\W/g, '-'))
    this.#meter?.add(this.driver.pid)
    this.metersAll = this.#meter !== undefined
  }

  /** Makes the namespaces of attachments 0 to count-1, where they are not there yet. */
  async prepare(count: number): Promise<void> {
    if (count > this.#namespaces) await this.driver.makeNetns(this.#namespaces, count)
    this.#namespaces = Math.max(this.#namespaces, count)
  }

  async run(verb: 'ADD' | 'DEL' | 'CHECK', from: number, to: number, workers = 1): Promise<Measured> {
    const before = this.#meter?.microseconds() ?? 0
    const batch = await this.driver.run(verb, from, to, workers)
    const all = this.#meter
      ? this.#meter.microseconds() - before - batch.driverUs
      : batch.userUs + batch.systemUs
    return { ...batch, cpuUs: all }
  }

  /** Path of a namespace: 'host', the container of an attachment by its number, or one made by makeNetns. */
  netns(which: string | number): string {
    return `${this.#root}/${typeof which === 'number' ? `c${which}` : which}`
  }

  /** Makes a namespace whose loopback is up; it goes with the candidate. */
  makeNetns(name: string): string {
    return makeNetns(this.netns(name))
  }

  /** What a command line (no quoting) prints in a namespace. Throws when it fails. */
  inside(which: string | number, command: string): string {
    return execFileSync('nsenter', [`--net=${this.netns(which)}`, ...command.split(' ')], {
      encoding: 'utf8',
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  /** Ends the driver and the resident, and takes away the namespaces with all that is left in them, and the directories. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.driver.kill()
    await endProcessesOf(this.runDir)
    removeRoot(this.#root)
    this.#meter?.[Symbol.dispose]()
  }
}

/** A directory with `host`, a namespace; `run`, a tmpfs as /run is one; and `data`. */
function makeRoot(): string {
  const root = mkdtempSync(`${tmpdir()}/plumbline-bench-`)
  try {
    for (const directory of ['run', 'data']) mkdirSync(`${root}/${directory}`)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=0700', 'plumbline-bench', `${root}/run`])
    makeNetns(`${root}/host`)
    return root
  } catch (error) {
    removeRoot(root)
    throw error
  }
}

function makeNetns(path: string): string {
  closeSync(openSync(path, 'wx'))
  execFileSync('unshare', [`--net=${path}`, 'ip', 'link', 'set', 'lo', 'up'])
  return path
}

function removeRoot(root: string): void {
  const mounted = readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .flatMap(line => line.split(' ')[4] ?? [])
    .filter(path => path.startsWith(`${root}/`))
  for (let from = 0; from < mounted.length; from += 500)
    execFileSync('umount', ['-l', ...mounted.slice(from, from + 500)])
  rmSync(root, { recursive: true, force: true })
}

/** The plugin types of a chain that a directory of executables lacks. */
export function missingTypes(dir: string, plugins: readonly PluginConf[]): string[] {
  return plugins.map(plugin => plugin.type).filter(type => !existsSync(`${dir}/${type}`))
}
