// tbf, the token bucket filter. linux/pkt_sched.h (v6.1): struct tc_tbf_qopt, TCA_TBF_*.
import { blob, struct, table, u32, u64, type ValueOf } from '../../netlink/fields.js'
import * as c from '../constants.js'
import { NO_RATE, type RateSpec, rateSpec, readRate, ticks, writeRate } from '../rate.js'

/** struct tc_tbf_qopt */
export interface TbfParms {
  readonly rate: RateSpec
  readonly peakRate: RateSpec
  /** How many bytes may wait. */
  readonly limit: number
  /** The bucket, and the bucket of the peak rate, in ticks: overruled by `burst` and `peakBurst`. */
  readonly buffer: number
  readonly mtu: number
}

export const tbfTable = table({
  parms: struct(
    c.TCA_TBF_PARMS,
    36,
    (buf): TbfParms => ({
      rate: readRate(buf, 0),
      peakRate: readRate(buf, 12),
      limit: buf.readUInt32LE(24),
      buffer: buf.readUInt32LE(28),
      mtu: buf.readUInt32LE(32),
    }),
    (w, v) => {
      writeRate(w, v.rate)
      writeRate(w, v.peakRate)
      w.u32(v.limit).u32(v.buffer).u32(v.mtu)
    },
  ),
  /** Bytes. */
  burst: u32(c.TCA_TBF_BURST),
  rate64: u64(c.TCA_TBF_RATE64),
  /** Tables of 256 times, which the kernel wants only where it does not know the link layer. */
  rateTable: blob(c.TCA_TBF_RTAB),
  peakRate64: u64(c.TCA_TBF_PRATE64),
  peakBurst: u32(c.TCA_TBF_PBURST),
  peakRateTable: blob(c.TCA_TBF_PTAB),
})

export type TbfOptions = ValueOf<typeof tbfTable>

export interface TbfSpec {
  /** Bytes a second. */
  readonly rate: number
  /** How many bytes may go at once; at least the largest packet. */
  readonly burst: number
  /** How many bytes may wait. */
  readonly limit: number
  /** The rate within a burst, with the bytes (the MTU at least) that may go at once even so. */
  readonly peak?: { readonly rate: number; readonly burst: number } | undefined
}

export function tbf({ rate, burst, limit, peak }: TbfSpec): TbfOptions {
  const main = rateSpec(rate)
  const top = peak && rateSpec(peak.rate)
  return {
    parms: {
      rate: main.spec,
      peakRate: top?.spec ?? NO_RATE,
      limit,
      buffer: ticks(burst, rate),
      mtu: peak ? ticks(peak.burst, peak.rate) : 0,
    },
    rate64: main.rate64,
    burst,
    peakRate64: top?.rate64,
    peakBurst: peak?.burst,
  }
}
