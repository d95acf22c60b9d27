// What can be done with the leases of one network, between taking its lock and releasing it. All of it is synchronous:
// one process serves many calls at once, and none may come between.
//
// The lease files are the truth, the index (index-file.ts) tells where to look. It is never relied on for more than
// that: an address is given away by linking its file, which fails where there is one, and taken back after reading
// whose it is. Where file and index differ the index is made anew and the operation begins again.
import { CniCode, CniError } from '../../cni/error.js'
import type { Ip } from '../../wire/ip.js'
import { type Candidate, nextFree } from './allocator.js'
import type { Boot } from './boot.js'
import { type Files, isSystemError } from './files.js'
import { bearsMark, drawMark, type OpenIndex, openIndex, saveIndex } from './index-file.js'
import { type Owner, sameOwner } from './lease.js'
import { LeaseIndex } from './lease-index.js'
import { describeSet, type RangeSet, rangeOf } from './range.js'
import { LeaseDirectory } from './store.js'
import { survey } from './survey.js'

/** The machine as far as leases depend on it; the tests have their own. */
export interface Machine {
  readonly files: Files
  readonly boot: Boot
}

/** A range set to allocate from, and the address wanted of it, if any. */
export interface Wanted {
  readonly set: RangeSet
  readonly ip?: Ip | undefined
}

/** The index turned out to be wrong. Never leaves this file. */
class StaleIndex extends Error {}

export class Leases implements Disposable {
  readonly #directory: LeaseDirectory
  readonly #machine: Machine
  readonly #indexPath: string
  /** The valid index, or its file to be when made in this operation. */
  #open: OpenIndex | undefined
  #index: LeaseIndex
  /** False between a change of the directory and that of the index. */
  #inStep = true
  #changed = false
  /** False where an index must not be kept: its validity could not be told. */
  #remembered = true
  /** How many leases of an earlier boot were released. */
  #outlived = 0

  /** The caller holds the lock of the directory until after `dispose`. */
  constructor(path: string, indexPath: string, machine: Machine) {
    this.#directory = new LeaseDirectory(path, machine.files)
    this.#machine = machine
    this.#indexPath = indexPath
    const identity = { ...this.#directory.state(), bootId: machine.boot.id }
    this.#open = openIndex(machine.files, indexPath, identity)
    this.#index = this.#open?.index ?? this.#rebuilt()
  }

  get outlived(): number {
    return this.#outlived
  }

  /** True when this operation had to read all leases. */
  get rebuilt(): boolean {
    return this.#open === undefined
  }

  /**
   * Gives `owner` an address of each set: all or none. Throws CniError 102 when it holds one of these sets already, 101
   * when a set is exhausted or a wanted address is taken.
   */
  reserve(owner: Owner, wanted: readonly Wanted[]): Candidate[] {
    return this.#retry(() => {
      for (const ip of this.#held(owner))
        if (wanted.some(({ set }) => rangeOf(set, ip) !== undefined))
          throw new CniError(
            CniCode.alreadyAttached,
            `${ip} has been allocated to ${owner.containerId}, duplicate allocation is not allowed`,
            `interface ${owner.ifname}; DEL releases it`,
          )
      const last = wanted.map((_, i) => this.#directory.lastReserved(i))
      const picks = wanted.map((one, i) => this.#pick(one, last[i]))
      this.#createAll(
        owner,
        picks.map(({ ip }) => ip),
      )
      for (const [i, { ip }] of picks.entries()) this.#directory.setLastReserved(i, ip, last[i])
      this.#update(() => {
        for (const { ip } of picks) this.#index.add(ip, owner)
      })
      return picks
    })
  }

  /** Releases all that `owner` holds; what old versions noted for the container alone, if it holds nothing else. */
  release(owner: Owner): Ip[] {
    return this.#retry(() => {
      const own = this.#heldExactly(owner)
      const holder = own.length > 0 ? owner : { containerId: owner.containerId }
      const ips = own.length > 0 ? own : this.#heldExactly(holder)
      if (ips.length === 0) return ips
      this.#inStep = false
      for (const ip of ips) this.#directory.remove(ip)
      this.#update(() => {
        for (const ip of ips) this.#index.remove(ip, holder)
      })
      return ips
    })
  }

  /** The addresses of `owner`, with and without an ifname on record. */
  held(owner: Owner): Ip[] {
    return this.#retry(() => this.#held(owner))
  }

  /** Who holds an address, by its file. */
  holder(ip: Ip): Owner | 'reserved' | undefined {
    return this.#directory.read(ip)
  }

  /** Throws CniError 101 when a set has no address to give. O(chunks of the set). */
  requireFree(set: RangeSet): void {
    this.#retry(() => this.#pick({ set }, undefined))
  }

  /** Throws unless files can be made in the directory. */
  probe(): void {
    this.#inStep = false
    this.#directory.probe()
    this.#inStep = true
    this.#changed = true
  }

  /** Releases every lease whose owner is not to be kept; goes on after a failure. O(leases). */
  retain(keep: (owner: Owner) => boolean): { released: Ip[]; errors: Error[] } {
    const released: Ip[] = []
    const errors: Error[] = []
    this.#inStep = false
    const kept = this.#directory.scan().filter(({ ip, owner }) => {
      if (owner === undefined || keep(owner)) return true
      try {
        this.#directory.remove(ip)
        released.push(ip)
        return false
      } catch (error) {
        if (!isSystemError(error)) throw error
        errors.push(error)
        return true
      }
    })
    this.#replaceIndex(LeaseIndex.build(kept))
    this.#inStep = true
    return { released, errors }
  }

  /** Leaves the directory with the mark of a valid index, unless an operation ended half-way. */
  [Symbol.dispose](): void {
    try {
      if (this.#inStep && this.#remembered) this.#validate()
    } catch (error) {
      // The index is a convenience: without one the next operation makes another.
      if (!isSystemError(error)) throw error
    } finally {
      this.#open?.[Symbol.dispose]()
    }
  }

  #validate(): void {
    if (this.#open !== undefined && this.#index.bytes === undefined) {
      if (!this.#changed) return
      this.#open.flush()
      this.#directory.setTime(this.#open.mark)
      this.#open.flush(this.#directory.state())
      return
    }
    const { files, boot } = this.#machine
    const mark = drawMark(Date.now(), Math.random())
    this.#directory.setTime(mark)
    const state = this.#directory.state()
    if (bearsMark(state.mtimeNs, mark))
      saveIndex(files, this.#indexPath, this.#index, { ...state, bootId: boot.id }, mark)
  }

  /** Runs an operation again with a new index when the index was wrong. */
  #retry<T>(operation: () => T): T {
    try {
      return operation()
    } catch (error) {
      if (!(error instanceof StaleIndex)) throw error
    }
    this.#replaceIndex(this.#rebuilt())
    try {
      return operation()
    } catch (error) {
      if (!(error instanceof StaleIndex)) throw error
      throw new CniError(
        CniCode.tryAgain,
        `leases in ${this.#directory.path} were changed by a program that does not take their lock`,
      )
    }
  }

  #pick({ set, ip }: Wanted, last: Ip | undefined): Candidate {
    if (ip === undefined) {
      const next = nextFree(set, last, this.#index)
      if (next !== undefined) return next
      if (!this.rebuilt && this.#directory.count() !== this.#index.counts.leases) throw new StaleIndex()
      throw new CniError(
        CniCode.addressUnavailable,
        `no IP addresses available in range set: ${describeSet(set)}`,
        `all are leased in ${this.#directory.path}`,
      )
    }
    const holder = this.#directory.read(ip)
    if ((holder !== undefined) !== this.#index.isTaken(ip)) throw new StaleIndex()
    if (holder === undefined) return { ip, range: rangeOf(set, ip)! }
    const by = holder === 'reserved' ? 'it is reserved by hand' : `it is leased to ${holder.containerId}`
    throw new CniError(
      CniCode.addressUnavailable,
      `requested IP address ${ip} is not available in range set ${describeSet(set)}`,
      `${by}, see ${this.#directory.path}/${ip}`,
    )
  }

  #held(owner: Owner): Ip[] {
    return [...this.#heldExactly(owner), ...this.#heldExactly({ containerId: owner.containerId })]
  }

  #heldExactly(owner: Owner): Ip[] {
    return this.#index.candidates(owner).filter(ip => {
      const holder = this.#directory.read(ip)
      if (typeof holder === 'object' && sameOwner(holder, owner)) return true
      if (typeof holder !== 'object' || !LeaseIndex.collide(holder, owner)) throw new StaleIndex()
      return false
    })
  }

  #createAll(owner: Owner, ips: readonly Ip[]): void {
    this.#inStep = false
    const begun: Ip[] = []
    let taken = false
    try {
      for (const ip of ips) {
        taken = !this.#directory.create(ip, owner)
        if (taken) break
        begun.push(ip)
      }
    } catch (error) {
      this.#undo(owner, ips)
      throw error
    }
    if (!taken) return
    this.#undo(owner, begun)
    throw new StaleIndex()
  }

  /** Takes back what an operation that failed has created; what can't be taken back is left to DEL. */
  #undo(owner: Owner, ips: readonly Ip[]): void {
    for (const ip of ips) {
      const holder = this.#directory.read(ip)
      if (typeof holder === 'object' && sameOwner(holder, owner)) this.#directory.remove(ip)
    }
  }

  /** Brings the index up to date with the directory. When it can't be, the next operation makes another. */
  #update(change: () => void): void {
    try {
      change()
      this.#inStep = true
      this.#changed = true
    } catch (error) {
      if (!isSystemError(error)) throw error
    }
  }

  #replaceIndex(index: LeaseIndex): void {
    this.#open?.[Symbol.dispose]()
    this.#open = undefined
    this.#index = index
  }

  /** Reads all leases. */
  #rebuilt(): LeaseIndex {
    const { leases, outlived, shared } = survey(this.#directory, this.#machine.boot)
    this.#remembered = !shared
    this.#outlived += outlived
    return LeaseIndex.build(leases)
  }
}
