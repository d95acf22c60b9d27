// Writing of results in the caller's version: what the SPEC of that version has, and nothing else.
// CNI SPEC 1.1.0, section 5; the SPECs of earlier versions.
import type { Ip } from '../wire/ip.js'
import type { JsonObject } from './call.js'
import { CniCode, CniError } from './error.js'
import { currentVersion } from './plugin.js'
import type { Dns, Result, ResultInterface, ResultIp, ResultRoute } from './result.js'
import { atLeast, isSingleAddress, isVersion, requireAddresses } from './versions.js'

/**
 * A result as JSON of a version. Throws CniError 1 when the version is unknown or can't hold the result: before 0.3.0 there
 * must be an address, and only one of each family.
 */
export function printResult(result: Result, version: string): JsonObject {
  if (!isVersion(version))
    throw new CniError(
      CniCode.incompatibleVersion,
      `no converter for CNI result version ${currentVersion} to ${version}`,
    )
  return isSingleAddress(version) ? printOld(result, version) : printNew(result, version)
}

function printNew(result: Result, version: string): JsonObject {
  const full = atLeast(version, '1.1.0')
  const modern = atLeast(version, '1.0.0')
  const dns = printDns(result.dns)
  return {
    cniVersion: version,
    ...list(
      'interfaces',
      result.interfaces.map(each => printInterface(each, full)),
    ),
    ...list(
      'ips',
      result.ips.map(ip => printIp(ip, !modern)),
    ),
    ...list(
      'routes',
      result.routes.map(route => printRoute(route, full)),
    ),
    // Until 1.0.0 the key is always there.
    ...(modern && Object.keys(dns).length === 0 ? {} : { dns }),
  }
}

function printOld(result: Result, version: string): JsonObject {
  const families = result.ips.map(ip => ip.address.family)
  requireAddresses(version, families)
  if (families.length === 0)
    throw new CniError(
      CniCode.incompatibleVersion,
      'cannot convert: no valid IP addresses',
      `a result of CNI version ${version} must hold an address; use cniVersion 0.3.0 or later`,
    )
  const out: JsonObject = { cniVersion: version }
  for (const { address, gateway } of result.ips) {
    const routes = result.routes.filter(route => route.dst.family === address.family)
    out[`ip${address.family}`] = {
      ip: String(address),
      ...optional('gateway', gateway),
      ...list(
        'routes',
        routes.map(route => printRoute(route, false)),
      ),
    }
  }
  out.dns = printDns(result.dns)
  return out
}

function printInterface(
  { name, mac, mtu, sandbox, socketPath, pciID }: ResultInterface,
  full: boolean,
): JsonObject {
  const out: JsonObject = { name }
  if (mac) out.mac = mac
  if (full && mtu) out.mtu = mtu
  if (sandbox) out.sandbox = sandbox
  if (full && socketPath) out.socketPath = socketPath
  if (full && pciID) out.pciID = pciID
  return out
}

function printIp({ address, gateway, interface: index }: ResultIp, withVersion: boolean): JsonObject {
  return {
    ...(withVersion ? { version: String(address.family) } : {}),
    address: String(address),
    ...optional('gateway', gateway),
    ...(index === undefined ? {} : { interface: index }),
  }
}

function printRoute(
  { dst, gw, mtu, advmss, priority, table, scope }: ResultRoute,
  full: boolean,
): JsonObject {
  const out: JsonObject = { dst: String(dst), ...optional('gw', gw) }
  if (!full) return out
  if (mtu) out.mtu = mtu
  if (advmss) out.advmss = advmss
  if (priority) out.priority = priority
  if (table !== undefined) out.table = table
  if (scope !== undefined) out.scope = scope
  return out
}

function printDns({ nameservers, domain, search, options }: Dns): JsonObject {
  return {
    ...list('nameservers', nameservers ?? []),
    ...(domain ? { domain } : {}),
    ...list('search', search ?? []),
    ...list('options', options ?? []),
  }
}

function list(key: string, items: readonly (JsonObject | string)[]): JsonObject {
  return items.length === 0 ? {} : { [key]: [...items] }
}

function optional(key: string, ip: Ip | undefined): JsonObject {
  return ip === undefined ? {} : { [key]: String(ip) }
}
