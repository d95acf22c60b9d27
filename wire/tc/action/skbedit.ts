// skbedit, which sets a packet's mark, priority, queue or type. linux/tc_act/tc_skbedit.h (v6.1): struct tc_skbedit, TCA_SKBEDIT_*.
import { struct, table, u16, u32, u64, type ValueOf } from '../../netlink/fields.js'
import * as c from '../constants.js'
import { readParms, TC_GEN_LEN, writeParms } from './common.js'

export const skbeditTable = table({
  parms: struct(c.TCA_SKBEDIT_PARMS, TC_GEN_LEN, readParms, writeParms),
  queueMapping: u16(c.TCA_SKBEDIT_QUEUE_MAPPING),
  queueMappingMax: u16(c.TCA_SKBEDIT_QUEUE_MAPPING_MAX),
  /** A handle: the class of a classful qdisc. */
  priority: u32(c.TCA_SKBEDIT_PRIORITY),
  mark: u32(c.TCA_SKBEDIT_MARK),
  /** Which bits of the mark are set. */
  mask: u32(c.TCA_SKBEDIT_MASK),
  /** PACKET_* */
  packetType: u16(c.TCA_SKBEDIT_PTYPE),
  /** SKBEDIT_F_* */
  flags: u64(c.TCA_SKBEDIT_FLAGS),
})

export type SkbeditOptions = ValueOf<typeof skbeditTable>

/** Sets the mark, and goes on with `action` (TC_ACT_PIPE: with the next action). */
export function setMark(
  mark: number,
  action: number,
  mask?: number,
): { kind: 'skbedit'; options: { skbedit: SkbeditOptions } } {
  return { kind: 'skbedit', options: { skbedit: { parms: { action }, mark, mask } } }
}
