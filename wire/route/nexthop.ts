// The next hops of a route: RTA_GATEWAY or RTA_VIA, and RTA_MULTIPATH, an array of struct rtnexthop
// { u16 len; u8 flags, hops; i32 ifindex }, each with attributes of its own. linux/rtnetlink.h (v6.1).
import { type Family, Ip } from '../ip.js'
import { NlReader, type NlWriter } from '../netlink/attr.js'
import { type Field, ip, type Rest, table, u32 } from '../netlink/fields.js'
import { RTA_FLOW, RTA_GATEWAY, RTA_MULTIPATH, RTA_VIA, RTNH_F_ONLINK } from './constants.js'
import { afOf, familyOf } from './family.js'

export interface NextHop extends Rest {
  readonly gateway?: Ip | undefined
  readonly oif?: number | undefined
  /** 1 to 256, by default 1. */
  readonly weight?: number | undefined
  /** The gateway is taken to be on the link, whatever the routes say. */
  readonly onlink?: boolean | undefined
  /** RTNH_F_* but RTNH_F_ONLINK. */
  readonly flags?: number | undefined
  readonly realm?: number | undefined
}

/** RTA_VIA, struct rtvia { u16 family; u8 addr[] }: a gateway of the other family. */
export const via: Field<Ip> = {
  type: RTA_VIA,
  write: (w, v) => w.attrOf(RTA_VIA, into => into.u16(afOf(v.family)).bytes(v.bytes)),
  read: r => {
    const bytes = r.bytes(2, true)
    const family = familyOf(bytes.readUInt16LE(0))
    return family === undefined || bytes.length !== (family === 4 ? 6 : 18)
      ? undefined
      : new Ip(r.raw().data.slice(2))
  },
}

const attributes = table({ gateway: ip(RTA_GATEWAY), via, realm: u32(RTA_FLOW) })

/** Which of two attributes a gateway has in a route of `family`. */
export function gatewayOf(family: Family, gateway: Ip | undefined) {
  const same = gateway?.family === family
  return { gateway: same ? gateway : undefined, via: same ? undefined : gateway }
}

/**
 * RTA_MULTIPATH of a route of `family`. A struct rtnexthop starts like an attribute: its length, and where the type
 * would be, flags and hops (the weight less one).
 */
export function encodeNextHops(w: NlWriter, family: Family, hops: readonly NextHop[]): void {
  w.attrOf(RTA_MULTIPATH, into => {
    for (const hop of hops) {
      const { weight = 1, flags = 0, onlink = false, oif = 0 } = hop
      if (!Number.isInteger(weight) || weight < 1 || weight > 256)
        throw new RangeError(`the weight of a next hop is 1 to 256, not ${weight}`)
      into.attrOf(flags | (onlink ? RTNH_F_ONLINK : 0) | ((weight - 1) << 8), inner => {
        inner.i32(oif)
        attributes.encode(inner, { ...hop, ...gatewayOf(family, hop.gateway) })
      })
    }
  })
}

export function decodeNextHops(r: NlReader): NextHop[] {
  const hops: NextHop[] = []
  while (r.next()) {
    const payload = r.bytes(4, true)
    const flags = r.rawType & 0xff
    const { gateway, via, ...others } = attributes.decode(new NlReader(payload, 4))
    const ip = gateway ?? via
    hops.push({
      ...(ip && { gateway: ip }),
      oif: payload.readInt32LE(0),
      weight: (r.rawType >> 8) + 1,
      ...((flags & RTNH_F_ONLINK) !== 0 && { onlink: true }),
      ...((flags & ~RTNH_F_ONLINK) !== 0 && { flags: flags & ~RTNH_F_ONLINK }),
      ...others,
    })
  }
  return hops
}
