// What nft keeps for itself in the userdata of tables, chains, rules, sets and elements: TLVs with one byte for each of
// type and length. The kernel stores them unread. libnftnl/udata.h (1.2): enum nftnl_udata_*_types.
import { WireError } from '../wire-error.js'

/** Comments of tables, chains, rules, objects and set elements all have this type. */
export const NFTNL_UDATA_COMMENT = 0
export const NFTNL_UDATA_SET_ELEM_FLAGS = 1
/** In NFTNL_UDATA_SET_ELEM_FLAGS: the interval that starts here has no end. */
export const NFTNL_SET_ELEM_F_INTERVAL_OPEN = 1
export const NFTNL_UDATA_SET_KEYBYTEORDER = 0
export const NFTNL_UDATA_SET_DATABYTEORDER = 1
export const NFTNL_UDATA_SET_MERGE_ELEMENTS = 2
export const NFTNL_UDATA_SET_DATA_INTERVAL = 6
export const NFTNL_UDATA_SET_COMMENT = 7

/** enum byteorder in nft's datatype.h: how it is to print the keys of a set. */
export const BYTEORDER_INVALID = 0
export const BYTEORDER_HOST_ENDIAN = 1
export const BYTEORDER_BIG_ENDIAN = 2

/** The longest comment nft writes, with its NUL. */
export const NFTNL_UDATA_COMMENT_MAXLEN = 128

export interface UserdataEntry {
  readonly type: number
  readonly data: Uint8Array
}

/** Entries of more than 255 bytes are a RangeError. */
export function encodeUserdata(entries: readonly UserdataEntry[]): Uint8Array {
  const out = Buffer.alloc(entries.reduce((sum, { data }) => sum + 2 + data.length, 0))
  let at = 0
  for (const { type, data } of entries) {
    if (data.length > 0xff) throw new RangeError(`userdata of ${data.length} bytes`)
    out[at] = type
    out[at + 1] = data.length
    out.set(data, at + 2)
    at += 2 + data.length
  }
  return out
}

export function decodeUserdata(bytes: Uint8Array): UserdataEntry[] {
  const entries: UserdataEntry[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at + 1]
    if (length === undefined || at + 2 + length > bytes.length) throw new WireError('userdata cut short', at)
    entries.push({ type: bytes[at]!, data: bytes.subarray(at + 2, at + 2 + length) })
    at += 2 + length
  }
  return entries
}

export function stringEntry(type: number, text: string): UserdataEntry {
  return { type, data: Buffer.from(`${text}\0`) }
}

export function u32Entry(type: number, value: number): UserdataEntry {
  const data = Buffer.alloc(4)
  data.writeUInt32LE(value)
  return { type, data }
}

/** The text of an entry; undefined when there is none of this type. */
export function stringIn(entries: readonly UserdataEntry[], type: number): string | undefined {
  const found = entries.find(entry => entry.type === type)
  if (found === undefined) return undefined
  const nul = found.data.indexOf(0)
  return Buffer.from(nul < 0 ? found.data : found.data.subarray(0, nul)).toString()
}

/** The number in an entry, in the host's byte order; undefined when there is none of this type. */
export function u32In(entries: readonly UserdataEntry[], type: number): number | undefined {
  const found = entries.find(entry => entry.type === type)
  return found?.data.length === 4 ? Buffer.from(found.data).readUInt32LE() : undefined
}
