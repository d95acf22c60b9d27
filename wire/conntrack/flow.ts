// As much of an entry as it takes to tell whose it is and to delete it: the table may have a hundred thousand of them.
// linux/netfilter/nfnetlink_conntrack.h (v6.1): enum ctattr_type, ctattr_tuple, ctattr_ip, ctattr_l4proto.
import { NlReader, type NlWriter } from '../netlink/attr.js'
import { WireError } from '../wire-error.js'
import * as c from './constants.js'
import { NFGENMSG_LEN } from './message.js'

/** Bytes are views of the message. */
export interface Flow {
  /** AF_* */
  readonly family: number
  /** IPPROTO_*, 0 when it is not said. */
  readonly protocol: number
  /** The destination port of the original direction; 0 of protocols without ports. */
  readonly origPort: number
  readonly origDst: Buffer | undefined
  readonly replySrc: Buffer | undefined
  /** CTA_TUPLE_ORIG as it came. */
  readonly orig: Buffer
  readonly id: number | undefined
  readonly zone: number | undefined
}

interface Found {
  protocol: number
  port: number
  src: Buffer | undefined
  dst: Buffer | undefined
}

/** Decodes IPCTNL_MSG_CT_NEW; an entry without a tuple is a WireError. */
export function decodeFlow(payload: Buffer): Flow {
  const r = new NlReader(payload, NFGENMSG_LEN)
  let orig: Found | undefined
  let bytes: Buffer | undefined
  let reply: Found | undefined
  let id: number | undefined
  let zone: number | undefined
  while (r.next()) {
    if (r.type === c.CTA_TUPLE_ORIG) {
      orig = find(r.inner())
      bytes = r.bytes()
    } else if (r.type === c.CTA_TUPLE_REPLY) reply = find(r.inner())
    else if (r.type === c.CTA_ID) id = r.u32be()
    else if (r.type === c.CTA_ZONE) zone = r.u16be()
  }
  if (orig === undefined || bytes === undefined) throw new WireError('an entry without its original tuple')
  return {
    family: payload[0]!,
    protocol: orig.protocol,
    origPort: orig.port,
    origDst: orig.dst,
    replySrc: reply?.src,
    orig: bytes,
    id,
    zone,
  }
}

/** The body of IPCTNL_MSG_CT_DELETE for this entry and no other that may have taken its place. */
export function encodeFlow(w: NlWriter, { family, orig, id, zone }: Flow): void {
  w.u8(family).zeros(NFGENMSG_LEN - 1)
  w.nested(c.CTA_TUPLE_ORIG, inner => inner.bytes(orig))
  if (id !== undefined) w.attrU32be(c.CTA_ID, id)
  if (zone !== undefined) w.attrU16be(c.CTA_ZONE, zone)
}

function find(r: NlReader): Found {
  const found: Found = { protocol: 0, port: 0, src: undefined, dst: undefined }
  while (r.next()) {
    const inner = r.type === c.CTA_TUPLE_IP || r.type === c.CTA_TUPLE_PROTO ? r.inner() : undefined
    if (inner === undefined) continue
    if (r.type === c.CTA_TUPLE_IP)
      while (inner.next()) {
        if (inner.type === c.CTA_IP_V4_SRC || inner.type === c.CTA_IP_V6_SRC) found.src = inner.bytes()
        else if (inner.type === c.CTA_IP_V4_DST || inner.type === c.CTA_IP_V6_DST) found.dst = inner.bytes()
      }
    else
      while (inner.next()) {
        if (inner.type === c.CTA_PROTO_NUM) found.protocol = inner.u8()
        else if (inner.type === c.CTA_PROTO_DST_PORT) found.port = inner.u16be()
      }
  }
  return found
}
