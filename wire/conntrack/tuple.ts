// One direction of a connection: addresses and, as the protocol has them, ports or the numbers of ICMP.
// linux/netfilter/nfnetlink_conntrack.h (v6.1): enum ctattr_tuple, ctattr_ip, ctattr_l4proto.
import type { Ip } from '../ip.js'
import { type Field, ipEither, nested, type Rest, table, u8, u16be } from '../netlink/fields.js'
import * as c from './constants.js'

export interface TupleAddresses extends Rest {
  readonly src?: Ip | undefined
  readonly dst?: Ip | undefined
}

export interface TupleProtocol extends Rest {
  /** IPPROTO_* */
  readonly number?: number | undefined
  /** Of TCP, UDP, UDP-Lite, SCTP, DCCP. Of GRE, the keys. */
  readonly srcPort?: number | undefined
  readonly dstPort?: number | undefined
  readonly icmpId?: number | undefined
  readonly icmpType?: number | undefined
  readonly icmpCode?: number | undefined
  readonly icmp6Id?: number | undefined
  readonly icmp6Type?: number | undefined
  readonly icmp6Code?: number | undefined
}

export interface Tuple extends Rest {
  readonly ip?: TupleAddresses | undefined
  readonly protocol?: TupleProtocol | undefined
  /** Of a connection that is in a zone in this direction only. */
  readonly zone?: number | undefined
}

const addresses = table({
  src: ipEither(c.CTA_IP_V4_SRC, c.CTA_IP_V6_SRC),
  dst: ipEither(c.CTA_IP_V4_DST, c.CTA_IP_V6_DST),
})

const protocol = table({
  number: u8(c.CTA_PROTO_NUM),
  srcPort: u16be(c.CTA_PROTO_SRC_PORT),
  dstPort: u16be(c.CTA_PROTO_DST_PORT),
  icmpId: u16be(c.CTA_PROTO_ICMP_ID),
  icmpType: u8(c.CTA_PROTO_ICMP_TYPE),
  icmpCode: u8(c.CTA_PROTO_ICMP_CODE),
  icmp6Id: u16be(c.CTA_PROTO_ICMPV6_ID),
  icmp6Type: u8(c.CTA_PROTO_ICMPV6_TYPE),
  icmp6Code: u8(c.CTA_PROTO_ICMPV6_CODE),
})

const attributes = table({
  ip: nested(c.CTA_TUPLE_IP, addresses),
  protocol: nested(c.CTA_TUPLE_PROTO, protocol),
  zone: u16be(c.CTA_TUPLE_ZONE),
})

export const tuple = (type: number): Field<Tuple> => nested(type, attributes)

/** The tuple of the answers when nothing is translated, for protocols with ports. */
export function inverse({ ip, protocol }: Tuple): Tuple {
  return {
    ip: ip && { src: ip.dst, dst: ip.src },
    protocol: protocol && {
      number: protocol.number,
      srcPort: protocol.dstPort,
      dstPort: protocol.srcPort,
    },
  }
}

const FLAGS = {
  number: c.CTA_FILTER_F_CTA_PROTO_NUM,
  srcPort: c.CTA_FILTER_F_CTA_PROTO_SRC_PORT,
  dstPort: c.CTA_FILTER_F_CTA_PROTO_DST_PORT,
  icmpId: c.CTA_FILTER_F_CTA_PROTO_ICMP_ID,
  icmpType: c.CTA_FILTER_F_CTA_PROTO_ICMP_TYPE,
  icmpCode: c.CTA_FILTER_F_CTA_PROTO_ICMP_CODE,
  icmp6Id: c.CTA_FILTER_F_CTA_PROTO_ICMPV6_ID,
  icmp6Type: c.CTA_FILTER_F_CTA_PROTO_ICMPV6_TYPE,
  icmp6Code: c.CTA_FILTER_F_CTA_PROTO_ICMPV6_CODE,
} as const

/** CTA_FILTER_F_* for all that a tuple gives. */
export function filterFlags({ ip, protocol, zone }: Tuple): number {
  let flags = 0
  if (ip?.src !== undefined) flags |= c.CTA_FILTER_F_CTA_IP_SRC
  if (ip?.dst !== undefined) flags |= c.CTA_FILTER_F_CTA_IP_DST
  if (zone !== undefined) flags |= c.CTA_FILTER_F_CTA_TUPLE_ZONE
  for (const [name, flag] of Object.entries(FLAGS))
    if (protocol?.[name as keyof typeof FLAGS] !== undefined) flags |= flag
  return flags
}
