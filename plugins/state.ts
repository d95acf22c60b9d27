// What the steps of one ADD or CHECK share: the call, its typed options, and what earlier steps have found out.
import { attachmentKey, type Call } from '../cni/call.js'
import { prepareIpam } from '../cni/delegate.js'
import { CniCode, CniError } from '../cni/error.js'
import type { Host } from '../cni/plugin.js'
import type { Dns, Result, ResultInterface, ResultIp, ResultRoute } from '../cni/result.js'
import { Namespace } from '../kernel/namespace.js'
import { Mac } from '../wire/mac.js'
import type { Link } from '../wire/route/link.js'
import type { Attached } from './attached.js'
import { mtuOf } from './config.js'
import { hostIfname as derivedHostIfname, stableMac } from './names.js'
import type { SysctlConfig } from './tuning/sysctl-config.js'

/** The state of one attachment while a verb walks over the steps. */
export interface AttachState<Config> extends Attached {
  readonly config: Config
  readonly hostMac: Mac
  /** Of the container's end: asked for, or derived (see `addressesKnown`). */
  mac: Mac
  /** MTU of both ends; 0 leaves it to the kernel, until the step that looks at the link knows it. */
  mtu: number
  /** The IPAM's ADD, its configuration validated before anything is written. At ADD only, and where there is an IPAM. */
  readonly lease?: () => Promise<Result>
  /** True once the addresses are known: at once where there is no IPAM. */
  addressed: boolean
  ips: readonly ResultIp[]
  routes: readonly ResultRoute[]
  dns: Dns
  /** Set by the step that makes sure of the bridge. */
  bridge?: Link
  /** Interfaces beside the usual ones, for the result. */
  readonly moreInterfaces: ResultInterface[]
  /** The container's side, open once the link is there. */
  container?: Namespace
}

/** Opens the container's side, or returns it where a step did so before. */
export function containerOf(state: AttachState<unknown>): Namespace {
  state.container ??= Namespace.open(state.netns.fd)
  return state.container
}

/** What every interface plugin asks for, whatever else its keys are. */
export interface CommonConfig {
  readonly mtu: number
  readonly mac: Mac | undefined
  readonly ipam?: { readonly type: string }
  readonly dns?: Dns
  /** The container's end is made and then left alone. */
  readonly disableContainerInterface: boolean
  /** Kernel settings of the container's namespace, those of the interface among them. */
  readonly sysctl?: SysctlConfig
}

/** The state at the start of an ADD or CHECK. `bridge` is the interface on the host's side of a bridge; without one, the host end is. */
export function beginAttachment<Config extends CommonConfig>(
  call: Call,
  config: Config,
  host: Host,
  hostIfname: string,
  bridge?: string,
): AttachState<Config> {
  const key = attachmentKey(call)
  return {
    key,
    call,
    host,
    netns: call.netns!,
    config,
    owner: derivedHostIfname(key),
    hostIfname,
    l3Ifname: bridge ?? hostIfname,
    bridged: bridge !== undefined,
    hostMac: stableMac(`host ${hostIfname}`),
    mac: previousMac(call) ?? config.mac ?? stableMac(`${hostIfname} ${key.containerId}`),
    mtu: call.verb === 'ADD' ? mtuOf(config.mtu, host) : config.mtu,
    ...(config.ipam && call.verb === 'ADD' && { lease: prepareIpam(call, config.ipam, host) }),
    addressed: config.ipam === undefined,
    ips: [],
    routes: [],
    dns: config.dns ?? {},
    moreInterfaces: [],
  }
}

/**
 * The addresses are known. A MAC address that nobody asked for derives from the first of them: whoever has an address later
 * has the same MAC, so that no neighbour's cache is ever wrong, and nothing need be announced to all ports of a bridge.
 */
export function addressesKnown(state: AttachState<CommonConfig>): void {
  state.addressed = true
  const [first] = state.ips
  if (first && state.call.verb === 'ADD' && !state.config.mac)
    state.mac = stableMac(`${state.key.network} ${first.address.ip}`)
}

/**
 * The name under which the container's end is born. One whose settings must be written (/proc/sys/net) is born under the host end's
 * name, which is unique, and renamed: the kernel looks up `conf/eth0` among the `eth0` of all namespaces (proc_sys_compare).
 */
export function birthName(state: AttachState<CommonConfig>): string {
  const { config, ips, hostIfname, key } = state
  if (config.disableContainerInterface) return key.ifname
  return config.mac || ips.some(ip => ip.address.family === 6) ? hostIfname : key.ifname
}

/** At CHECK, the container's MAC as ADD's final result has it: a plugin later in the chain may have set it. */
function previousMac(call: Call): Mac | undefined {
  const previous = call.verb === 'CHECK' && previousInterface(call, call.ifname, 'container')
  return previous ? Mac.tryParse(previous.mac ?? '') : undefined
}

/** An interface as ADD's final result has it. */
export function previousInterface(
  call: Call,
  name: string,
  side: 'host' | 'container',
): ResultInterface | undefined {
  return call.prevResult?.interfaces.find(
    i => i.name === name && (i.sandbox !== undefined) === (side === 'container'),
  )
}

/** For CHECK: throws CniError 100 unless the link has the MAC and the MTU that ADD's final result says. */
export function checkLink(call: Call, link: Link, side: 'host' | 'container'): void {
  const { mac, mtu } = previousInterface(call, link.name, side) ?? {}
  const address = mac === undefined ? undefined : Mac.tryParse(mac)
  if (address && link.address && !link.address.equals(address))
    throw checkFailed(`${link.name} has MAC ${link.address}, not ${address}`)
  if (mtu !== undefined && link.mtu !== mtu) throw checkFailed(`${link.name} has MTU ${link.mtu}, not ${mtu}`)
}

/** What CHECK throws: something is not as ADD left it. */
export function checkFailed(msg: string, details?: string): CniError {
  return new CniError(CniCode.checkFailed, msg, details)
}

/** The result of an interface plugin: the given host interfaces, then the container's, which carries all addresses. */
export function attachmentResult(
  state: AttachState<unknown>,
  hostInterfaces: readonly ResultInterface[],
): Result {
  const container: ResultInterface = {
    name: state.key.ifname,
    mac: state.mac.toString(),
    ...(state.mtu > 0 && { mtu: state.mtu }),
    sandbox: state.netns.path,
  }
  return {
    interfaces: [...hostInterfaces, container, ...state.moreInterfaces],
    ips: state.ips.map(ip => ({ ...ip, interface: hostInterfaces.length })),
    routes: state.routes,
    dns: state.dns,
  }
}

/** The host's end of the pair, for the result. */
export function hostInterface(state: AttachState<unknown>): ResultInterface {
  return {
    name: state.hostIfname,
    mac: state.hostMac.toString(),
    ...(state.mtu > 0 && { mtu: state.mtu }),
  }
}

export function closeState(state: AttachState<unknown>): void {
  state.container?.[Symbol.dispose]()
}
