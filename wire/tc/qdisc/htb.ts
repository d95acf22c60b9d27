// htb, the hierarchical token bucket: options of the qdisc and of its classes.
// linux/pkt_sched.h (v6.1): struct tc_htb_glob, struct tc_htb_opt, TCA_HTB_*.
import { blob, flag, struct, table, u32, u64, type ValueOf } from '../../netlink/fields.js'
import * as c from '../constants.js'
import { type RateSpec, rateSpec, readRate, ticks, writeRate } from '../rate.js'

/** struct tc_htb_glob */
export interface HtbInit {
  readonly version: number
  readonly rateToQuantum: number
  /** Minor number of the class for packets that no filter classifies; 0: they pass unshaped. */
  readonly defaultClass: number
  readonly debug: number
  /** Packets that passed unshaped. */
  readonly directPackets: number
}

/** struct tc_htb_opt */
export interface HtbParms {
  readonly rate: RateSpec
  readonly ceil: RateSpec
  /** The buckets, in ticks. */
  readonly buffer: number
  readonly ceilBuffer: number
  readonly quantum: number
  /** Set by the kernel: 0 is a leaf. */
  readonly level: number
  readonly priority: number
}

export const htbTable = table({
  init: struct(
    c.TCA_HTB_INIT,
    20,
    (buf): HtbInit => ({
      version: buf.readUInt32LE(0),
      rateToQuantum: buf.readUInt32LE(4),
      defaultClass: buf.readUInt32LE(8),
      debug: buf.readUInt32LE(12),
      directPackets: buf.readUInt32LE(16),
    }),
    (w, v) => w.u32(v.version).u32(v.rateToQuantum).u32(v.defaultClass).u32(v.debug).u32(v.directPackets),
  ),
  directQueueLength: u32(c.TCA_HTB_DIRECT_QLEN),
  offload: flag(c.TCA_HTB_OFFLOAD),
  rate64: u64(c.TCA_HTB_RATE64),
  ceil64: u64(c.TCA_HTB_CEIL64),
  parms: struct(
    c.TCA_HTB_PARMS,
    44,
    (buf): HtbParms => ({
      rate: readRate(buf, 0),
      ceil: readRate(buf, 12),
      buffer: buf.readUInt32LE(24),
      ceilBuffer: buf.readUInt32LE(28),
      quantum: buf.readUInt32LE(32),
      level: buf.readUInt32LE(36),
      priority: buf.readUInt32LE(40),
    }),
    (w, v) => {
      writeRate(w, v.rate)
      writeRate(w, v.ceil)
      w.u32(v.buffer).u32(v.ceilBuffer).u32(v.quantum).u32(v.level).u32(v.priority)
    },
  ),
  rateTable: blob(c.TCA_HTB_RTAB),
  ceilTable: blob(c.TCA_HTB_CTAB),
})

export type HtbOptions = ValueOf<typeof htbTable>

/** The options of the qdisc. */
export function htb({ defaultClass = 0 }: { readonly defaultClass?: number } = {}): HtbOptions {
  return { init: { version: 3, rateToQuantum: 10, defaultClass, debug: 0, directPackets: 0 } }
}

export interface HtbClassSpec {
  /** Bytes a second: what the class is sure of, and (by default the same) what it may borrow up to. */
  readonly rate: number
  readonly ceil?: number | undefined
  /** How many bytes may go at once; by default 10 ms at that rate and a packet. */
  readonly burst?: number | undefined
  readonly ceilBurst?: number | undefined
  /** The lowest goes first. */
  readonly priority?: number | undefined
  /** Bytes of a turn; by default the kernel takes a tenth of the rate. */
  readonly quantum?: number | undefined
}

/** The options of a class. */
export function htbClass(spec: HtbClassSpec): HtbOptions {
  const { rate, ceil = rate, priority = 0, quantum = 0 } = spec
  const { burst = rate / 100 + 1600, ceilBurst = ceil / 100 + 1600 } = spec
  const sure = rateSpec(rate)
  const most = rateSpec(ceil)
  return {
    parms: {
      rate: sure.spec,
      ceil: most.spec,
      buffer: ticks(burst, rate),
      ceilBuffer: ticks(ceilBurst, ceil),
      quantum,
      level: 0,
      priority,
    },
    rate64: sure.rate64,
    ceil64: most.rate64,
  }
}
