// What the parameters of every action start with. linux/pkt_cls.h (v6.1): tc_gen { u32 index, capab; i32 action, refcnt, bindcnt }.
import type { NlWriter } from '../../netlink/attr.js'

export const TC_GEN_LEN = 20

export interface ActionParms {
  /** Which of its kind; by default 0, which makes one. */
  readonly index?: number | undefined
  readonly capabilities?: number | undefined
  /** TC_ACT_*: what becomes of the packet afterwards. */
  readonly action: number
  readonly references?: number | undefined
  readonly bindings?: number | undefined
}

export function readParms(buf: Buffer): ActionParms {
  return {
    index: buf.readUInt32LE(0),
    capabilities: buf.readUInt32LE(4),
    action: buf.readInt32LE(8),
    references: buf.readInt32LE(12),
    bindings: buf.readInt32LE(16),
  }
}

export function writeParms(w: NlWriter, parms: ActionParms): void {
  const { index = 0, capabilities = 0, action, references = 0, bindings = 0 } = parms
  w.u32(index).u32(capabilities).i32(action).i32(references).i32(bindings)
}
