// What IFLA_INFO_DATA says of a bridge. linux/if_link.h (v6.1): enum IFLA_BR_*.
import {
  blob,
  bool,
  flag,
  mac,
  struct,
  table,
  u8,
  u16,
  u16be,
  u32,
  u64,
  type ValueOf,
} from '../../netlink/fields.js'
import * as c from '../constants-link.js'

/** A bridge's settings and state. Times are in clock ticks of 1/100 s, as in sysfs and `ip link`. */
export const bridgeInfo = table({
  forwardDelay: u32(c.IFLA_BR_FORWARD_DELAY),
  helloTime: u32(c.IFLA_BR_HELLO_TIME),
  maxAge: u32(c.IFLA_BR_MAX_AGE),
  ageingTime: u32(c.IFLA_BR_AGEING_TIME),
  /** 0 off, 1 the kernel's STP, 2 user space's. */
  stp: u32(c.IFLA_BR_STP_STATE),
  priority: u16(c.IFLA_BR_PRIORITY),
  vlanFiltering: bool(c.IFLA_BR_VLAN_FILTERING),
  /** ETH_P_8021Q or ETH_P_8021AD. */
  vlanProtocol: u16be(c.IFLA_BR_VLAN_PROTOCOL),
  /** Which link-local group addresses (01:80:c2:00:00:0X, one bit each) are forwarded. */
  groupFwdMask: u16(c.IFLA_BR_GROUP_FWD_MASK),
  /** 8 bytes: priority and MAC. */
  rootId: blob(c.IFLA_BR_ROOT_ID),
  bridgeId: blob(c.IFLA_BR_BRIDGE_ID),
  rootPort: u16(c.IFLA_BR_ROOT_PORT),
  rootPathCost: u32(c.IFLA_BR_ROOT_PATH_COST),
  topologyChange: u8(c.IFLA_BR_TOPOLOGY_CHANGE),
  topologyChangeDetected: u8(c.IFLA_BR_TOPOLOGY_CHANGE_DETECTED),
  helloTimer: u64(c.IFLA_BR_HELLO_TIMER),
  tcnTimer: u64(c.IFLA_BR_TCN_TIMER),
  topologyChangeTimer: u64(c.IFLA_BR_TOPOLOGY_CHANGE_TIMER),
  gcTimer: u64(c.IFLA_BR_GC_TIMER),
  groupAddress: mac(c.IFLA_BR_GROUP_ADDR),
  fdbFlush: flag(c.IFLA_BR_FDB_FLUSH),
  /** 0 never, 1 as learned, 2 always. */
  mcastRouter: u8(c.IFLA_BR_MCAST_ROUTER),
  mcastSnooping: bool(c.IFLA_BR_MCAST_SNOOPING),
  mcastQueryUseIfaddr: bool(c.IFLA_BR_MCAST_QUERY_USE_IFADDR),
  mcastQuerier: bool(c.IFLA_BR_MCAST_QUERIER),
  mcastHashElasticity: u32(c.IFLA_BR_MCAST_HASH_ELASTICITY),
  mcastHashMax: u32(c.IFLA_BR_MCAST_HASH_MAX),
  mcastLastMemberCount: u32(c.IFLA_BR_MCAST_LAST_MEMBER_CNT),
  mcastStartupQueryCount: u32(c.IFLA_BR_MCAST_STARTUP_QUERY_CNT),
  mcastLastMemberInterval: u64(c.IFLA_BR_MCAST_LAST_MEMBER_INTVL),
  mcastMembershipInterval: u64(c.IFLA_BR_MCAST_MEMBERSHIP_INTVL),
  mcastQuerierInterval: u64(c.IFLA_BR_MCAST_QUERIER_INTVL),
  mcastQueryInterval: u64(c.IFLA_BR_MCAST_QUERY_INTVL),
  mcastQueryResponseInterval: u64(c.IFLA_BR_MCAST_QUERY_RESPONSE_INTVL),
  mcastStartupQueryInterval: u64(c.IFLA_BR_MCAST_STARTUP_QUERY_INTVL),
  nfCallIptables: bool(c.IFLA_BR_NF_CALL_IPTABLES),
  nfCallIp6tables: bool(c.IFLA_BR_NF_CALL_IP6TABLES),
  nfCallArptables: bool(c.IFLA_BR_NF_CALL_ARPTABLES),
  /** 0: ports get no VLAN by themselves. */
  vlanDefaultPvid: u16(c.IFLA_BR_VLAN_DEFAULT_PVID),
  vlanStats: bool(c.IFLA_BR_VLAN_STATS_ENABLED),
  mcastStats: bool(c.IFLA_BR_MCAST_STATS_ENABLED),
  mcastIgmpVersion: u8(c.IFLA_BR_MCAST_IGMP_VERSION),
  mcastMldVersion: u8(c.IFLA_BR_MCAST_MLD_VERSION),
  vlanStatsPerPort: bool(c.IFLA_BR_VLAN_STATS_PER_PORT),
  /** BR_BOOLOPT_* bits: values, and which of them are meant. */
  boolOptions: struct(
    c.IFLA_BR_MULTI_BOOLOPT,
    8,
    buf => ({ values: buf.readUInt32LE(0), mask: buf.readUInt32LE(4) }),
    (w, v) => w.u32(v.values).u32(v.mask),
  ),
  fdbLearned: u32(c.IFLA_BR_FDB_N_LEARNED),
  fdbMaxLearned: u32(c.IFLA_BR_FDB_MAX_LEARNED),
})

export type BridgeInfo = ValueOf<typeof bridgeInfo>
