// IFLA_AF_SPEC, what address families say of a link. It has two shapes: attributes by family (AF_INET, AF_INET6),
// and, in messages of AF_BRIDGE, the bridge's own. linux/if_link.h, linux/if_bridge.h (v6.1).
import { AF_INET, AF_INET6 } from '../netlink/constants.js'
import { each, plainNest, struct, table, u8, u16, u32, type ValueOf } from '../netlink/fields.js'
import * as c from './constants-link.js'

export const inetSpec = table({
  inet: plainNest(AF_INET, table({})),
  inet6: plainNest(
    AF_INET6,
    table({
      /** IF_RA_* and IF_READY bits of the kernel. */
      flags: u32(c.IFLA_INET6_FLAGS),
      /** IN6_ADDR_GEN_MODE_*: NONE keeps the link without a link-local address. */
      addrGenMode: u8(c.IFLA_INET6_ADDR_GEN_MODE),
      raMtu: u32(c.IFLA_INET6_RA_MTU),
    }),
  ),
})

export type InetSpec = ValueOf<typeof inetSpec>

/** One VLAN of a port, or one end of a range (two entries, BRIDGE_VLAN_INFO_RANGE_BEGIN and _END). */
export interface BridgeVlanInfo {
  /** BRIDGE_VLAN_INFO_* */
  readonly flags: number
  readonly vid: number
}

export const bridgeSpec = table({
  /** BRIDGE_FLAGS_MASTER, BRIDGE_FLAGS_SELF: whom the request is for. */
  flags: u16(c.IFLA_BRIDGE_FLAGS),
  /** BRIDGE_MODE_* of a network card's own bridge. */
  mode: u16(c.IFLA_BRIDGE_MODE),
  vlans: each(
    struct(
      c.IFLA_BRIDGE_VLAN_INFO,
      4,
      (buf): BridgeVlanInfo => ({ flags: buf.readUInt16LE(0), vid: buf.readUInt16LE(2) }),
      (w, v) => w.u16(v.flags).u16(v.vid),
    ),
  ),
})

export type BridgeSpec = ValueOf<typeof bridgeSpec>
