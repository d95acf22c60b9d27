// RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH: neighbours (ARP, ND), and in AF_BRIDGE the forwarding tables of bridges and
// VXLAN devices. linux/neighbour.h (v6.1): struct ndmsg { u8 family, pad; u16 pad; i32 ifindex; u16 state; u8 flags, type }, NDA_*.
import type { Ip } from '../ip.js'
import type { Mac } from '../mac.js'
import type { NlWriter } from '../netlink/attr.js'
import { AF_BRIDGE, AF_UNSPEC } from '../netlink/constants.js'
import {
  decodeAfter,
  defined,
  i32,
  ip,
  mac,
  type Rest,
  struct,
  table,
  u8,
  u16,
  u16be,
  u32,
} from '../netlink/fields.js'
import * as c from './constants.js'
import { afOf } from './family.js'

const NDMSG_LEN = 12

/** struct nda_cacheinfo. Ages in 1/100 s. */
export interface NeighbourCacheInfo {
  readonly confirmed: number
  readonly used: number
  readonly updated: number
  readonly references: number
}

const attributes = table({
  ip: ip(c.NDA_DST),
  mac: mac(c.NDA_LLADDR),
  vlan: u16(c.NDA_VLAN),
  port: u16be(c.NDA_PORT),
  vni: u32(c.NDA_VNI),
  viaIndex: u32(c.NDA_IFINDEX),
  master: u32(c.NDA_MASTER),
  linkNetnsId: i32(c.NDA_LINK_NETNSID),
  srcVni: u32(c.NDA_SRC_VNI),
  protocol: u8(c.NDA_PROTOCOL),
  nexthopId: u32(c.NDA_NH_ID),
  extFlags: u32(c.NDA_FLAGS_EXT),
  probes: u32(c.NDA_PROBES),
  stateMask: u16(c.NDA_NDM_STATE_MASK),
  flagsMask: u8(c.NDA_NDM_FLAGS_MASK),
  cacheInfo: struct(
    c.NDA_CACHEINFO,
    16,
    (buf): NeighbourCacheInfo => ({
      confirmed: buf.readUInt32LE(0),
      used: buf.readUInt32LE(4),
      updated: buf.readUInt32LE(8),
      references: buf.readUInt32LE(12),
    }),
    (w, v) => w.u32(v.confirmed).u32(v.used).u32(v.updated).u32(v.references),
  ),
})

export interface Neighbour extends Rest {
  /** AF_*; by default that of `ip`, else AF_BRIDGE. It must be given for an entry of a VXLAN device's table. */
  readonly family?: number | undefined
  readonly index: number
  /** NUD_* */
  readonly state?: number | undefined
  /** NTF_*: in AF_BRIDGE, NTF_SELF is the device's own table and NTF_MASTER its bridge's. */
  readonly flags?: number | undefined
  /** RTN_* */
  readonly type?: number | undefined
  /** The neighbour's address; in AF_BRIDGE the VXLAN tunnel's other end. */
  readonly ip?: Ip | undefined
  readonly mac?: Mac | undefined
  readonly vlan?: number | undefined
  /** The other end's UDP port. */
  readonly port?: number | undefined
  readonly vni?: number | undefined
  /** The link by which to reach the other end. */
  readonly viaIndex?: number | undefined
  /** The bridge in whose table the entry is. */
  readonly master?: number | undefined
  readonly linkNetnsId?: number | undefined
  readonly srcVni?: number | undefined
  /** RTPROT_* */
  readonly protocol?: number | undefined
  readonly nexthopId?: number | undefined
  /** NTF_EXT_* */
  readonly extFlags?: number | undefined
  readonly probes?: number | undefined
  readonly cacheInfo?: NeighbourCacheInfo | undefined
}

/** The body of RTM_NEWNEIGH, RTM_DELNEIGH, and of RTM_GETNEIGH for one entry. */
export function encodeNeighbour(w: NlWriter, n: Neighbour): void {
  const { family = n.ip === undefined ? AF_BRIDGE : afOf(n.ip.family), state = 0, flags = 0, type = 0 } = n
  w.u8(family).u8(0).u16(0).i32(n.index).u16(state).u8(flags).u8(type)
  attributes.encode(w, n)
}

export function decodeNeighbour(payload: Buffer): Neighbour {
  const others = decodeAfter(attributes, payload, NDMSG_LEN)
  return defined({
    family: payload[0]!,
    index: payload.readInt32LE(4),
    state: payload.readUInt16LE(8),
    flags: payload[10]! || undefined,
    type: payload[11]! || undefined,
    ...others,
  })
}

export interface NeighbourFilter {
  /** AF_*; AF_BRIDGE for forwarding tables. */
  readonly family?: number | undefined
  readonly index?: number | undefined
  readonly master?: number | undefined
}

/** The body of RTM_GETNEIGH with NLM_F_DUMP. */
export function encodeNeighbourDump(
  w: NlWriter,
  { family = AF_UNSPEC, index, master }: NeighbourFilter = {},
): void {
  // Forwarding tables are filtered by the index in the header, neighbours by NDA_IFINDEX.
  const bridge = family === AF_BRIDGE
  w.u8(family)
    .u8(0)
    .u16(0)
    .i32(bridge ? (index ?? 0) : 0)
    .u16(0)
    .u8(0)
    .u8(0)
  attributes.encode(w, { viaIndex: bridge ? undefined : index, master })
}
