// What IFLA_INFO_DATA says of a VXLAN device. linux/if_link.h (v6.1): enum IFLA_VXLAN_*.
import {
  bool,
  flag,
  ipEither,
  struct,
  table,
  u8,
  u16be,
  u32,
  u32be,
  type ValueOf,
} from '../../netlink/fields.js'
import * as c from '../constants-link.js'

export const vxlanInfo = table({
  /** The VXLAN network identifier, 24 bits. */
  id: u32(c.IFLA_VXLAN_ID),
  /** Where frames for unknown addresses go: a unicast peer or a multicast group. */
  remote: ipEither(c.IFLA_VXLAN_GROUP, c.IFLA_VXLAN_GROUP6),
  local: ipEither(c.IFLA_VXLAN_LOCAL, c.IFLA_VXLAN_LOCAL6),
  /** Index of the link that carries the tunnel. */
  device: u32(c.IFLA_VXLAN_LINK),
  ttl: u8(c.IFLA_VXLAN_TTL),
  ttlInherit: flag(c.IFLA_VXLAN_TTL_INHERIT),
  tos: u8(c.IFLA_VXLAN_TOS),
  /** VXLAN_DF_*: 0 unset, 1 set, 2 inherit. */
  df: u8(c.IFLA_VXLAN_DF),
  /** The flow label, 20 bits. */
  label: u32be(c.IFLA_VXLAN_LABEL),
  labelPolicy: u32(c.IFLA_VXLAN_LABEL_POLICY),
  learning: bool(c.IFLA_VXLAN_LEARNING),
  /** Seconds. */
  ageing: u32(c.IFLA_VXLAN_AGEING),
  /** How many addresses the forwarding table takes; 0 is no limit. */
  limit: u32(c.IFLA_VXLAN_LIMIT),
  /** The UDP source ports. */
  portRange: struct(
    c.IFLA_VXLAN_PORT_RANGE,
    4,
    buf => ({ low: buf.readUInt16BE(0), high: buf.readUInt16BE(2) }),
    (w, v) => w.u16be(v.low).u16be(v.high),
  ),
  /** The UDP destination port. */
  port: u16be(c.IFLA_VXLAN_PORT),
  proxy: bool(c.IFLA_VXLAN_PROXY),
  routeShortCircuit: bool(c.IFLA_VXLAN_RSC),
  l2miss: bool(c.IFLA_VXLAN_L2MISS),
  l3miss: bool(c.IFLA_VXLAN_L3MISS),
  /** Collect metadata: one device for every VNI. */
  external: bool(c.IFLA_VXLAN_COLLECT_METADATA),
  udpCsum: bool(c.IFLA_VXLAN_UDP_CSUM),
  udpZeroCsum6Tx: bool(c.IFLA_VXLAN_UDP_ZERO_CSUM6_TX),
  udpZeroCsum6Rx: bool(c.IFLA_VXLAN_UDP_ZERO_CSUM6_RX),
  remoteCsumTx: bool(c.IFLA_VXLAN_REMCSUM_TX),
  remoteCsumRx: bool(c.IFLA_VXLAN_REMCSUM_RX),
  remoteCsumNoPartial: flag(c.IFLA_VXLAN_REMCSUM_NOPARTIAL),
  gbp: flag(c.IFLA_VXLAN_GBP),
  gpe: flag(c.IFLA_VXLAN_GPE),
  vniFilter: bool(c.IFLA_VXLAN_VNIFILTER),
  localBypass: bool(c.IFLA_VXLAN_LOCALBYPASS),
  mcRoute: bool(c.IFLA_VXLAN_MC_ROUTE),
})

export type VxlanInfo = ValueOf<typeof vxlanInfo>
