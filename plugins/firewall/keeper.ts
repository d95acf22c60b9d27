// Passages of one host: opened by whoever attaches a container, kept open by whoever repairs, closed by GC with the last container.
import { rmSync, writeFileSync } from 'node:fs'
import { makeDirectory } from '../../cni/directories.js'
import { shortHash } from '../../cni/hash.js'
import type { Logger } from '../../cni/log.js'
import { isErrno } from '../../kernel/error.js'
import type { Namespace } from '../../kernel/namespace.js'
import { path } from '../../kernel/nft/family.js'
import { closeLegacy, missingFromLegacy, openLegacy } from './legacy.js'
import { closePassage, missingFrom, openPassage, passages } from './passage.js'
import { obstacles } from './survey.js'

/** A host as seen from here. */
export interface Place {
  readonly kernel: Namespace
  readonly runDir: string
  readonly log: Logger
}

interface Memory {
  /** Administrators' chains of the containers that there are. */
  readonly needed: Set<string>
  /** Those with which the passages are known to be as they should; kept only while somebody watches. */
  readonly open: Set<string>
  watched: boolean
  surveyed: boolean
}

const memories = new WeakMap<Namespace, Memory>()

function memoryOf(kernel: Namespace): Memory {
  const memory = memories.get(kernel) ?? {
    needed: new Set(),
    open: new Set(),
    watched: false,
    surveyed: false,
  }
  memories.set(kernel, memory)
  return memory
}

/** From now on `passagesChanged` is called when others change something: an ADD need not look. */
export function watchPassages(kernel: Namespace, watched: boolean): void {
  const memory = memoryOf(kernel)
  memory.watched = watched
  memory.open.clear()
}

export function passagesChanged(kernel: Namespace): void {
  memoryOf(kernel).open.clear()
}

/** Somebody has a new chain, in which forwarded packets may be dropped. */
export function obstaclesChanged(kernel: Namespace): void {
  memoryOf(kernel).surveyed = false
}

/** For an ADD: nothing, or a few looks, where all is well. */
export function openPassages(place: Place, adminChain: string, advice: () => string): void {
  const memory = memoryOf(place.kernel)
  if (memory.open.has(adminChain)) return
  openAll(place, [adminChain], advice)
  openLegacyOf(place, false)
  keep(memory, [adminChain])
}

/** For a repair: what had to be put back, by name. `adminChains`: of all containers that there are. */
export function repairPassages(place: Place, adminChains: readonly string[]): string[] {
  const memory = memoryOf(place.kernel)
  memory.needed.clear()
  if (adminChains.length === 0) return []
  const opened = openAll(place, adminChains, noSubnets)
  openLegacyOf(place, true)
  keep(memory, adminChains)
  return opened
}

/** From time to time, for what is not told: rules that were added, and tables of iptables-legacy. */
export function lookAfterPassages(place: Place): string[] {
  const { needed } = memoryOf(place.kernel)
  if (needed.size === 0) return []
  const opened = openAll(place, [...needed], noSubnets)
  openLegacyOf(place, false)
  return opened
}

const noSubnets = () => 'firewall-cmd --permanent --zone=trusted --add-source=SUBNET && firewall-cmd --reload'

function keep(memory: Memory, adminChains: readonly string[]): void {
  for (const name of adminChains) {
    memory.needed.add(name)
    if (memory.watched) memory.open.add(name)
  }
}

/** Throws nothing of what others' tables are like: says it in the log, once. */
function openAll(place: Place, adminChains: readonly string[], advice: () => string): string[] {
  const { nft } = place.kernel
  const opened: string[] = []
  for (const passage of passages)
    try {
      if (openPassage(nft, passage, adminChains)) opened.push(path(passage.base))
    } catch (error) {
      if (!isErrno(error, 'EPERM')) throw error
      warnOnce(
        place,
        `${path(passage.base)} drops forwarded packets, and its owner lets nobody change it`,
        advice(),
      )
    }
  const memory = memoryOf(place.kernel)
  if (!memory.surveyed) warnOfObstacles(place)
  memory.surveyed = true
  return opened
}

function warnOfObstacles(place: Place): void {
  for (const { chain, command } of obstacles(place.kernel.nft))
    warnOnce(place, `nftables chain ${chain} drops forwarded packets, containers' among them`, command)
}

/** For STATUS: says it every time. */
export function reportObstacles({ kernel, log }: Omit<Place, 'runDir'>): void {
  for (const { chain, command } of obstacles(kernel.nft))
    log.warn(`nftables chain ${chain} drops forwarded packets, containers' among them`, { add: command })
}

/** For CHECK: what is missing, in words. */
export function missingPassage(
  { kernel, runDir }: Omit<Place, 'log'>,
  adminChain: string,
): string | undefined {
  for (const passage of passages) {
    const missing = missingFrom(kernel.nft, passage, [adminChain])
    if (missing !== undefined) return missing
  }
  return isOwn(kernel) ? missingFromLegacy(runDir) : undefined
}

/** No container needs them any longer. */
export function closePassages({ kernel, runDir }: Omit<Place, 'log'>): void {
  for (const passage of passages) closePassage(kernel.nft, passage)
  if (isOwn(kernel)) closeLegacy(runDir)
  rmSync(directoryOf(runDir), { recursive: true, force: true })
  memories.set(kernel, { ...memoryOf(kernel), needed: new Set(), open: new Set() })
}

function openLegacyOf({ kernel, runDir, log }: Place, again: boolean): void {
  if (isOwn(kernel)) openLegacy(runDir, log, again)
}

/** A program that we start works on the namespace that we are in. */
function isOwn(kernel: Namespace): boolean {
  return kernel.netnsFd < 0
}

/** Once per host, until GC forgets it. */
function warnOnce({ runDir, log }: Place, msg: string, add: string): void {
  const directory = directoryOf(runDir)
  makeDirectory(directory)
  try {
    writeFileSync(`${directory}/told-${shortHash(msg, 8)}`, `${msg}\n${add}\n`, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return
    throw error
  }
  log.warn(msg, { add })
}

function directoryOf(runDir: string): string {
  return `${runDir}/firewall`
}
