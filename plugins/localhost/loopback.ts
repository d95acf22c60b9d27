// Which published ports are reachable at an address of the host's loopback interface.
import type { Family, Ip } from '../../wire/ip.js'
import type { PublishConfig } from '../portmap/config.js'
import type { PortMapping } from '../portmap/mapping.js'

/** The mappings that hold for 127.0.0.0/8, or for ::1. */
export function loopbackMappings(
  { mappings }: Pick<PublishConfig, 'mappings'>,
  family: Family,
): PortMapping[] {
  const holds = (ip: Ip) => ip.family === family && (ip.isUnspecified() || ip.isLoopback())
  return mappings.filter(({ hostIp }) => !hostIp || holds(hostIp))
}
