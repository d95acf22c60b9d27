// RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE: routes, and what the kernel's lookup finds.
// linux/rtnetlink.h (v6.1): struct rtmsg { u8 family, dst_len, src_len, tos, table, protocol, scope, type; u32 flags }, RTA_*.
import { type Family, Ip, Prefix } from '../ip.js'
import type { NlWriter } from '../netlink/attr.js'
import {
  decodeAfter,
  defined,
  type Field,
  ip,
  plainNest,
  type Rest,
  table,
  u8,
  u32,
} from '../netlink/fields.js'
import { WireError } from '../wire-error.js'
import * as c from './constants.js'
import { afOf, familyOf, prefixOf } from './family.js'
import { type RouteMetrics, routeMetrics } from './metrics.js'
import { decodeNextHops, encodeNextHops, gatewayOf, type NextHop, via } from './nexthop.js'

const RTMSG_LEN = 12
const LOCAL_TYPES: readonly number[] = [c.RTN_LOCAL, c.RTN_BROADCAST, c.RTN_ANYCAST, c.RTN_NAT]

export interface Route extends Rest {
  /** All zeros with length 0 is the default route. */
  readonly dst: Prefix
  /** Of either family; one of the other family than `dst` goes into RTA_VIA. */
  readonly gateway?: Ip | undefined
  readonly oif?: number | undefined
  /** The preferred source address. */
  readonly src?: Ip | undefined
  /** Only for packets from there (IPv6). */
  readonly from?: Prefix | undefined
  /** By default RT_TABLE_MAIN, or RT_TABLE_LOCAL for the types that belong there. */
  readonly table?: number | undefined
  /** RT_SCOPE_*; by default what `ip` takes: link without a gateway in IPv4, else universe. */
  readonly scope?: number | undefined
  /** RTPROT_*, by default RTPROT_BOOT. */
  readonly protocol?: number | undefined
  /** RTN_*, by default RTN_UNICAST. */
  readonly type?: number | undefined
  /** The metric: the lowest wins. */
  readonly priority?: number | undefined
  readonly tos?: number | undefined
  readonly mtu?: number | undefined
  readonly advmss?: number | undefined
  /** The other metrics, and which of them all are locked. */
  readonly metrics?: Omit<RouteMetrics, 'mtu' | 'advmss'> | undefined
  /** The gateway is taken to be on the link, whatever the routes say. */
  readonly onlink?: boolean | undefined
  /** RTM_F_*, RTNH_F_* but RTNH_F_ONLINK. */
  readonly flags?: number | undefined
  /** More than one way; `gateway` and `oif` are absent then. */
  readonly nexthops?: readonly NextHop[] | undefined
  readonly nexthopId?: number | undefined
  readonly iif?: number | undefined
  readonly mark?: number | undefined
  readonly uid?: number | undefined
  readonly realm?: number | undefined
  /** Router preference in IPv6: ICMPV6_ROUTER_PREF_*. */
  readonly pref?: number | undefined
  /** Seconds. */
  readonly expires?: number | undefined
}

const multipath: Field<NextHop[]> = {
  type: c.RTA_MULTIPATH,
  // Written by encodeRoute, which knows the family.
  write: () => {},
  read: r => decodeNextHops(r.inner()),
}

const attributes = table({
  dst: ip(c.RTA_DST),
  from: ip(c.RTA_SRC),
  table: u32(c.RTA_TABLE),
  priority: u32(c.RTA_PRIORITY),
  metrics: plainNest(c.RTA_METRICS, routeMetrics),
  src: ip(c.RTA_PREFSRC),
  gateway: ip(c.RTA_GATEWAY),
  via,
  oif: u32(c.RTA_OIF),
  multipath,
  nexthopId: u32(c.RTA_NH_ID),
  realm: u32(c.RTA_FLOW),
  iif: u32(c.RTA_IIF),
  mark: u32(c.RTA_MARK),
  uid: u32(c.RTA_UID),
  pref: u8(c.RTA_PREF),
  expires: u32(c.RTA_EXPIRES),
})

/** The body of RTM_NEWROUTE and RTM_DELROUTE. */
export function encodeRoute(w: NlWriter, route: Route): void {
  const { dst, from, type = c.RTN_UNICAST, protocol = c.RTPROT_BOOT } = route
  const { table = usualTable(type), scope = usualScope(route, type) } = route
  const { gateway, via } = gatewayOf(dst.family, route.gateway)
  encodeHeader(w, route, table, protocol, scope, type)
  attributes.encode(w, {
    dst: dst.length === 0 ? undefined : dst.ip,
    from: from?.ip,
    table: tableAttribute(table),
    priority: route.priority,
    metrics: metricsOf(route),
    src: route.src,
    gateway,
    via,
    oif: route.oif,
    nexthopId: route.nexthopId,
    realm: route.realm,
    iif: route.iif,
    mark: route.mark,
    uid: route.uid,
    pref: route.pref,
    expires: route.expires,
    rest: route.rest,
  })
  if (route.nexthops !== undefined) encodeNextHops(w, dst.family, route.nexthops)
}

/** The body of RTM_DELROUTE: what is absent (type, protocol, scope, ...) is not compared. */
export function encodeRouteRemoval(w: NlWriter, route: Route): void {
  const anyScope = route.dst.family === 4 ? c.RT_SCOPE_NOWHERE : c.RT_SCOPE_UNIVERSE
  encodeRoute(w, {
    ...route,
    type: route.type ?? 0,
    protocol: route.protocol ?? 0,
    scope: route.scope ?? anyScope,
  })
}

/** What to ask the kernel's lookup. */
export interface RouteQuery {
  readonly dst: Ip
  readonly src?: Ip | undefined
  readonly oif?: number | undefined
  readonly iif?: number | undefined
  readonly mark?: number | undefined
  readonly uid?: number | undefined
  /** Answer with the route that matched, not with the way that a packet would take. */
  readonly fibMatch?: boolean | undefined
}

/** The body of RTM_GETROUTE without NLM_F_DUMP. */
export function encodeRouteQuery(w: NlWriter, query: RouteQuery): void {
  const { dst, src, fibMatch, ...others } = query
  const host = Prefix.host(dst)
  // IPv6 names the table unasked, and refuses the flag (inet6_rtm_valid_getroute_req, net/ipv6/route.c).
  const lookup = dst.family === 4 ? c.RTM_F_LOOKUP_TABLE : 0
  const flags = lookup | (fibMatch === true ? c.RTM_F_FIB_MATCH : 0)
  encodeHeader(w, { dst: host, from: src && Prefix.host(src), flags }, c.RT_TABLE_UNSPEC, 0, 0, 0)
  attributes.encode(w, { ...others, dst, from: src })
}

export interface RouteFilter {
  readonly family?: Family | undefined
  readonly table?: number | undefined
  readonly oif?: number | undefined
  readonly protocol?: number | undefined
  readonly type?: number | undefined
}

/** The body of RTM_GETROUTE with NLM_F_DUMP. The kernel filters only where the request is strictly checked. */
export function encodeRouteDump(w: NlWriter, filter: RouteFilter = {}): void {
  const { family, table = 0, oif, protocol = 0, type = 0 } = filter
  w.u8(afOf(family)).u8(0).u8(0).u8(0).u8(tableByte(table)).u8(protocol).u8(0).u8(type).u32(0)
  attributes.encode(w, { table: tableAttribute(table), oif })
}

/** Decodes RTM_NEWROUTE and RTM_DELROUTE of IPv4 and IPv6; another family (multicast routing, MPLS) is a WireError. */
export function decodeRoute(payload: Buffer): Route {
  const { dst, from, via, gateway, table, metrics, multipath, ...others } = decodeAfter(
    attributes,
    payload,
    RTMSG_LEN,
  )
  const family = familyOf(payload[0]!)
  if (family === undefined) throw new WireError(`a route of family ${payload[0]}`)
  const flags = payload.readUInt32LE(8)
  const { mtu, advmss, ...otherMetrics } = metrics ?? {}
  return defined({
    dst: prefixOf(dst ?? anyIp(family), payload[1]!),
    from: from && prefixOf(from, payload[2]!),
    gateway: gateway ?? via,
    table: table ?? payload[4]!,
    protocol: payload[5]!,
    scope: payload[6]!,
    type: payload[7]!,
    tos: payload[3]! || undefined,
    flags: flags & ~c.RTNH_F_ONLINK || undefined,
    onlink: (flags & c.RTNH_F_ONLINK) !== 0 || undefined,
    mtu,
    advmss,
    metrics: Object.keys(otherMetrics).length > 0 ? otherMetrics : undefined,
    nexthops: multipath,
    ...others,
  })
}

function encodeHeader(
  w: NlWriter,
  { dst, from, tos = 0, flags = 0, onlink }: Route,
  table: number,
  protocol: number,
  scope: number,
  type: number,
): void {
  w.u8(afOf(dst.family))
    .u8(dst.length)
    .u8(from?.length ?? 0)
    .u8(tos)
  w.u8(tableByte(table)).u8(protocol).u8(scope).u8(type)
  w.u32(flags | (onlink === true ? c.RTNH_F_ONLINK : 0))
}

/** Tables beyond 255 do not fit the header. */
function tableByte(table: number): number {
  return table > 0xff ? c.RT_TABLE_UNSPEC : table
}

function tableAttribute(table: number | undefined): number | undefined {
  return table !== undefined && table > 0xff ? table : undefined
}

function usualTable(type: number): number {
  return LOCAL_TYPES.includes(type) ? c.RT_TABLE_LOCAL : c.RT_TABLE_MAIN
}

function usualScope({ dst, gateway, nexthops, nexthopId }: Route, type: number): number {
  if (dst.family === 6) return c.RT_SCOPE_UNIVERSE
  if (type === c.RTN_LOCAL || type === c.RTN_NAT) return c.RT_SCOPE_HOST
  if (type === c.RTN_BROADCAST || type === c.RTN_MULTICAST || type === c.RTN_ANYCAST) return c.RT_SCOPE_LINK
  const direct = gateway === undefined && nexthops === undefined && nexthopId === undefined
  return type === c.RTN_UNICAST && direct ? c.RT_SCOPE_LINK : c.RT_SCOPE_UNIVERSE
}

function metricsOf({ mtu, advmss, metrics }: Route): RouteMetrics | undefined {
  if (mtu === undefined && advmss === undefined && metrics === undefined) return undefined
  return { ...metrics, mtu, advmss }
}

function anyIp(family: Family): Ip {
  return new Ip(new Uint8Array(family === 4 ? 4 : 16))
}
