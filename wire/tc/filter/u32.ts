// u32, the filter that looks at 32 bits of a packet at a time.
// linux/pkt_cls.h (v6.1): struct tc_u32_sel, struct tc_u32_key, struct tc_u32_mark, TCA_U32_*.
import type { NlWriter } from '../../netlink/attr.js'
import { type Field, struct, table, text, u32, type ValueOf } from '../../netlink/fields.js'
import { WireError } from '../../wire-error.js'
import { actions } from '../action.js'
import * as c from '../constants.js'

const SEL_LEN = 16
const KEY_LEN = 16

/** Matches where the big-endian word at `offset` (from the network header), masked, is `value`. */
export interface U32Key {
  readonly mask: number
  readonly value: number
  /** Bytes; may be negative, to look at the link-layer header. */
  readonly offset: number
  /** -1: counted from the header that `offset` of a hash table found. */
  readonly offsetMask?: number | undefined
}

/** struct tc_u32_sel. All keys must match. */
export interface U32Selector {
  /** TC_U32_TERMINAL and others. */
  readonly flags: number
  readonly offsetShift?: number | undefined
  readonly offsetMask?: number | undefined
  readonly offset?: number | undefined
  readonly offsetOffset?: number | undefined
  readonly hashOffset?: number | undefined
  readonly hashMask?: number | undefined
  readonly keys: readonly U32Key[]
}

const selector: Field<U32Selector> = {
  type: c.TCA_U32_SEL,
  write: (w, v) => w.attrOf(c.TCA_U32_SEL, into => writeSelector(into, v)),
  read: r => readSelector(r.bytes(SEL_LEN, true), r.offset),
}

export const u32Table = table({
  /** The class that what matches belongs to. */
  classId: u32(c.TCA_U32_CLASSID),
  hash: u32(c.TCA_U32_HASH),
  link: u32(c.TCA_U32_LINK),
  divisor: u32(c.TCA_U32_DIVISOR),
  inputLink: text(c.TCA_U32_INDEV),
  mark: struct(
    c.TCA_U32_MARK,
    12,
    buf => ({ value: buf.readUInt32LE(0), mask: buf.readUInt32LE(4), matched: buf.readUInt32LE(8) }),
    (w, v) => w.u32(v.value).u32(v.mask).u32(v.matched),
  ),
  actions: actions(c.TCA_U32_ACT),
  /** TCA_CLS_FLAGS_* */
  flags: u32(c.TCA_U32_FLAGS),
  selector,
})

export type U32Options = ValueOf<typeof u32Table>

/** A selector that matches every packet. */
export const MATCH_ALL: U32Selector = { flags: c.TC_U32_TERMINAL, keys: [{ mask: 0, value: 0, offset: 0 }] }

function writeSelector(w: NlWriter, v: U32Selector): void {
  const { offsetShift = 0, offsetMask = 0, offset = 0, offsetOffset = 0, hashOffset = 0, hashMask = 0 } = v
  w.u8(v.flags).u8(offsetShift).u8(v.keys.length).u8(0)
  w.u16be(offsetMask).u16(offset).i16(offsetOffset).i16(hashOffset).u32be(hashMask)
  for (const key of v.keys)
    w.u32be(key.mask)
      .u32be(key.value)
      .i32(key.offset)
      .i32(key.offsetMask ?? 0)
}

function readSelector(buf: Buffer, at: number): U32Selector {
  const count = buf[2]!
  if (buf.length !== SEL_LEN + count * KEY_LEN)
    throw new WireError(`a selector of ${buf.length} bytes with ${count} keys`, at)
  const keys: U32Key[] = []
  for (let key = SEL_LEN; key < buf.length; key += KEY_LEN)
    keys.push({
      mask: buf.readUInt32BE(key),
      value: buf.readUInt32BE(key + 4),
      offset: buf.readInt32LE(key + 8),
      offsetMask: buf.readInt32LE(key + 12),
    })
  return {
    flags: buf[0]!,
    offsetShift: buf[1]!,
    offsetMask: buf.readUInt16BE(4),
    offset: buf.readUInt16LE(6),
    offsetOffset: buf.readInt16LE(8),
    hashOffset: buf.readInt16LE(10),
    hashMask: buf.readUInt32BE(12),
    keys,
  }
}
