// RTA_METRICS: what TCP is to assume along a route. linux/rtnetlink.h (v6.1): RTAX_*.
import { table, text, u32, type ValueOf } from '../netlink/fields.js'
import * as c from './constants.js'

export const routeMetrics = table({
  /** Bits 1 << RTAX_*: the metrics that path MTU discovery and TCP may not change. */
  lock: u32(c.RTAX_LOCK),
  mtu: u32(c.RTAX_MTU),
  window: u32(c.RTAX_WINDOW),
  /** In 1/8 ms, as the kernel keeps it. */
  rtt: u32(c.RTAX_RTT),
  /** In 1/4 ms. */
  rttVar: u32(c.RTAX_RTTVAR),
  ssthresh: u32(c.RTAX_SSTHRESH),
  cwnd: u32(c.RTAX_CWND),
  advmss: u32(c.RTAX_ADVMSS),
  reordering: u32(c.RTAX_REORDERING),
  hopLimit: u32(c.RTAX_HOPLIMIT),
  initCwnd: u32(c.RTAX_INITCWND),
  /** RTAX_FEATURE_* */
  features: u32(c.RTAX_FEATURES),
  /** Milliseconds. */
  rtoMin: u32(c.RTAX_RTO_MIN),
  initRwnd: u32(c.RTAX_INITRWND),
  quickAck: u32(c.RTAX_QUICKACK),
  congestionControl: text(c.RTAX_CC_ALGO),
  fastOpenNoCookie: u32(c.RTAX_FASTOPEN_NO_COOKIE),
})

export type RouteMetrics = ValueOf<typeof routeMetrics>
