// The configuration of static: addresses from the configuration, from CNI_ARGS besides, or from the network's or the
// runtime's arguments instead.
import * as v from 'valibot'
import type { Call } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import type { Dns, ResultIp, ResultRoute } from '../../cni/result.js'
import { toRoute } from '../../cni/result-parse.js'
import { decode, text } from '../../cni/schema.js'
import { requireAddresses } from '../../cni/versions.js'
import { type Ip, Prefix } from '../../wire/ip.js'
import {
  type Asked,
  askedByNetwork,
  askedByRuntime,
  invalidArgument,
  isMapped,
  listsOfArgs,
  optionalIp,
  parseIp,
} from '../addresses.js'
import { routeSchema } from '../route.js'

export interface StaticConfig {
  readonly ips: readonly ResultIp[]
  readonly routes: readonly ResultRoute[]
  readonly dns: Dns
}

const texts = v.exactOptional(v.array(text()))
const document = v.object({
  ipam: v.exactOptional(
    v.object({
      addresses: v.exactOptional(v.array(v.object({ address: text(), gateway: optionalIp() }))),
      routes: v.exactOptional(v.array(routeSchema)),
      dns: v.exactOptional(
        v.object({ nameservers: texts, domain: v.exactOptional(text()), search: texts, options: texts }),
      ),
    }),
  ),
})

/** Decodes and checks. Throws CniError 7, or 4 for what CNI_ARGS holds. */
export function parseConfig(call: Call): StaticConfig {
  const { ipam: keys } = decode(document, call.config.raw, '')
  if (keys === undefined)
    throw new CniError(
      CniCode.invalidConfig,
      "IPAM config missing 'ipam' key",
      'static is configured under "ipam"',
    )
  const configured = (keys.addresses ?? []).map(({ address, gateway }, i) => ({
    address: cidr(
      { key: `ipam.addresses[${i}].address`, text: address },
      "the 'address' field is expected to be in",
    ),
    ...(gateway ? { gateway } : {}),
  }))
  const byArgs = withArgs(call, configured)
  const byNetwork = asked(askedByNetwork(call))
  const byRuntime = asked(askedByRuntime(call))
  // Whoever asks for particular addresses wants no others, and the runtime knows best.
  const ips = [byRuntime, byNetwork].find(list => list.length > 0) ?? byArgs
  checkIps(ips)
  requireAddresses(
    call.config.cniVersion,
    ips.map(({ address }) => address.family),
  )
  return { ips, routes: (keys.routes ?? []).map(toRoute), dns: keys.dns ?? {} }
}

/** Appends the addresses of CNI_ARGS, and gives each of its gateways to the addresses whose subnet has it. */
function withArgs(call: Call, configured: readonly ResultIp[]): ResultIp[] {
  const args = listsOfArgs(call, ['IP', 'GATEWAY'])
  const added = args.IP.map(text => {
    const address = parsePrefix(text)
    if (address !== undefined) return { address }
    throw new CniError(
      CniCode.invalidEnvironment,
      `the 'ip' field is expected to be in CIDR notation, got: '${text}'`,
      'CNI_ARGS IP',
    )
  })
  const gateways = args.GATEWAY.map(text => {
    const gateway = parseIp(text)
    if (gateway === undefined) throw invalidArgument('GATEWAY', 'an IP address', text)
    return gateway
  })
  return [...configured, ...added].map(ip => withGateway(ip, gateways))
}

function withGateway(ip: ResultIp, gateways: readonly Ip[]): ResultIp {
  const gateway = gateways.findLast(one => ip.address.contains(one))
  return gateway === undefined ? ip : { ...ip, gateway }
}

function asked(list: readonly Asked[]): ResultIp[] {
  return list.map(one => ({ address: cidr(one, "an entry in the 'ips' field is NOT in") }))
}

function cidr({ key, text }: Asked, complaint: string): Prefix {
  const prefix = parsePrefix(text)
  if (prefix !== undefined) return prefix
  throw new CniError(CniCode.invalidConfig, `${complaint} CIDR notation, got: '${text}'`, key)
}

/** An interface address. One of IPv4 mapped into IPv6 has no prefix length that would make sense. */
function parsePrefix(text: string): Prefix | undefined {
  const prefix = Prefix.tryParse(text)
  return prefix && isMapped(prefix.ip) ? undefined : prefix
}

function checkIps(ips: readonly ResultIp[]): void {
  for (const [i, { address, gateway }] of ips.entries()) {
    if (ips.slice(0, i).some(other => other.address.ip.equals(address.ip)))
      throw new CniError(CniCode.invalidConfig, `invalid addresses: ${address.ip} is given twice`)
    if (gateway !== undefined && gateway.family !== address.family)
      throw new CniError(
        CniCode.invalidConfig,
        `invalid value for "ipam.addresses[${i}].gateway": ${gateway} is not of the address family of ${address}`,
      )
  }
}
