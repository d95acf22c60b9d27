// Puts messages of rtnetlink (and ctnetlink) into one form, so that those that say the same are equal. What is ironed out, for both sides alike:
// - the order of attributes, at every level (the kernel, iproute2 and we have each our own);
// - NLA_F_NESTED, which the younger parts of the kernel set and the older do not;
// - the NUL behind text, which iproute2 leaves away in IFLA_INFO_KIND;
// - the padding, which iproute2 does not always clear;
// - what can be said in the header and in an attribute (IFA_FLAGS, RTA_TABLE, FRA_TABLE) stands where it must: the
//   header, unless it takes more than 8 bits;
// - the default route may have a destination of no bits, or none;
// - an IPv6 address without a peer may be given as IFA_ADDRESS alone, or as IFA_LOCAL, too.
import { NLA_TYPE_MASK } from '../../wire/netlink/constants.js'
import {
  FRA_TABLE,
  IFA_ADDRESS,
  IFA_FLAGS,
  IFA_LOCAL,
  RTA_DST,
  RTA_TABLE,
} from '../../wire/route/constants.js'

interface Attribute {
  type: number
  payload: Buffer
}

/** How long the struct is that comes before the attributes, by the family of messages: (type - 16) >> 2. */
const HEADERS: Readonly<Record<number, number>> = {
  0: 16,
  1: 8,
  2: 12,
  3: 12,
  4: 12,
  5: 20,
  6: 20,
  7: 20,
  60: 4,
}

/** The canonical form of a message's payload. */
export function canonical(type: number, payload: Buffer): Buffer {
  const family = (type - 16) >> 2
  const length = HEADERS[family]
  if (length === undefined) throw new Error(`no canonical form for messages of type ${type}`)
  const header = Buffer.from(payload.subarray(0, length))
  let attributes = parse(payload.subarray(length))
  if (attributes === undefined) throw new Error('a payload without attributes')
  if (family === 1) attributes = canonicalAddress(header, attributes)
  if (family === 2 && header[1] === 0) attributes = attributes.filter(attribute => attribute.type !== RTA_DST)
  if (family === 2) attributes = widen(header, 4, attributes, RTA_TABLE)
  if (family === 4) attributes = widen(header, 4, attributes, FRA_TABLE)
  return Buffer.concat([header, print(attributes)])
}

function canonicalAddress(header: Buffer, attributes: Attribute[]): Attribute[] {
  const of = (type: number) => attributes.find(attribute => attribute.type === type)?.payload
  const doubled = header[0] === 10 && of(IFA_LOCAL)?.equals(of(IFA_ADDRESS) ?? Buffer.of())
  const single = doubled ? attributes.filter(({ type }) => type !== IFA_LOCAL) : attributes
  return widen(header, 2, single, IFA_FLAGS)
}

/** A number in the header's byte `at`, or if it is greater in the attribute `type`: only where it must be. */
function widen(header: Buffer, at: number, attributes: Attribute[], type: number): Attribute[] {
  const wide = attributes.find(attribute => attribute.type === type)?.payload.readUInt32LE(0)
  if (wide === undefined) return attributes
  header[at] = wide > 0xff ? 0 : wide
  return wide > 0xff ? attributes : attributes.filter(attribute => attribute.type !== type)
}

function print(attributes: readonly Attribute[]): Buffer {
  const sorted = attributes.map(({ type, payload }) => ({ type, payload: inside(payload) }))
  sorted.sort((a, b) => a.type - b.type)
  const parts = sorted.flatMap(({ type, payload }) => {
    const head = Buffer.alloc(4)
    head.writeUInt16LE(payload.length + 4)
    head.writeUInt16LE(type, 2)
    return [head, payload, Buffer.alloc(-payload.length & 3)]
  })
  return Buffer.concat(parts)
}

/**
 * Whatever reads as attributes is taken for attributes. A number that happens to do so comes to no harm, for the
 * same is done to the other side.
 */
function inside(payload: Buffer): Buffer {
  if (/^[\x21-\x7e]{2,}\0$/.test(payload.toString('latin1'))) return payload.subarray(0, -1)
  // Attributes at once, behind an interface's index (RTA_MULTIPATH), or in a link message (VETH_INFO_PEER).
  for (const header of [0, 4, 16]) {
    const nested = payload.length > header ? parse(payload.subarray(header)) : undefined
    if (nested !== undefined) return Buffer.concat([payload.subarray(0, header), print(nested)])
  }
  return payload
}

function parse(buf: Buffer): Attribute[] | undefined {
  const attributes: Attribute[] = []
  for (let at = 0; at < buf.length; ) {
    const length = buf.length - at < 4 ? 0 : buf.readUInt16LE(at)
    if (length < 4 || length > buf.length - at) return undefined
    attributes.push({
      type: buf.readUInt16LE(at + 2) & NLA_TYPE_MASK,
      payload: buf.subarray(at + 4, at + length),
    })
    at += (length + 3) & ~3
  }
  return attributes
}
