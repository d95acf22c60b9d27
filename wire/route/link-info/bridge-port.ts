// What IFLA_INFO_SLAVE_DATA (and IFLA_PROTINFO of AF_BRIDGE) says of a bridge's port. linux/if_link.h (v6.1): enum IFLA_BRPORT_*.
import { blob, bool, flag, table, u8, u16, u32, u64, type ValueOf } from '../../netlink/fields.js'
import * as c from '../constants-link.js'

/** A port's settings and state. */
export const bridgePortInfo = table({
  /** BR_STATE_* */
  state: u8(c.IFLA_BRPORT_STATE),
  priority: u16(c.IFLA_BRPORT_PRIORITY),
  cost: u32(c.IFLA_BRPORT_COST),
  /** Frames may leave by the port they came in by. */
  hairpin: bool(c.IFLA_BRPORT_MODE),
  /** BPDUs that come in here shut the port. */
  guard: bool(c.IFLA_BRPORT_GUARD),
  /** The port may not become the root port. */
  rootBlock: bool(c.IFLA_BRPORT_PROTECT),
  fastLeave: bool(c.IFLA_BRPORT_FAST_LEAVE),
  learning: bool(c.IFLA_BRPORT_LEARNING),
  /** Unicast to unknown addresses goes out here, too. */
  flood: bool(c.IFLA_BRPORT_UNICAST_FLOOD),
  proxyArp: bool(c.IFLA_BRPORT_PROXYARP),
  proxyArpWifi: bool(c.IFLA_BRPORT_PROXYARP_WIFI),
  /** 8 bytes: priority and MAC. */
  rootId: blob(c.IFLA_BRPORT_ROOT_ID),
  bridgeId: blob(c.IFLA_BRPORT_BRIDGE_ID),
  designatedPort: u16(c.IFLA_BRPORT_DESIGNATED_PORT),
  designatedCost: u16(c.IFLA_BRPORT_DESIGNATED_COST),
  id: u16(c.IFLA_BRPORT_ID),
  number: u16(c.IFLA_BRPORT_NO),
  topologyChangeAck: u8(c.IFLA_BRPORT_TOPOLOGY_CHANGE_ACK),
  configPending: u8(c.IFLA_BRPORT_CONFIG_PENDING),
  messageAgeTimer: u64(c.IFLA_BRPORT_MESSAGE_AGE_TIMER),
  forwardDelayTimer: u64(c.IFLA_BRPORT_FORWARD_DELAY_TIMER),
  holdTimer: u64(c.IFLA_BRPORT_HOLD_TIMER),
  flush: flag(c.IFLA_BRPORT_FLUSH),
  mcastRouter: u8(c.IFLA_BRPORT_MULTICAST_ROUTER),
  mcastFlood: bool(c.IFLA_BRPORT_MCAST_FLOOD),
  mcastToUnicast: bool(c.IFLA_BRPORT_MCAST_TO_UCAST),
  vlanTunnel: bool(c.IFLA_BRPORT_VLAN_TUNNEL),
  bcastFlood: bool(c.IFLA_BRPORT_BCAST_FLOOD),
  groupFwdMask: u16(c.IFLA_BRPORT_GROUP_FWD_MASK),
  neighSuppress: bool(c.IFLA_BRPORT_NEIGH_SUPPRESS),
  /** Isolated ports do not talk to each other. */
  isolated: bool(c.IFLA_BRPORT_ISOLATED),
  backupPort: u32(c.IFLA_BRPORT_BACKUP_PORT),
  mrpRingOpen: u8(c.IFLA_BRPORT_MRP_RING_OPEN),
  mrpInOpen: u8(c.IFLA_BRPORT_MRP_IN_OPEN),
  mcastEhtHostsLimit: u32(c.IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT),
  mcastEhtHostsCount: u32(c.IFLA_BRPORT_MCAST_EHT_HOSTS_CNT),
  /** Only frames from addresses in the forwarding table come in. */
  locked: bool(c.IFLA_BRPORT_LOCKED),
  mab: bool(c.IFLA_BRPORT_MAB),
  mcastGroups: u32(c.IFLA_BRPORT_MCAST_N_GROUPS),
  mcastMaxGroups: u32(c.IFLA_BRPORT_MCAST_MAX_GROUPS),
  neighVlanSuppress: bool(c.IFLA_BRPORT_NEIGH_VLAN_SUPPRESS),
  backupNextHopId: u32(c.IFLA_BRPORT_BACKUP_NHID),
})

export type BridgePortInfo = ValueOf<typeof bridgePortInfo>
/** What a port can be told: the same properties; those that are state are the kernel's to refuse. */
export type BridgePortChange = BridgePortInfo
