// RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR: addresses of links.
// linux/if_addr.h (v6.1): struct ifaddrmsg { u8 family, prefixlen, flags, scope; u32 index }, IFA_*.
import type { Family, Ip, Prefix } from '../ip.js'
import type { NlWriter } from '../netlink/attr.js'
import { decodeAfter, ip, type Rest, struct, table, text, u8, u32 } from '../netlink/fields.js'
import { WireError } from '../wire-error.js'
import * as c from './constants.js'
import { afOf, familyOf, prefixOf } from './family.js'

const IFADDRMSG_LEN = 8

/** struct ifa_cacheinfo. Lifetimes in seconds, 0xffffffff for ever; times in 1/100 s since boot. */
export interface AddressCacheInfo {
  readonly preferred: number
  readonly valid: number
  readonly created: number
  readonly updated: number
}

const attributes = table({
  local: ip(c.IFA_LOCAL),
  /** The peer's where there is one, else the local address again. */
  address: ip(c.IFA_ADDRESS),
  broadcast: ip(c.IFA_BROADCAST),
  label: text(c.IFA_LABEL),
  priority: u32(c.IFA_RT_PRIORITY),
  protocol: u8(c.IFA_PROTO),
  flags: u32(c.IFA_FLAGS),
  cacheInfo: struct(
    c.IFA_CACHEINFO,
    16,
    (buf): AddressCacheInfo => ({
      preferred: buf.readUInt32LE(0),
      valid: buf.readUInt32LE(4),
      created: buf.readUInt32LE(8),
      updated: buf.readUInt32LE(12),
    }),
    (w, v) => w.u32(v.preferred).u32(v.valid).u32(v.created).u32(v.updated),
  ),
})

export interface Address extends Rest {
  readonly index: number
  /** The link's own address; the length is that of the subnet, or of the peer's prefix where there is a peer. */
  readonly address: Prefix
  readonly peer?: Ip | undefined
  readonly broadcast?: Ip | undefined
  /** RT_SCOPE_* */
  readonly scope?: number | undefined
  /** IFA_F_* */
  readonly flags?: number | undefined
  readonly label?: string | undefined
  /** IFAPROT_*, or a number of one's own: who made it. */
  readonly protocol?: number | undefined
  /** The metric of the route to the subnet. */
  readonly priority?: number | undefined
  readonly cacheInfo?: AddressCacheInfo | undefined
}

/** The body of RTM_NEWADDR and RTM_DELADDR. Flags beyond the header's 8 bits go into IFA_FLAGS, as `ip` does it. */
export function encodeAddress(w: NlWriter, a: Address): void {
  const { flags = 0, scope = 0, address } = a
  const wide = flags > 0xff
  w.u8(afOf(address.family))
    .u8(address.length)
    .u8(wide ? 0 : flags)
    .u8(scope)
    .u32(a.index)
  attributes.encode(w, {
    local: address.ip,
    address: a.peer ?? address.ip,
    broadcast: a.broadcast,
    label: a.label,
    priority: a.priority,
    protocol: a.protocol,
    flags: wide ? flags : undefined,
    cacheInfo: a.cacheInfo,
    rest: a.rest,
  })
}

export function decodeAddress(payload: Buffer): Address {
  const { local, address, flags, ...others } = decodeAfter(attributes, payload, IFADDRMSG_LEN)
  const own = local ?? address
  if (own === undefined || own.family !== familyOf(payload[0]!))
    throw new WireError(`an address message of family ${payload[0]} without an address of it`)
  return {
    index: payload.readUInt32LE(4),
    address: prefixOf(own, payload[1]!),
    ...(local === undefined || address === undefined || local.equals(address) ? {} : { peer: address }),
    scope: payload[3]!,
    flags: flags ?? payload[2]!,
    ...others,
  }
}

export interface AddressFilter {
  readonly family?: Family | undefined
  readonly index?: number | undefined
}

/** The body of RTM_GETADDR with NLM_F_DUMP. The kernel filters by index only where the request is strictly checked. */
export function encodeAddressDump(w: NlWriter, { family, index = 0 }: AddressFilter = {}): void {
  w.u8(afOf(family)).u8(0).u8(0).u8(0).u32(index)
}
