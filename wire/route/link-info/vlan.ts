// What IFLA_INFO_DATA says of a VLAN device. linux/if_link.h (v6.1): enum IFLA_VLAN_*.
import { struct, table, u16, u16be, type ValueOf } from '../../netlink/fields.js'
import * as c from '../constants-link.js'

export const vlanInfo = table({
  id: u16(c.IFLA_VLAN_ID),
  /** VLAN_FLAG_* bits: values, and which of them are meant. */
  flags: struct(
    c.IFLA_VLAN_FLAGS,
    8,
    buf => ({ values: buf.readUInt32LE(0), mask: buf.readUInt32LE(4) }),
    (w, v) => w.u32(v.values).u32(v.mask),
  ),
  /** ETH_P_8021Q or ETH_P_8021AD. */
  protocol: u16be(c.IFLA_VLAN_PROTOCOL),
})

export type VlanInfo = ValueOf<typeof vlanInfo>
