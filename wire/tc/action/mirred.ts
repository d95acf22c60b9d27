// mirred, which mirrors and redirects packets to a link. linux/tc_act/tc_mirred.h (v6.1): struct tc_mirred, TCA_MIRRED_*.
import { struct, table, type ValueOf } from '../../netlink/fields.js'
import { TC_ACT_STOLEN, TCA_EGRESS_REDIR, TCA_MIRRED_PARMS } from '../constants.js'
import { type ActionParms, readParms, TC_GEN_LEN, writeParms } from './common.js'

/** struct tc_mirred */
export interface MirredParms extends ActionParms {
  /** TCA_EGRESS_REDIR, TCA_EGRESS_MIRROR, TCA_INGRESS_REDIR or TCA_INGRESS_MIRROR. */
  readonly direction: number
  /** Index of the link. */
  readonly to: number
}

export const mirredTable = table({
  parms: struct(
    TCA_MIRRED_PARMS,
    TC_GEN_LEN + 8,
    (buf): MirredParms => ({
      ...readParms(buf),
      direction: buf.readInt32LE(TC_GEN_LEN),
      to: buf.readUInt32LE(TC_GEN_LEN + 4),
    }),
    (w, v) => {
      writeParms(w, v)
      w.i32(v.direction).u32(v.to)
    },
  ),
})

export type MirredOptions = ValueOf<typeof mirredTable>

/** The packet leaves by the link `to` instead. */
export function redirect(to: number): { kind: 'mirred'; options: { mirred: MirredOptions } } {
  return {
    kind: 'mirred',
    options: { mirred: { parms: { action: TC_ACT_STOLEN, direction: TCA_EGRESS_REDIR, to } } },
  }
}
