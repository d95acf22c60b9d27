// The MTU toward everywhere else: what a container's link must not exceed for its packets to leave this machine whole.
import { type Family, Ip } from '../wire/ip.js'
import { RTN_UNICAST } from '../wire/route/constants.js'
import type { Namespace } from './namespace.js'

/** 203.0.113.1 and 2001:db8::1, for documentation (RFC 5737, RFC 3849): only a default route has them. */
const ELSEWHERE: Record<Family, Ip> = {
  4: new Ip(Uint8Array.of(203, 0, 113, 1)),
  6: new Ip(Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)),
}

/**
 * The MTU of the link that the family's default route leaves by (the least of them, if by several), or of the route if that is
 * less. Undefined when there is no default route. One look-up, no dump.
 */
export function uplinkMtu(namespace: Namespace, family: Family): number | undefined {
  const route = namespace.route.get(ELSEWHERE[family], { fibMatch: true })
  // A prefix of one bit is half of a default route that VPNs split in two.
  if (route === undefined || route.type !== RTN_UNICAST || route.dst.length > 1) return undefined
  const mtus = (route.nexthops ?? [route]).flatMap(({ oif }) =>
    oif === undefined ? [] : (namespace.link.get(oif)?.mtu ?? []),
  )
  if (mtus.length === 0) return undefined
  return Math.min(...mtus, route.mtu ?? Number.POSITIVE_INFINITY)
}
