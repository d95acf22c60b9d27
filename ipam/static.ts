// static: gives out the addresses it is told to, and keeps nothing. CNI SPEC 1.1.0 section 4, delegated plugins.
import { CniCode, CniError } from '../cni/error.js'
import { allVersions, type Plugin } from '../cni/plugin.js'
import type { Result, ResultIp, ResultRoute } from '../cni/result.js'
import { parseConfig, type StaticConfig } from './static/config.js'

export const staticIpam: Plugin<StaticConfig> = {
  type: 'static',
  about: 'Plumbline static: addresses as configured, or as the runtime asks',
  versions: allVersions,
  parse: parseConfig,

  async add(_call, { ips, routes, dns }): Promise<Result> {
    return { interfaces: [], ips, routes, dns }
  },

  async del(): Promise<void> {},

  async check(call, config): Promise<void> {
    const { prevResult } = call
    if (prevResult === undefined) return
    for (const ip of config.ips) requireIp(ip, prevResult)
    for (const route of config.routes) requireRoute(route, prevResult)
  },

  async gc(): Promise<void> {},

  async status(): Promise<void> {},
}

function requireIp(wanted: ResultIp, { ips }: Result): void {
  const found = ips.find(({ address }) => address.equals(wanted.address))
  if (found === undefined) throw differs(`address ${wanted.address} is not in prevResult`)
  if (wanted.gateway !== undefined && !found.gateway?.equals(wanted.gateway))
    throw differs(
      `gateway of ${wanted.address} is ${wanted.gateway}, in prevResult it is ${found.gateway ?? 'not set'}`,
    )
}

/** The plugin that delegates may have filled in a gateway where we gave none. */
function requireRoute({ dst, gw }: ResultRoute, { routes }: Result): void {
  const found = routes.some(
    route => route.dst.network().equals(dst.network()) && (gw === undefined || route.gw?.equals(gw)),
  )
  if (!found) throw differs(`route to ${dst}${gw ? ` via ${gw}` : ''} is not in prevResult`)
}

function differs(msg: string): CniError {
  return new CniError(CniCode.checkFailed, msg, 'the configuration has changed since ADD, or the result was')
}
