// From what a person asks for to what each network is told: capability arguments where a plugin declares the capability, CNI_ARGS and
// `args` where none does. CNI CONVENTIONS.
import type { JsonObject, JsonValue } from '../cni/call.js'
import { isJsonObject } from '../cni/fold.js'
import { Ip, Prefix } from '../wire/ip.js'
import { Mac } from '../wire/mac.js'
import type { PlannedAttachment } from './container/state.js'
import { RuntimeError } from './error.js'
import type { NetworkList } from './libcni/network-list.js'
import { requireIfname } from './names.js'
import type { PortMapping } from './publish.js'

/** The capability `bandwidth`: bits a second, to the container and from it. */
export interface Bandwidth {
  readonly ingressRate?: number
  readonly egressRate?: number
}

export interface Wishes {
  readonly publish?: readonly PortMapping[]
  readonly bandwidth?: Bandwidth
  /** Addresses, with or without a prefix length. */
  readonly ips?: readonly string[]
  readonly mac?: string
  /** Name of the first interface; the next ones count on. Default: eth0. */
  readonly ifname?: string
}

/** One attachment for each network, in order. Throws a RuntimeError for a wish that none of the networks can fulfil. */
export function planAttachments(networks: readonly NetworkList[], wishes: Wishes): PlannedAttachment[] {
  const { ips = [], mac, publish = [], bandwidth } = wishes
  if ((ips.length > 0 || mac !== undefined) && networks.length !== 1)
    throw new RuntimeError(
      `${mac === undefined ? '--ip' : '--mac'} needs exactly one network, and there are ${networks.length}`,
      'give one --network, and attach the others with: plumbline attach',
    )
  if (publish.length > 0) requireCapability(networks, 'portMappings', 'publish ports', '--publish')
  if (bandwidth !== undefined)
    requireCapability(networks, 'bandwidth', 'limit rates', '--ingress-rate and --egress-rate')
  return networks.map((network, i) => plan(network, ifnameOf(wishes.ifname, i), wishes))
}

function plan(
  network: NetworkList,
  ifname: string,
  { publish = [], ips = [], mac, bandwidth }: Wishes,
): PlannedAttachment {
  const addresses = ips.map(requireAddress)
  const capabilityArgs: JsonObject = {}
  const args: [string, string][] = []
  let { raw } = network
  if (publish.length > 0 && has(network, 'portMappings'))
    capabilityArgs.portMappings = publish.map(mapping => ({ ...mapping }))
  if (bandwidth !== undefined && has(network, 'bandwidth')) capabilityArgs.bandwidth = { ...bandwidth }
  if (mac !== undefined) {
    if (has(network, 'mac')) capabilityArgs.mac = requireMac(mac)
    else args.push(['MAC', requireMac(mac)])
  }
  if (addresses.length > 0) {
    if (has(network, 'ips')) capabilityArgs.ips = addresses
    // One fits into CNI_ARGS, which every IPAM plugin reads.
    else if (addresses.length === 1) args.push(['IP', addresses[0]!])
    else raw = withArgsIps(raw, addresses)
  }
  if (args.length > 0) args.unshift(['IgnoreUnknown', '1'])
  return { network: network.name, ifname, args, capabilityArgs, config: raw }
}

function requireCapability(
  networks: readonly NetworkList[],
  capability: string,
  what: string,
  options: string,
): void {
  if (networks.some(network => has(network, capability))) return
  const names = networks.map(({ name }) => name).join(', ')
  throw new RuntimeError(
    `no plugin of ${names || 'no network'} can ${what}: none declares the capability "${capability}"`,
    `add "capabilities": {"${capability}": true} to a plugin that takes it, or run without ${options}`,
  )
}

function has(network: NetworkList, capability: string): boolean {
  return network.plugins.some(plugin => plugin.capabilities.includes(capability))
}

/** `args.cni.ips` in the configuration of every plugin. */
function withArgsIps(raw: JsonObject, ips: readonly string[]): JsonObject {
  const object = (value: JsonValue | undefined) => (isJsonObject(value) ? value : {})
  const plugins = (Array.isArray(raw.plugins) ? raw.plugins : []).map(plugin => {
    const { args } = object(plugin)
    return {
      ...object(plugin),
      args: { ...object(args), cni: { ...object(object(args).cni), ips: [...ips] } },
    }
  })
  return { ...raw, plugins }
}

function ifnameOf(first = 'eth0', i: number): string {
  requireIfname(first)
  const match = /^(.*?)(\d*)$/.exec(first)!
  return i === 0 ? first : requireIfname(`${match[1]}${Number(match[2] || '0') + i}`)
}

function requireAddress(text: string): string {
  const value = Ip.tryParse(text) ?? Prefix.tryParse(text)
  if (value !== undefined) return value.toString()
  throw new RuntimeError(`--ip ${JSON.stringify(text)} is no address`, 'give it as 10.89.0.5 or fd00::5')
}

function requireMac(text: string): string {
  const mac = Mac.tryParse(text)
  if (mac?.isUnicast()) return mac.toString()
  throw new RuntimeError(
    `--mac ${JSON.stringify(text)} is no ${mac ? 'unicast ' : ''}MAC address`,
    'give it as 02:00:00:00:00:01',
  )
}
