// Rates and token buckets in the kernel's units. linux/pkt_sched.h (v6.1): struct tc_ratespec.
import type { NlWriter } from '../netlink/attr.js'
import { TC_LINKLAYER_ETHERNET } from './constants.js'

/** struct tc_ratespec, 12 bytes. */
export interface RateSpec {
  /** Bytes a second; 0xffffffff where the rate is in an attribute of 64 bits. */
  readonly rate: number
  readonly cellLog: number
  /** TC_LINKLAYER_*; with ETHERNET the kernel computes times itself and needs no rate table. */
  readonly linkLayer: number
  /** Bytes to add to each packet. */
  readonly overhead: number
  readonly cellAlign: number
  /** The least bytes a packet counts. */
  readonly mpu: number
}

export const NO_RATE: RateSpec = { rate: 0, cellLog: 0, linkLayer: 0, overhead: 0, cellAlign: 0, mpu: 0 }

export function readRate(buf: Buffer, at: number): RateSpec {
  return {
    rate: buf.readUInt32LE(at + 8),
    cellLog: buf[at]!,
    linkLayer: buf[at + 1]!,
    overhead: buf.readUInt16LE(at + 2),
    cellAlign: buf.readInt16LE(at + 4),
    mpu: buf.readUInt16LE(at + 6),
  }
}

export function writeRate(
  w: NlWriter,
  { rate, cellLog, linkLayer, overhead, cellAlign, mpu }: RateSpec,
): void {
  w.u8(cellLog).u8(linkLayer).u16(overhead).i16(cellAlign).u16(mpu).u32(rate)
}

const MAX_RATE32 = 0xffffffff

/** A rate in bytes a second, and what to put into the attribute of 64 bits beside it, if anything. */
export function rateSpec(rate: number): { spec: RateSpec; rate64: bigint | undefined } {
  if (!Number.isSafeInteger(rate) || rate <= 0)
    throw new RangeError(`a rate is a whole number of bytes a second, not ${rate}`)
  return {
    spec: { ...NO_RATE, rate: Math.min(rate, MAX_RATE32), linkLayer: TC_LINKLAYER_ETHERNET },
    rate64: rate >= MAX_RATE32 ? BigInt(rate) : undefined,
  }
}

/**
 * How long `bytes` take at `rate` bytes a second, in the packet scheduler's ticks of 64 ns (PSCHED_SHIFT 6; see
 * /proc/net/psched), at most what 32 bits hold.
 */
export function ticks(bytes: number, rate: number): number {
  return Math.min(Math.floor((bytes / rate) * (1e9 / 64)), 0xffffffff)
}
