// Making a container: namespaces and control groups, its networks, its files, its process. What fails halfway is taken down again.
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, openSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { parseResult } from '../../cni/result-parse.js'
import { Namespace } from '../../kernel/namespace.js'
import { createNetns, netnsIdentity, openNetns } from '../../kernel/netns.js'
import { attachAll, failedAttach } from '../attach.js'
import { messageOf, RuntimeError } from '../error.js'
import { lockContainer, lockRuntime } from '../locks.js'
import { requireName } from '../names.js'
import { libcniOf, type Settings } from '../settings.js'
import { cgroupProcs, createCgroups, type Group, planCgroups } from './cgroup.js'
import { hostsFile, resolvConf } from './host-files.js'
import { Init, type InitOptions } from './init.js'
import type { Limits } from './limits.js'
import { ownIdentity, processIdentity } from './process.js'
import { type ContainerState, ContainerStore, type PlannedAttachment } from './state.js'
import { takeDownLocked } from './take-down.js'

export interface ContainerOptions {
  readonly command: readonly string[]
  readonly attachments: readonly PlannedAttachment[]
  readonly name?: string
  readonly rootfs?: string
  readonly limits?: Limits
  /** Goes on without us; output goes to its log. */
  readonly detach?: boolean
  /** Of the command; default: ours, or with a root directory a plain one. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Of a container that is not detached; default: ours. */
  readonly stdio?: InitOptions['stdio']
}

/** A container whose command runs. */
export interface RunningContainer {
  readonly state: ContainerState
  /** Exit status of the command; of a detached one there is nothing to wait for. */
  readonly exited: Promise<number>
  /** When `stdio` made it a pipe. */
  readonly stdout: Readable | null
  signal(name: NodeJS.Signals): void
}

/**
 * Creates a container and starts its command once all networks are attached. Rejects, with nothing left behind, when anything
 * fails or `signal` is aborted meanwhile.
 */
export async function createContainer(
  settings: Settings,
  options: ContainerOptions,
  signal?: AbortSignal,
): Promise<RunningContainer> {
  const id = randomBytes(6).toString('hex')
  const rootfs = options.rootfs === undefined ? undefined : requireRootfs(options.rootfs)
  const cgroups = planCgroups(id, options.limits ?? {})
  using _lock = await lockContainer(settings, id)
  const state = await register(settings, id, { ...options, ...(rootfs && { rootfs }) }, cgroups).catch(
    error => {
      storeOf(settings).remove(id) // the lock file
      throw error
    },
  )
  let init: Init | undefined
  try {
    const netns = { ...state.netns, identity: makeNetns(state.netns.path) }
    createCgroups(cgroups)
    init = startInit(settings, { ...state, netns }, options)
    // Networks are attached while plumbline-init sets up the rest.
    const [pid, attached] = await bothSettled(
      init.ready,
      attachAll(libcniOf(settings), storeOf(settings), { ...state, netns }, signal),
    )
    signal?.throwIfAborted()
    return await start(settings, attached, pid, init)
  } catch (error) {
    init?.abandon()
    await init?.exited.catch(() => {})
    const cleanup = await takeDownLocked(settings, id).then(
      () => undefined,
      failure => failure,
    )
    throw failedAttach(error, cleanup, id)
  }
}

/** Writes down what is going to be, under the lock that keeps a GC from seeing half of it. */
async function register(
  settings: Settings,
  id: string,
  options: ContainerOptions,
  cgroups: readonly Group[],
): Promise<ContainerState> {
  const { name, rootfs } = options
  if (name !== undefined) requireName('container', name)
  using _lock = await lockRuntime(settings)
  const store = storeOf(settings)
  const other = store.list().find(state => name !== undefined && (state.name === name || state.id === name))
  if (other)
    throw new RuntimeError(
      `the name "${name}" belongs to container ${other.id}`,
      `take another name, or remove that one with: plumbline rm ${name}`,
    )
  const state: ContainerState = {
    format: 1,
    id,
    ...(name !== undefined && { name }),
    kind: 'container',
    phase: 'creating',
    createdAt: new Date().toISOString(),
    owner: ownIdentity(),
    detached: options.detach ?? false,
    command: options.command,
    ...(rootfs !== undefined && { rootfs }),
    netns: { path: join(settings.runDir, 'netns', id), ours: true },
    cniPath: settings.cniPath,
    cgroups: cgroups.map(({ directory }) => directory),
    attachments: options.attachments,
  }
  store.write(state)
  return state
}

function startInit(settings: Settings, state: ContainerState, options: ContainerOptions): Init {
  const store = storeOf(settings)
  const { id, rootfs } = state
  const files = ['resolv.conf', 'hosts'].map(name => ({ name, path: store.mountedFile(id, name) }))
  // They must be there to be mounted; what stands in them is known when the networks are attached.
  for (const { path } of files) writeFileSync(path, '', { mode: 0o644 })
  const hidden = [settings.runDir, settings.stateDir].filter(directory => existsSync(directory))
  const output = state.detached ? openSync(store.logFile(id), 'wx', 0o600) : undefined
  try {
    return new Init('run', {
      args: [
        ...[
          '--netns',
          state.netns.path,
          '--hostname',
          containerHostname(state),
          '--exit-file',
          store.exitFile(id),
        ],
        ...(rootfs === undefined ? [] : ['--rootfs', rootfs]),
        ...files.flatMap(({ name, path }) => ['--bind', path, `/etc/${name}`]),
        ...hidden.flatMap(directory => ['--hide', directory]),
        ...cgroupProcs(state.cgroups).flatMap(file => ['--cgroup', file]),
      ],
      command: state.command,
      cwd: rootfs === undefined ? process.cwd() : '/',
      env: options.env ?? containerEnv(state, settings.env),
      stdio:
        output === undefined
          ? (options.stdio ?? ['inherit', 'inherit', 'inherit'])
          : ['ignore', output, output],
      detached: state.detached,
    })
  } finally {
    if (output !== undefined) closeSync(output)
  }
}

async function start(
  settings: Settings,
  attached: ContainerState,
  pid: number,
  init: Init,
): Promise<RunningContainer> {
  const store = storeOf(settings)
  const results = attached.attachments.map(({ result }) => parseResult(result, '1.1.0', 'result'))
  writeFileSync(store.mountedFile(attached.id, 'resolv.conf'), resolvConf(results.map(({ dns }) => dns)))
  writeFileSync(store.mountedFile(attached.id, 'hosts'), hostsFile(containerHostname(attached), results))
  const identity = processIdentity(pid)
  if (identity === undefined) throw new RuntimeError('the container ended before its command was started')
  const running: ContainerState = { ...attached, phase: 'running', process: identity }
  store.write(running)
  await init.start()
  if (running.detached) init.release()
  return { state: running, exited: init.exited, stdout: init.stdout, signal: name => init.signal(name) }
}

/** With a root directory the command gets an environment of its own; without, ours. */
export function containerEnv(
  state: ContainerState,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  const own = { HOSTNAME: containerHostname(state), container: 'plumbline' }
  if (state.rootfs === undefined) return { ...env, ...own }
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    ...(env.TERM !== undefined && { TERM: env.TERM }),
    ...own,
  }
}

function containerHostname({ id, name }: ContainerState): string {
  return (name ?? id).slice(0, 63)
}

/** A new namespace with loopback up: what every container expects to find. */
export function makeNetns(path: string) {
  createNetns(path)
  const fd = openNetns(path)
  try {
    using namespace = Namespace.open(fd)
    namespace.link.set({ name: 'lo', up: true })
    return netnsIdentity(fd)
  } finally {
    closeSync(fd)
  }
}

function requireRootfs(path: string): string {
  let real: string
  try {
    real = realpathSync(path)
    if (!statSync(real).isDirectory()) throw new Error('it is no directory')
  } catch (error) {
    throw new RuntimeError(`--rootfs ${path}: ${messageOf(error)}`, 'give the directory of an unpacked image')
  }
  if (real === '/')
    throw new RuntimeError('--rootfs / is the root of this machine', 'leave --rootfs out to use it')
  return real
}

/** Like Promise.all, but leaves nothing running behind when one of them rejects. */
async function bothSettled<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b])
  return Promise.all([a, b])
}

function storeOf({ runDir }: Settings): ContainerStore {
  return new ContainerStore(runDir)
}
