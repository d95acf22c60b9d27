// The index of a lease directory: which addresses are taken, as bitmaps of 65,536 (a chunk, 8 KiB, made when first
// used), and which addresses an owner holds. It says nothing that the directory doesn't say: it only says it
// without reading thousands of files. Whether it may be believed is decided in index-file.ts.
//
//   header, 128 bytes (index-file.ts) · slot table · chunks
import { hash64 } from '../../cni/hash.js'
import { Ip } from '../../wire/ip.js'
import { chunkOf, type Occupancy, placeOf } from './allocator.js'
import { type Backing, MemoryBacking } from './index-backing.js'
import { SlotTable, type Tag } from './index-table.js'
import type { Owner } from './lease.js'
import type { FoundLease } from './store.js'

export const headerSize = 128
const chunkSize = 8192
const windowSize = 1024

const LEASE = 1
const CHUNK = 2

/** The numbers that the header keeps. */
export interface IndexCounts {
  buckets: number
  /** Addresses taken, with and without an owner. */
  leases: number
  /** Leases whose owner has no ifname. */
  legacy: number
  chunks: number
}

const window = Buffer.alloc(windowSize)

export class LeaseIndex implements Occupancy {
  #backing: Backing
  #table: SlotTable
  readonly #counts: IndexCounts
  readonly #chunkNumbers = new Map<string, number>()

  private constructor(backing: Backing, counts: IndexCounts) {
    this.#backing = backing
    this.#counts = counts
    this.#table = new SlotTable(backing, headerSize, counts.buckets)
  }

  static open(backing: Backing, counts: IndexCounts): LeaseIndex {
    return new LeaseIndex(backing, counts)
  }

  /** Makes an index in memory. */
  static build(leases: readonly FoundLease[]): LeaseIndex {
    const buckets = SlotTable.bucketsFor(leases.length)
    const backing = new MemoryBacking(headerSize + SlotTable.sizeOf(buckets))
    const index = new LeaseIndex(backing, { buckets, leases: 0, legacy: 0, chunks: 0 })
    for (const { ip, owner } of leases) index.add(ip, owner)
    return index
  }

  get counts(): Readonly<IndexCounts> {
    return this.#counts
  }

  /** The bytes of an index that has no file yet, or has outgrown it; undefined for one that is its file. */
  get bytes(): Buffer | undefined {
    return this.#backing instanceof MemoryBacking ? this.#backing.bytes : undefined
  }

  /** Addresses that an owner may hold. May name one too many (hashes collide): its lease file decides. */
  candidates(owner: Owner): Ip[] {
    if (owner.ifname === undefined && this.#counts.legacy === 0) return []
    return this.#table.find(ownerTag(owner), LEASE).map(slot => new Ip(slot.address))
  }

  isTaken(ip: Ip): boolean {
    const place = placeOf(ip)
    return this.firstFree(chunkOf(ip), place, place) < 0
  }

  firstFree(chunk: Ip, low: number, high: number): number {
    const number = this.#chunkNumber(chunk)
    if (number === undefined) return low
    const last = high >> 3
    for (let from = low >> 3; from <= last; from += windowSize) {
      const length = Math.min(windowSize, last - from + 1)
      this.#backing.read(window, length, this.#chunkStart(number) + from)
      for (let i = 0; i < length; i++) {
        const byte = window[i]!
        if (byte === 0xff) continue
        const start = (from + i) * 8
        for (let place = Math.max(start, low); place <= Math.min(start + 7, high); place++)
          if ((byte & (1 << (place & 7))) === 0) return place
      }
    }
    return -1
  }

  add(ip: Ip, owner: Owner | undefined): void {
    this.#makeRoom()
    const chunk = chunkOf(ip)
    let number = this.#chunkNumber(chunk)
    if (number === undefined) {
      number = this.#counts.chunks++
      this.#table.insert(chunkTag(chunk), CHUNK, chunk.bytes, number)
      this.#chunkNumbers.set(chunkKey(chunk), number)
    }
    this.#setBit(number, placeOf(ip), true)
    this.#counts.leases++
    if (owner === undefined) return
    this.#table.insert(ownerTag(owner), LEASE, ip.bytes, 0)
    if (owner.ifname === undefined) this.#counts.legacy++
  }

  /** Forgets a lease that the index has. */
  remove(ip: Ip, owner: Owner): void {
    const slot = this.#table.find(ownerTag(owner), LEASE).find(({ address }) => new Ip(address).equals(ip))
    if (slot !== undefined) this.#table.free(slot)
    const number = this.#chunkNumber(chunkOf(ip))
    if (number !== undefined) this.#setBit(number, placeOf(ip), false)
    this.#counts.leases--
    if (owner.ifname === undefined) this.#counts.legacy--
  }

  /** True when two owners can't be told apart by their tags. */
  static collide(a: Owner, b: Owner): boolean {
    const [x, y] = [ownerTag(a), ownerTag(b)]
    return x[0] === y[0] && x[1] === y[1]
  }

  /** Doubles a table that is two thirds full, in memory: the caller writes it out. */
  #makeRoom(): void {
    const { leases, chunks } = this.#counts
    if (leases + chunks + 2 <= this.#table.capacity) return
    const old = { backing: this.#backing, table: this.#table }
    this.#counts.buckets = old.table.buckets * 2
    this.#backing = new MemoryBacking(
      headerSize + SlotTable.sizeOf(this.#counts.buckets) + chunks * chunkSize,
    )
    this.#table = new SlotTable(this.#backing, headerSize, this.#counts.buckets)
    old.table.copyTo(this.#table)
    const chunk = Buffer.alloc(chunkSize)
    for (let number = 0; number < chunks; number++) {
      old.backing.read(chunk, chunkSize, headerSize + old.table.size + number * chunkSize)
      this.#backing.write(chunk, chunkSize, this.#chunkStart(number))
    }
  }

  #chunkNumber(chunk: Ip): number | undefined {
    const key = chunkKey(chunk)
    const known = this.#chunkNumbers.get(key)
    if (known !== undefined) return known
    const slots = this.#table.find(chunkTag(chunk), CHUNK)
    const number = slots.find(({ address }) => new Ip(address).equals(chunk))?.value
    if (number !== undefined) this.#chunkNumbers.set(key, number)
    return number
  }

  #chunkStart(number: number): number {
    return headerSize + this.#table.size + number * chunkSize
  }

  #setBit(number: number, place: number, taken: boolean): void {
    const position = this.#chunkStart(number) + (place >> 3)
    this.#backing.read(window, 1, position)
    const bit = 1 << (place & 7)
    window[0] = taken ? window[0]! | bit : window[0]! & ~bit
    this.#backing.write(window, 1, position)
  }
}

function ownerTag(owner: Owner): Tag {
  return hash64(owner.ifname === undefined ? owner.containerId : `${owner.containerId}\n${owner.ifname}`)
}

function chunkTag(chunk: Ip): Tag {
  return hash64(chunkKey(chunk))
}

/** Begins with a blank, as no owner does. */
function chunkKey(chunk: Ip): string {
  return ` ${String.fromCharCode(...chunk.bytes)}`
}
