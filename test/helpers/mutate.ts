// Netlink messages gone wrong, for fuzzing.
import type { Random } from './random.js'

/** The sample with one to four changes: bytes, bits, lengths and types of attributes, pieces missing, added, or of another sample. */
export function mutate(sample: Buffer, other: Buffer, { below, bytes, pick }: Random): Buffer {
  let out = Buffer.from(sample)
  for (let n = below(4); n >= 0; n--) {
    const at = below(out.length + 1)
    const kind = below(7)
    if (out.length === 0 || kind === 0) out = Buffer.concat([out, bytes(below(8))])
    else if (kind === 1) out = out.subarray(0, at)
    else if (kind === 2)
      out.fill(pick([0, 1, 4, 0x7f, 0x80, 0xff]), at, Math.min(out.length, at + 1 + below(4)))
    else if (kind === 3 && at < out.length) out[at]! ^= 1 << below(8)
    // The length or the type of an attribute, more often than not.
    else if (kind === 4 && at + 4 < out.length)
      out.writeUInt16LE(pick([0, 3, 4, 5, 8, 65535, below(64)]), at & ~3)
    else if (kind === 5 && at + 4 < out.length)
      out.writeUInt16LE(below(70) | pick([0, 0x8000, 0x4000]), (at & ~3) + 2)
    else out = Buffer.concat([out.subarray(0, at & ~3), other.subarray(below(other.length + 1) & ~3)])
  }
  return Buffer.from(out)
}
