// CHECK: what the attachment holds is what its result says, address by address.
import { CniCode, CniError } from '../../cni/error.js'
import type { Result } from '../../cni/result.js'
import type { Ip } from '../../wire/ip.js'
import type { HostLocalConfig } from './config.js'
import type { Owner } from './lease.js'
import { rangeOf } from './range.js'

/**
 * Compares leases with the addresses of `prevResult`: every lease must be among them, and every one of them that is of
 * our ranges must be leased. Throws CniError 100.
 */
export function checkLeases(
  owner: Owner,
  held: readonly Ip[],
  config: HostLocalConfig,
  prevResult: Result | undefined,
): void {
  const who = `${owner.containerId}, interface ${owner.ifname}`
  const fail = (msg: string): never => {
    throw new CniError(CniCode.checkFailed, msg, `leases are in ${config.directory}`)
  }
  if (held.length === 0) fail(`no address is leased to container ${who}`)
  if (prevResult === undefined) return
  const given = prevResult.ips.map(({ address }) => address.ip)
  const ours = given.filter(ip => config.wanted.some(({ set }) => rangeOf(set, ip) !== undefined))
  const missing = ours.find(ip => !held.some(other => other.equals(ip)))
  if (missing) fail(`${missing} of prevResult is not leased to container ${who}`)
  const more = held.find(ip => !given.some(other => other.equals(ip)))
  if (more) fail(`${more} is leased to container ${who}, and not in prevResult`)
}
