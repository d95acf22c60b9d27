// A hash table of fixed-size slots over a Backing: what makes lookups by owner and by chunk cost the same at any size.
//
//   bucket, 1024 bytes: passed u32 · 28 bytes unused · 31 slots
//   slot, 32 bytes: tag u32 u32 · kind u8 (0: free) · length of the address u8 · 2 unused · value u32 · address 16 bytes
//
// A tag is a hash of the key; whoever finds a slot checks what it says. A key's slot stands in the bucket that its tag
// names, or, where that is full, in the nearest one behind. `passed` counts the slots in use that have passed
// over a bucket: a search goes on only behind a bucket with any, however often slots were taken and freed.
import type { Backing } from './index-backing.js'

const bucketSize = 1024
const slotSize = 32
const slotsPerBucket = bucketSize / slotSize - 1

export type Tag = readonly [number, number]

export interface Slot {
  /** Where it lies in the backing; for `free`. */
  readonly position: number
  readonly tag: Tag
  readonly kind: number
  readonly value: number
  readonly address: Uint8Array
}

/** Shared by all tables: nothing here is asynchronous. */
const bucket = Buffer.alloc(bucketSize)
const slot = Buffer.alloc(slotSize)

export class SlotTable {
  readonly #backing: Backing
  readonly #start: number
  readonly buckets: number

  /** `buckets` is a power of two; the table begins at `start`. */
  constructor(backing: Backing, start: number, buckets: number) {
    this.#backing = backing
    this.#start = start
    this.buckets = buckets
  }

  /** How many buckets hold `slots` with room to grow by half. */
  static bucketsFor(slots: number): number {
    let buckets = 16
    while (capacityOf(buckets) < slots * 1.5) buckets *= 2
    return buckets
  }

  /** In bytes. */
  static sizeOf(buckets: number): number {
    return buckets * bucketSize
  }

  get size(): number {
    return SlotTable.sizeOf(this.buckets)
  }

  /** How many slots may be in use before full buckets become frequent. */
  get capacity(): number {
    return capacityOf(this.buckets)
  }

  find(tag: Tag, kind: number): Slot[] {
    const found: Slot[] = []
    for (let number = this.#home(tag); this.#load(number); number = this.#next(number)) {
      for (let at = slotSize; at < bucketSize; at += slotSize)
        if (
          bucket[at + 8] === kind &&
          bucket.readUInt32LE(at) === tag[0] &&
          bucket.readUInt32LE(at + 4) === tag[1]
        )
          found.push(this.#slotAt(number, at))
      if (bucket.readUInt32LE(0) === 0) break
    }
    return found
  }

  /** The caller sees to it that there is room (`capacity`). */
  insert(tag: Tag, kind: number, address: Uint8Array, value: number): void {
    for (let number = this.#home(tag); this.#load(number); number = this.#next(number)) {
      for (let at = slotSize; at < bucketSize; at += slotSize) {
        if (bucket[at + 8] !== 0) continue
        slot.fill(0)
        slot.writeUInt32LE(tag[0], 0)
        slot.writeUInt32LE(tag[1], 4)
        slot[8] = kind
        slot[9] = address.length
        slot.writeUInt32LE(value, 12)
        slot.set(address, 16)
        this.#backing.write(slot, slotSize, this.#position(number) + at)
        return
      }
      this.#countPassed(number, +1)
    }
  }

  free(found: Slot): void {
    slot[0] = 0
    this.#backing.write(slot, 1, found.position + 8)
    const held = Math.floor((found.position - this.#start) / bucketSize)
    for (let number = this.#home(found.tag); number !== held; number = this.#next(number)) {
      this.#load(number)
      this.#countPassed(number, -1)
    }
  }

  /** Copies every slot in use into another table. */
  copyTo(other: SlotTable): void {
    for (let number = 0; number < this.buckets; number++) {
      this.#load(number)
      const slots: Slot[] = []
      for (let at = slotSize; at < bucketSize; at += slotSize)
        if (bucket[at + 8] !== 0) slots.push(this.#slotAt(number, at))
      for (const { tag, kind, address, value } of slots) other.insert(tag, kind, address, value)
    }
  }

  #home(tag: Tag): number {
    return tag[1] % this.buckets
  }

  #next(number: number): number {
    return (number + 1) % this.buckets
  }

  #position(number: number): number {
    return this.#start + number * bucketSize
  }

  /** Reads a bucket into `bucket`. */
  #load(number: number): true {
    this.#backing.read(bucket, bucketSize, this.#position(number))
    return true
  }

  /** Of the bucket that was loaded last. */
  #countPassed(number: number, by: number): void {
    bucket.writeUInt32LE(bucket.readUInt32LE(0) + by, 0)
    this.#backing.write(bucket, 4, this.#position(number))
  }

  #slotAt(number: number, at: number): Slot {
    return {
      position: this.#position(number) + at,
      tag: [bucket.readUInt32LE(at), bucket.readUInt32LE(at + 4)],
      kind: bucket[at + 8]!,
      value: bucket.readUInt32LE(at + 12),
      address: Uint8Array.from(bucket.subarray(at + 16, at + 16 + bucket[at + 9]!)),
    }
  }
}

function capacityOf(buckets: number): number {
  return (buckets * slotsPerBucket * 5) / 8
}
