// fq_codel, fair queueing with controlled delay. linux/pkt_sched.h (v6.1): TCA_FQ_CODEL_*.
import { table, u8, u32, type ValueOf } from '../../netlink/fields.js'
import * as c from '../constants.js'

/** Times in microseconds. */
export const fqCodelTable = table({
  /** Packets. */
  limit: u32(c.TCA_FQ_CODEL_LIMIT),
  flows: u32(c.TCA_FQ_CODEL_FLOWS),
  /** Bytes of a turn. */
  quantum: u32(c.TCA_FQ_CODEL_QUANTUM),
  interval: u32(c.TCA_FQ_CODEL_INTERVAL),
  target: u32(c.TCA_FQ_CODEL_TARGET),
  /** 0 or 1. */
  ecn: u32(c.TCA_FQ_CODEL_ECN),
  ceThreshold: u32(c.TCA_FQ_CODEL_CE_THRESHOLD),
  ceThresholdSelector: u8(c.TCA_FQ_CODEL_CE_THRESHOLD_SELECTOR),
  ceThresholdMask: u8(c.TCA_FQ_CODEL_CE_THRESHOLD_MASK),
  /** Bytes. */
  memoryLimit: u32(c.TCA_FQ_CODEL_MEMORY_LIMIT),
  dropBatch: u32(c.TCA_FQ_CODEL_DROP_BATCH_SIZE),
})

export type FqCodelOptions = ValueOf<typeof fqCodelTable>
