// One candidate in the comparison: a directory of executables with a host namespace, directories and a driver of its own.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { CpuMeter } from './cpu.js'
import { type Batch, Driver } from './driver.js'
import { endProcessesOf } from './resident.js'

export interface CandidateOptions {
  readonly name: string
  /** Directory of CNI executables. */
  readonly dir: string
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
  /** False when CPU is that of waited-for processes only. */
  readonly metersAll: boolean
  readonly driver: Driver
  readonly #root: string
  readonly #meter: CpuMeter | undefined
  #namespaces = 0

  constructor({ name, dir, resident, driver }: CandidateOptions) {
    this.name = name
    this.#root = mkdtempSync(`${tmpdir()}/plumbline-bench-`)
    this.runDir = `${this.#root}/run`
    mkdirSync(this.runDir)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=0700', 'plumbline-bench', this.runDir]) // as /run is one
    const hostNetns = `${this.#root}/host`
    closeSync(openSync(hostNetns, 'wx'))
    execFileSync('unshare', [`--net=${hostNetns}`, 'ip', 'link', 'set', 'lo', 'up'])
    mkdirSync(`${this.#root}/data`)
    const confFile = `${this.#root}/conf.json`
    writeFileSync(confFile, JSON.stringify(configuration(`${this.#root}/data`)))
    this.driver = new Driver({
      driver,
      hostNetns,
      plugin: `${dir}/bridge`,
      confFile,
      netnsPrefix: `${this.#root}/c`,
      env: {
        PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`,
        CNI_PATH: dir,
        PLUMBLINE_RUN_DIR: this.runDir,
        PLUMBLINE_STATE_DIR: `${this.#root}/state`,
        ...(resident === undefined ? {} : { PLUMBLINE_RESIDENT: resident }),
      },
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

  /** Ends the driver and the resident, and takes away the namespaces with all that is left in them, and the directories. */
  async close(): Promise<void> {
    this.driver.kill()
    await endProcessesOf(this.runDir)
    const mounted = readFileSync('/proc/self/mountinfo', 'latin1')
      .split('\n')
      .flatMap(line => line.split(' ')[4] ?? [])
      .filter(path => path.startsWith(`${this.#root}/`))
    for (let from = 0; from < mounted.length; from += 500)
      execFileSync('umount', ['-l', ...mounted.slice(from, from + 500)])
    rmSync(this.#root, { recursive: true, force: true })
    this.#meter?.[Symbol.dispose]()
  }
}

/** What the figures are about: bridge, host-local, masquerade. */
function configuration(dataDir: string): object {
  return {
    cniVersion: '1.0.0',
    name: 'bench',
    type: 'bridge',
    bridge: 'bench0',
    isGateway: true,
    ipMasq: true,
    ipam: {
      type: 'host-local',
      dataDir,
      ranges: [[{ subnet: '10.88.0.0/16' }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  }
}
