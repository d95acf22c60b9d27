// Control groups for memory and processor time, v1 and v2, each controller where this machine has it.
// Documentation/admin-guide/cgroup-v1/memory.rst, scheduler/sched-bwc.rst, admin-guide/cgroup-v2.rst
import { existsSync, mkdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { hasCode, messageOf, RuntimeError } from '../error.js'
import { listIfThere, readIfThere } from '../files.js'
import { type Hierarchies, readHierarchies } from './cgroup-mounts.js'
import type { Limits } from './limits.js'
import { waitUntil } from './process.js'

type Controller = 'memory' | 'cpu'

/** All groups are below this one, which goes with the last of them. */
const parentName = 'plumbline'
/** Microseconds; the kernel's own default. */
const cpuPeriod = 100_000
const sweepAgeMs = 60_000

/** A control group and how its controllers are set. */
export interface Group {
  readonly directory: string
  readonly settings: readonly (readonly [file: string, value: string])[]
  /** v2 controllers that must be handed down to it. */
  readonly delegate: readonly Controller[]
}

/** The control groups that the limits ask for; none without limits. Throws a RuntimeError naming a controller that is not there. */
export function planCgroups(
  id: string,
  limits: Limits,
  hierarchies: Hierarchies = readHierarchies(),
): Group[] {
  const groups = new Map<string, Group>()
  const add = (controller: Controller, v1: Group['settings'], v2: Group['settings']) => {
    const mount = hierarchies.v1.get(controller)
    const root = mount ?? unifiedRoot(controller, hierarchies)
    const directory = join(root, parentName, id)
    const before = groups.get(directory)
    groups.set(directory, {
      directory,
      settings: [...(before?.settings ?? []), ...(mount === undefined ? v2 : v1)],
      delegate: mount === undefined ? [...(before?.delegate ?? []), controller] : [],
    })
  }
  if (limits.memory !== undefined)
    add('memory', [['memory.limit_in_bytes', `${limits.memory}`]], [['memory.max', `${limits.memory}`]])
  if (limits.cpus !== undefined) {
    const quota = Math.round(limits.cpus * cpuPeriod)
    const v1 = [['cpu.cfs_period_us', `${cpuPeriod}`] as const, ['cpu.cfs_quota_us', `${quota}`] as const]
    add('cpu', v1, [['cpu.max', `${quota} ${cpuPeriod}`]])
  }
  return [...groups.values()]
}

/** Makes the groups. When one cannot be made or set, those that were made are removed, and a RuntimeError says which. */
export function createCgroups(groups: readonly Group[]): void {
  try {
    for (const { directory, settings, delegate } of groups) {
      makeGroup(directory, delegate)
      for (const [file, value] of settings) set(join(directory, file), value)
    }
  } catch (error) {
    for (const { directory } of groups) removeGroup(directory)
    throw error
  }
}

/** Removes groups; waits a little for processes that are just ending. */
export async function removeCgroups(directories: readonly string[]): Promise<void> {
  for (const directory of directories)
    await waitUntil(() => removeGroup(directory), `the processes in ${directory} to end`, 5_000)
}

/**
 * Removes the groups of containers that are not `known`; returns their directories. Young ones are left alone: they may be those of a
 * container of another run directory that is about to move in.
 */
export function sweepCgroups(
  known: ReadonlySet<string>,
  hierarchies: Hierarchies = readHierarchies(),
): string[] {
  const roots = new Set([
    ...hierarchies.v1.values(),
    ...(hierarchies.v2 === undefined ? [] : [hierarchies.v2]),
  ])
  return [...roots]
    .map(root => join(root, parentName))
    .flatMap(parent =>
      oldGroupsIn(parent)
        .filter(id => !known.has(id))
        .map(id => join(parent, id)),
    )
    .filter(removeGroup)
}

/** The files into which a process writes 0 to join. */
export function cgroupProcs(directories: readonly string[]): string[] {
  return directories.map(directory => join(directory, 'cgroup.procs'))
}

function unifiedRoot(controller: Controller, { v2 }: Hierarchies): string {
  if (v2 !== undefined && controllersOf(v2).includes(controller)) return v2
  const [option, flag] =
    controller === 'memory' ? ['CONFIG_MEMCG', '--memory'] : ['CONFIG_CFS_BANDWIDTH', '--cpus']
  throw new RuntimeError(
    `this machine has no cgroup controller "${controller}"`,
    `mount it, or boot a kernel with ${option}; or run without ${flag}`,
  )
}

/** In v2 a controller must be handed down at every level above the group. */
function makeGroup(directory: string, delegate: readonly Controller[]): void {
  const parent = dirname(directory)
  for (;;) {
    mkdirSync(parent, { recursive: true, mode: 0o755 })
    try {
      for (const controller of delegate)
        for (const level of [dirname(parent), parent])
          writeFileSync(join(level, 'cgroup.subtree_control'), `+${controller}`)
      mkdirSync(directory, { mode: 0o755 })
      return
    } catch (error) {
      // The last container of another runtime process just took the parent away.
      if (!hasCode(error, 'ENOENT') || existsSync(parent))
        throw new RuntimeError(`cannot make the control group ${directory}: ${messageOf(error)}`)
    }
  }
}

function controllersOf(directory: string): string[] {
  return (readIfThere(join(directory, 'cgroup.controllers')) ?? '').trim().split(' ')
}

function set(file: string, value: string): void {
  try {
    writeFileSync(file, value, { flag: 'r+' })
  } catch (error) {
    throw new RuntimeError(
      `cannot set ${file} to ${value}: ${messageOf(error)}`,
      hasCode(error, 'ENOENT') ? 'this kernel lacks that limit: run without it' : undefined,
    )
  }
}

/** True when it is gone; false when it is in use. */
function removeGroup(directory: string): boolean {
  if (!removeDirectory(directory)) return false
  removeDirectory(dirname(directory)) // in use as long as there are other containers
  return true
}

function removeDirectory(path: string): boolean {
  try {
    rmdirSync(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return true
    if (hasCode(error, 'EBUSY', 'ENOTEMPTY')) return false
    throw error
  }
}

function oldGroupsIn(parent: string): string[] {
  const before = Date.now() - sweepAgeMs
  return listIfThere(parent).filter(name => {
    const path = join(parent, name)
    return existsSync(join(path, 'cgroup.procs')) && statSync(path).mtimeMs < before
  })
}
