// SOCK_DIAG_BY_FAMILY for IPv4 and IPv6: which sockets there are.
// linux/inet_diag.h (v6.1): struct inet_diag_req_v2 { u8 family, protocol, ext, pad; u32 states; struct inet_diag_sockid id },
// struct inet_diag_sockid { be16 sport, dport; be32 src[4], dst[4]; u32 if, cookie[2] }, struct inet_diag_msg { u8 family, state,
// timer, retrans; id; u32 expires, rqueue, wqueue, uid, inode }.
import { type Family, Ip } from '../ip.js'
import type { NlWriter } from '../netlink/attr.js'
import { bool, decodeAfter, defined, type Rest, table, u32 } from '../netlink/fields.js'
import { afOf, familyOf } from '../route/family.js'
import { WireError } from '../wire-error.js'
import { type LocalPorts, localPortProgram } from './bytecode.js'
import { INET_DIAG_MARK, INET_DIAG_REQ_BYTECODE, INET_DIAG_SKV6ONLY } from './constants.js'

const INET_DIAG_MSG_LEN = 72
const INET_DIAG_SOCKID_LEN = 48

export interface Socket extends Rest {
  readonly family: Family
  /** TCP_*, also of UDP and SCTP. */
  readonly state: number
  readonly src: Ip
  readonly srcPort: number
  readonly dst: Ip
  readonly dstPort: number
  /** The interface it is bound to. */
  readonly ifindex?: number | undefined
  readonly uid: number
  /** The number in `socket:[…]` of /proc/PID/fd; 0 when no file is open on it. */
  readonly inode: number
  /** Of IPv6 sockets that listen or are not connected. */
  readonly v6Only?: boolean | undefined
  readonly mark?: number | undefined
}

const attributes = table({ v6Only: bool(INET_DIAG_SKV6ONLY), mark: u32(INET_DIAG_MARK) })

export interface SocketFilter {
  readonly family: Family
  /** IPPROTO_* */
  readonly protocol: number
  /** One bit for each state (TCP_*) that is wanted. */
  readonly states: number
  /** Local ports; absent: any. One port is compared at less cost than several. SCTP is not compared with several. */
  readonly ports?: readonly LocalPorts[] | undefined
}

/** The body of SOCK_DIAG_BY_FAMILY with NLM_F_DUMP. */
export function encodeSocketDump(w: NlWriter, { family, protocol, states, ports }: SocketFilter): void {
  const [first] = ports ?? []
  const single = ports?.length === 1 && first !== undefined && first.from === first.to
  w.u8(afOf(family)).u8(protocol).u8(0).u8(0).u32(states)
  w.u16be(single ? first.from : 0).u16be(0)
  w.zeros(INET_DIAG_SOCKID_LEN - 4)
  if (first !== undefined && !single) w.attr(INET_DIAG_REQ_BYTECODE, localPortProgram(ports!))
}

/** Another family than IPv4 and IPv6 is a WireError. */
export function decodeSocket(payload: Buffer): Socket {
  const others = decodeAfter(attributes, payload, INET_DIAG_MSG_LEN)
  const family = familyOf(payload[0]!)
  if (family === undefined) throw new WireError(`a socket of family ${payload[0]}`)
  const address = (at: number) => new Ip(Uint8Array.from(payload.subarray(at, at + (family === 4 ? 4 : 16))))
  return defined({
    family,
    state: payload[1]!,
    src: address(8),
    srcPort: payload.readUInt16BE(4),
    dst: address(24),
    dstPort: payload.readUInt16BE(6),
    ifindex: payload.readUInt32LE(40) || undefined,
    uid: payload.readUInt32LE(64),
    inode: payload.readUInt32LE(68),
    ...others,
  })
}
