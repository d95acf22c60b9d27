// What a limit becomes in the kernel: the numbers of a token bucket (tbf), and how they are recognised again.
// net/sched/sch_tbf.c, net/sched/sch_api.c (psched_ratecfg_precompute) of Linux.

import { type TbfOptions, type TbfSpec, tbf } from '../../wire/tc/qdisc/tbf.js'
import { NO_RATE, type RateSpec } from '../../wire/tc/rate.js'
import type { Limit } from './config.js'

/** A token bucket, as on record. */
export interface Shape {
  /** Bytes a second. */
  readonly rate: number
  /** How many bytes may go at once after a pause. */
  readonly burst: number
  /** How many bytes may wait. */
  readonly limit: number
  /** The largest packet that is not cut up, where that is less than `burst`. */
  readonly piece?: number | undefined
}

/** How long the bucket lasts when nobody says: the timer that refills it may be late by that much, and no throughput is lost. */
const BURST_SECONDS = 0.01
/** How long a packet waits at most. */
const QUEUE_SECONDS = 0.025
/** With fewer in the queue, a TCP connection at a low rate loses too many to keep it filled. */
const QUEUE_FRAMES = 8
/** A slow rate's bucket still lets a few packets go. */
const BURST_FRAMES = 4
/** Ethernet header and a VLAN tag: the bucket counts them. */
const HEADER_BYTES = 18
/**
 * GSO packets that fit into the bucket pass whole; they are counted with the headers of all their segments (64 KiB in segments of
 * 1448 bytes). Where such a one takes more than an eighth of the queue, it is cut up first, or it would find no room.
 */
const LARGEST_PACKET = 72 * 1024
const QUEUE_PIECES = 8
/** Cutting is a side of the peak rate: its bucket is what a packet may have. The rate itself is one that never holds up anything. */
const PEAK_RATE = 4e9

const MAX_U32 = 0xffffffff
const TICK_NS = 64

/** What a bucket counts for the largest packet of a link. */
export function frameOf(mtu: number): number {
  return mtu + HEADER_BYTES
}

/** For a link with this MTU. */
export function shapeOf({ rate, burst }: Limit, mtu: number): Shape {
  const frame = frameOf(mtu)
  const wanted = Math.max(burst ?? rate * BURST_SECONDS, frame * (burst === undefined ? BURST_FRAMES : 1))
  const bucket = Math.min(Math.ceil(wanted), MAX_U32)
  const limit = Math.min(Math.ceil(Math.max(rate * QUEUE_SECONDS, frame * QUEUE_FRAMES)), MAX_U32)
  const piece = Math.max(frame, Math.floor(limit / QUEUE_PIECES))
  return { rate, burst: bucket, limit, ...(piece < Math.min(bucket, LARGEST_PACKET) && { piece }) }
}

export function tbfOptions({ rate, burst, limit, piece }: Shape): TbfOptions {
  const spec: TbfSpec = { rate, burst, limit }
  return tbf(piece === undefined ? spec : { ...spec, peak: { rate: PEAK_RATE, burst: piece } })
}

/** In what a bucket of the kernel's is not the given one: 'a rate of 5 bytes/s, not 7'. Undefined when it is. */
export function difference(shape: Shape, { parms, rate64, peakRate64 }: TbfOptions): string | undefined {
  if (!parms) return 'no parameters'
  const { rate, peakRate } = parms
  const said = [
    unequal('rate', ' bytes/s', Number(rate64 ?? rate.rate), shape.rate),
    unequal('limit', ' bytes', parms.limit, shape.limit),
    ...unequalBucket('burst', parms.buffer, shape.burst, shape.rate),
    unequal(
      'peak rate',
      ' bytes/s',
      Number(peakRate64 ?? peakRate.rate),
      shape.piece === undefined ? 0 : PEAK_RATE,
    ),
    ...(shape.piece === undefined ? [] : unequalBucket('peak burst', parms.mtu, shape.piece, PEAK_RATE)),
    ...unequalPackets(rate),
  ]
  return said.find(text => text !== undefined)
}

function unequal(what: string, unit: string, is: number, shall: number): string | undefined {
  return is === shall ? undefined : `a ${what} of ${is}${unit}, not ${shall}`
}

/** The kernel tells a bucket in ticks, 32 bits of them, rounded down. */
function unequalBucket(what: string, ticks: number, bytes: number, rate: number): [string | undefined] {
  const expected = (bytes / rate) * (1e9 / TICK_NS)
  const apart = (ticks - expected) % 2 ** 32
  const distance = Math.min(Math.abs(apart), 2 ** 32 - Math.abs(apart))
  if (distance <= 1 + expected * 1e-6) return [undefined]
  return [`a ${what} of ${Math.round((ticks * TICK_NS * rate) / 1e9)} bytes, not ${bytes}`]
}

/** What each packet is made out to be. */
function unequalPackets({ overhead, mpu }: RateSpec): (string | undefined)[] {
  return [
    unequal('packet overhead', ' bytes', overhead, NO_RATE.overhead),
    unequal('least packet', ' bytes', mpu, NO_RATE.mpu),
  ]
}
