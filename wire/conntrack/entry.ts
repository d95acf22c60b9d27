// IPCTNL_MSG_CT_NEW, _GET, _DELETE and the notifications of the same names: entries of the connection tracking table.
// linux/netfilter/nfnetlink_conntrack.h (v6.1): enum ctattr_type and those of its nests.
import type { Family, Ip } from '../ip.js'
import type { NlWriter } from '../netlink/attr.js'
import {
  blob,
  decodeAfter,
  defined,
  ipEither,
  nested,
  type Rest,
  struct,
  table,
  text,
  u8,
  u16be,
  u32,
  u32be,
  u64be,
} from '../netlink/fields.js'
import { familyOf } from '../route/family.js'
import { WireError } from '../wire-error.js'
import * as c from './constants.js'
import { conntrackHeader, NFGENMSG_LEN } from './message.js'
import { filterFlags, type Tuple, tuple } from './tuple.js'

/** struct nf_ct_tcp_flags: IP_CT_TCP_FLAG_*, and which of them are meant. */
export interface TcpFlags {
  readonly flags: number
  readonly mask: number
}

export interface TcpInfo extends Rest {
  /** TCP_CONNTRACK_* */
  readonly state?: number | undefined
  readonly origScale?: number | undefined
  readonly replyScale?: number | undefined
  readonly origFlags?: TcpFlags | undefined
  readonly replyFlags?: TcpFlags | undefined
}

export interface SctpInfo extends Rest {
  /** SCTP_CONNTRACK_* */
  readonly state?: number | undefined
  readonly origTag?: number | undefined
  readonly replyTag?: number | undefined
}

export interface ProtocolInfo extends Rest {
  readonly tcp?: TcpInfo | undefined
  readonly sctp?: SctpInfo | undefined
}

/** Of one direction; there with net.netfilter.nf_conntrack_acct=1. */
export interface ConntrackCounters extends Rest {
  readonly packets?: bigint | undefined
  readonly bytes?: bigint | undefined
}

/** Address translation for an entry that is being made: from one address to another, and of ports likewise. */
export interface NatRange extends Rest {
  readonly min?: Ip | undefined
  readonly max?: Ip | undefined
  readonly ports?:
    | ({ readonly min?: number | undefined; readonly max?: number | undefined } & Rest)
    | undefined
}

export interface ConntrackEntry extends Rest {
  /** Absent in requests that mean all families. */
  readonly family?: Family | undefined
  /** As the first packet came in, before any translation. */
  readonly orig?: Tuple | undefined
  /** As the answers come in: its source is where the first packet went after translation. */
  readonly reply?: Tuple | undefined
  /** The connection that announced this one. */
  readonly master?: Tuple | undefined
  /** IPS_* */
  readonly status?: number | undefined
  /** The bits of `status` that count, in requests. */
  readonly statusMask?: number | undefined
  readonly protocolInfo?: ProtocolInfo | undefined
  /** The name of the helper. */
  readonly help?: ({ readonly name?: string | undefined } & Rest) | undefined
  readonly natSrc?: NatRange | undefined
  readonly natDst?: NatRange | undefined
  /** Seconds until it expires. */
  readonly timeout?: number | undefined
  readonly mark?: number | undefined
  readonly markMask?: number | undefined
  readonly origCounters?: ConntrackCounters | undefined
  readonly replyCounters?: ConntrackCounters | undefined
  /** How many hold it. */
  readonly use?: number | undefined
  /** Tells it from an entry of the same tuple before or after it. */
  readonly id?: number | undefined
  readonly zone?: number | undefined
  readonly labels?: Uint8Array | undefined
  readonly labelsMask?: Uint8Array | undefined
  /** Nanoseconds since 1970; with net.netfilter.nf_conntrack_timestamp=1. */
  readonly timestamp?:
    | ({ readonly start?: bigint | undefined; readonly stop?: bigint | undefined } & Rest)
    | undefined
  /** What counts of the tuples in a request: CTA_FILTER_F_*. */
  readonly filter?:
    | ({ readonly orig?: number | undefined; readonly reply?: number | undefined } & Rest)
    | undefined
}

const tcpFlags = (type: number) =>
  struct(
    type,
    2,
    (buf): TcpFlags => ({ flags: buf[0]!, mask: buf[1]! }),
    (w, v) => w.u8(v.flags).u8(v.mask),
  )

const protocolInfo = table({
  tcp: nested(
    c.CTA_PROTOINFO_TCP,
    table({
      state: u8(c.CTA_PROTOINFO_TCP_STATE),
      origScale: u8(c.CTA_PROTOINFO_TCP_WSCALE_ORIGINAL),
      replyScale: u8(c.CTA_PROTOINFO_TCP_WSCALE_REPLY),
      origFlags: tcpFlags(c.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL),
      replyFlags: tcpFlags(c.CTA_PROTOINFO_TCP_FLAGS_REPLY),
    }),
  ),
  sctp: nested(
    c.CTA_PROTOINFO_SCTP,
    table({
      state: u8(c.CTA_PROTOINFO_SCTP_STATE),
      origTag: u32be(c.CTA_PROTOINFO_SCTP_VTAG_ORIGINAL),
      replyTag: u32be(c.CTA_PROTOINFO_SCTP_VTAG_REPLY),
    }),
  ),
})

const counters = table({
  packets: u64be(c.CTA_COUNTERS_PACKETS),
  bytes: u64be(c.CTA_COUNTERS_BYTES),
})

const natRange = table({
  min: ipEither(c.CTA_NAT_V4_MINIP, c.CTA_NAT_V6_MINIP),
  max: ipEither(c.CTA_NAT_V4_MAXIP, c.CTA_NAT_V6_MAXIP),
  ports: nested(
    c.CTA_NAT_PROTO,
    table({ min: u16be(c.CTA_PROTONAT_PORT_MIN), max: u16be(c.CTA_PROTONAT_PORT_MAX) }),
  ),
})

const attributes = table({
  orig: tuple(c.CTA_TUPLE_ORIG),
  reply: tuple(c.CTA_TUPLE_REPLY),
  master: tuple(c.CTA_TUPLE_MASTER),
  status: u32be(c.CTA_STATUS),
  statusMask: u32be(c.CTA_STATUS_MASK),
  protocolInfo: nested(c.CTA_PROTOINFO, protocolInfo),
  help: nested(c.CTA_HELP, table({ name: text(c.CTA_HELP_NAME) })),
  natSrc: nested(c.CTA_NAT_SRC, natRange),
  natDst: nested(c.CTA_NAT_DST, natRange),
  timeout: u32be(c.CTA_TIMEOUT),
  mark: u32be(c.CTA_MARK),
  markMask: u32be(c.CTA_MARK_MASK),
  origCounters: nested(c.CTA_COUNTERS_ORIG, counters),
  replyCounters: nested(c.CTA_COUNTERS_REPLY, counters),
  use: u32be(c.CTA_USE),
  id: u32be(c.CTA_ID),
  zone: u16be(c.CTA_ZONE),
  labels: blob(c.CTA_LABELS),
  labelsMask: blob(c.CTA_LABELS_MASK),
  timestamp: nested(
    c.CTA_TIMESTAMP,
    table({ start: u64be(c.CTA_TIMESTAMP_START), stop: u64be(c.CTA_TIMESTAMP_STOP) }),
  ),
  // The one part of ctnetlink that is in the host's byte order.
  filter: nested(
    c.CTA_FILTER,
    table({ orig: u32(c.CTA_FILTER_ORIG_FLAGS), reply: u32(c.CTA_FILTER_REPLY_FLAGS) }),
  ),
})

/** The body of IPCTNL_MSG_CT_NEW, and of _GET and _DELETE for one entry or (with nothing but a family) all. */
export function encodeConntrack(w: NlWriter, entry: ConntrackEntry): void {
  conntrackHeader(w, entry.family)
  attributes.encode(w, entry)
}

/** Another family than IPv4, IPv6 or none is a WireError. */
export function decodeConntrack(payload: Buffer): ConntrackEntry {
  const others = decodeAfter(attributes, payload, NFGENMSG_LEN)
  const family = familyOf(payload[0]!)
  if (family === undefined && payload[0] !== 0) throw new WireError(`an entry of family ${payload[0]}`)
  return defined({ family, ...others })
}

/** Some of the entries of a family: those that have what the tuples say. */
export interface ConntrackFilter {
  /** By default both, but then there can be no tuples (EOPNOTSUPP). */
  readonly family?: Family | undefined
  readonly orig?: Tuple | undefined
  readonly reply?: Tuple | undefined
}

/**
 * The body of IPCTNL_MSG_CT_GET with NLM_F_DUMP, and of IPCTNL_MSG_CT_DELETE for many. The former is filtered from Linux 5.8 on, and
 * before that not at all; the latter from 6.12 on, and before that is an error. Not all of it is compared, nor rightly: of ports, those
 * of TCP and UDP (any port of SCTP will do); IPv6 addresses the wrong way round, so that all others are taken (seen in 6.18).
 */
export function encodeConntrackFilter(w: NlWriter, { family, orig, reply }: ConntrackFilter): void {
  const filter = { orig: orig && filterFlags(orig), reply: reply && filterFlags(reply) }
  encodeConntrack(w, { family, orig, reply, filter: orig || reply ? filter : undefined })
}
