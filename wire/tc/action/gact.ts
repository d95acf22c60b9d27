// gact, the generic action: pass, drop and the like. linux/tc_act/tc_gact.h (v6.1): struct tc_gact, struct tc_gact_p, TCA_GACT_*.
import { struct, table, type ValueOf } from '../../netlink/fields.js'
import { TCA_GACT_PARMS, TCA_GACT_PROB } from '../constants.js'
import { readParms, TC_GEN_LEN, writeParms } from './common.js'

/** struct tc_gact_p */
export interface GactProbability {
  /** 1: at random, one in `value` on average; 2: every `value`th. */
  readonly type: number
  readonly value: number
  /** TC_ACT_* for those packets. */
  readonly action: number
}

export const gactTable = table({
  parms: struct(TCA_GACT_PARMS, TC_GEN_LEN, readParms, writeParms),
  probability: struct(
    TCA_GACT_PROB,
    8,
    (buf): GactProbability => ({
      type: buf.readUInt16LE(0),
      value: buf.readUInt16LE(2),
      action: buf.readInt32LE(4),
    }),
    (w, v) => w.u16(v.type).u16(v.value).i32(v.action),
  ),
})

export type GactOptions = ValueOf<typeof gactTable>

/** TC_ACT_SHOT drops, TC_ACT_OK lets pass. */
export function gact(action: number): { kind: 'gact'; options: { gact: GactOptions } } {
  return { kind: 'gact', options: { gact: { parms: { action } } } }
}
