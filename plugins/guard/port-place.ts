// What address of the host a mapping has in our maps.
import type { Ip } from '../../wire/ip.js'
import { ipv6Loopback, loopTarget } from '../localhost/loop.js'
import type { PortMapping } from '../portmap/mapping.js'

/** None when it is for all of a family. Connections to ::1 come in by the loop, on which its target stands for ::1. */
export function placeOf({ hostIp }: PortMapping): Ip | undefined {
  if (hostIp === undefined || hostIp.isUnspecified()) return undefined
  return hostIp.equals(ipv6Loopback) ? loopTarget : hostIp
}
