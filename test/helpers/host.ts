// A machine to test on: a network namespace that plays the host, directories of its own, containers beside it.
// Nothing of it touches the machine's own network, and all of it goes in the end, also when the test fails.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Test } from 'tap'
import { createNetns, removeNetns } from '../../kernel/netns.js'
import { type FilesWorld, filesWorld } from './files-world.js'
import { pluginDir, referenceDir } from './needs.js'
import { type NetnsWorld, netnsWorld } from './netns-world.js'
import { type Execution, execute, type Outcome, type Running, start } from './outcome.js'
import { endProcesses, type FoundProcess, processesWithEnv } from './processes.js'
import { plainEnv, sh, trySh } from './sh.js'
import { addUplink, type Uplink } from './uplink.js'

export type Verb = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION'
export type ResidentMode = 'off' | 'require' | 'auto'

export interface HostOptions {
  /** Directory of the executables under test; default: this build's. */
  readonly dir?: string
  readonly resident?: ResidentMode
  /** A veth link to a peer namespace, with a default route, for traffic that leaves the host. */
  readonly uplink?: boolean | { readonly mtu: number }
}

export interface ExecOptions {
  readonly id?: string
  readonly ifname?: string
  /** Path of the container's namespace. */
  readonly netns?: string
  readonly args?: string
  /** CNI_PATH; default: the directory under test, then the reference's. */
  readonly path?: string
  /** stdin: an object is sent as JSON. */
  readonly conf?: object | string | Uint8Array
  /** Set, or with undefined removed, after all else. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Directory of the executable, when it is not the one under test. */
  readonly dir?: string
}

export interface Container {
  readonly id: string
  readonly netns: string
  /** Runs a script inside; throws when it fails. */
  sh(script: string): string
  trySh(script: string): ReturnType<typeof trySh>
  /** Removes the namespace, with all that is in it. */
  remove(): void
}

/** The state of everything, in plain values that compare exactly. */
export interface World extends FilesWorld {
  readonly host: NetnsWorld
  readonly containers: Readonly<Record<string, NetnsWorld>>
}

export interface FakeHost {
  readonly netns: string
  readonly dir: string
  readonly runDir: string
  readonly stateDir: string
  /** For host-local's `dataDir`. */
  readonly dataDir: string
  readonly resident: ResidentMode
  readonly uplink: Uplink | undefined
  sh(script: string): string
  trySh(script: string): ReturnType<typeof trySh>
  exec(plugin: string, verb: Verb | undefined, options?: ExecOptions): Outcome
  start(plugin: string, verb: Verb | undefined, options?: ExecOptions): Running
  container(): Container
  snapshot(): World
  /** The part of it that lies in files: cheap. */
  files(): FilesWorld
  /** Processes of ours that work for this host: residents, and one-shot calls under way. */
  processes(): FoundProcess[]
  endProcesses(): Promise<void>
}

let count = 0

export function fakeHost(t: Pick<Test, 'after'>, options: HostOptions = {}): FakeHost {
  const root = mkdtempSync(`${tmpdir()}/plumbline-test-${process.pid}-`)
  const containers = new Map<string, Container>()
  const resident = options.resident ?? 'off'
  const paths = {
    netns: `${root}/host`,
    dir: options.dir ?? pluginDir,
    runDir: `${root}/run`,
    stateDir: `${root}/state`,
    dataDir: `${root}/data`,
  }
  let uplink: Uplink | undefined

  t.after(async () => {
    await endProcesses(processes())
    for (const path of [...[...containers.values()].map(c => c.netns), uplink?.peer, paths.netns])
      if (path !== undefined) removeNetns(path)
    rmSync(root, { recursive: true, force: true })
  })

  createNetns(paths.netns)
  sh('ip link set lo up', paths.netns)
  mkdirSync(paths.dataDir)
  if (options.uplink)
    uplink = addUplink(root, paths.netns, options.uplink === true ? 1500 : options.uplink.mtu)

  const processes = () => processesWithEnv('PLUMBLINE_RUN_DIR', paths.runDir)

  const execution = (plugin: string, verb: Verb | undefined, call: ExecOptions): Execution => {
    const env: Record<string, string | undefined> = {
      ...plainEnv,
      PLUMBLINE_RUN_DIR: paths.runDir,
      PLUMBLINE_STATE_DIR: paths.stateDir,
      PLUMBLINE_RESIDENT: resident,
      CNI_COMMAND: verb,
      CNI_CONTAINERID: call.id,
      CNI_NETNS: call.netns,
      CNI_IFNAME: call.ifname,
      CNI_ARGS: call.args,
      CNI_PATH: call.path ?? `${paths.dir}:${referenceDir}`,
      ...call.env,
    }
    const conf = call.conf ?? ''
    return {
      file: `${call.dir ?? paths.dir}/${plugin}`,
      netns: paths.netns,
      env: Object.fromEntries(Object.entries(env).filter((e): e is [string, string] => e[1] !== undefined)),
      stdin: typeof conf === 'string' || conf instanceof Uint8Array ? conf : JSON.stringify(conf),
    }
  }

  return {
    ...paths,
    resident,
    uplink,
    processes,
    endProcesses: () => endProcesses(processes()),
    sh: script => sh(script, paths.netns),
    trySh: script => trySh(script, paths.netns),
    exec: (plugin, verb, call = {}) => execute(execution(plugin, verb, call)),
    start: (plugin, verb, call = {}) => start(execution(plugin, verb, call)),
    container() {
      const id = `pl${process.pid}c${++count}`
      const netns = `${root}/${id}`
      createNetns(netns)
      const container: Container = {
        id,
        netns,
        sh: script => sh(script, netns),
        trySh: script => trySh(script, netns),
        remove() {
          containers.delete(id)
          removeNetns(netns)
        },
      }
      containers.set(id, container)
      return container
    },
    files: () => filesWorld(paths.dataDir, paths.runDir),
    snapshot: () => ({
      ...filesWorld(paths.dataDir, paths.runDir),
      host: netnsWorld(paths.netns),
      containers: Object.fromEntries([...containers.values()].map(c => [c.id, netnsWorld(c.netns)])),
    }),
  }
}

/** What must be the same when everything has been taken back: cursors may have moved on. */
export function leftBehind(world: World): Omit<World, 'cursors'> {
  const { cursors: _cursors, ...rest } = world
  return rest
}
