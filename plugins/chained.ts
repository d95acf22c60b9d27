// What the steps of a chained plugin's ADD or CHECK share: an interface that a plugin before it has made, and its addresses.
// CNI SPEC 1.1.0, section 2: `prevResult`.
import { type AttachmentKey, attachmentKey, type Call, type Netns } from '../cni/call.js'
import { CniCode, CniError } from '../cni/error.js'
import type { Host } from '../cni/plugin.js'
import type { Result, ResultIp } from '../cni/result.js'
import { Namespace } from '../kernel/namespace.js'
import type { Link } from '../wire/route/link.js'
import type { Attached } from './attached.js'
import { hostIfname, hostIfnames } from './names.js'

export class ChainState<Config> implements Attached {
  readonly key: AttachmentKey
  readonly call: Call
  readonly host: Host
  readonly netns: Netns
  readonly config: Config
  readonly previous: Result
  readonly owner: string
  readonly addressed = true
  /** Those of CNI_IFNAME first, then those of other interfaces in the container. */
  readonly ips: readonly ResultIp[]
  #container: Namespace | undefined
  #hostLink: Link | undefined
  #master: string | undefined

  constructor(call: Call, config: Config, host: Host) {
    if (!call.prevResult)
      throw new CniError(
        CniCode.invalidConfig,
        `${call.plugin} must be called as a chained plugin: there is no "prevResult"`,
        'put it behind a plugin that makes the interface, such as bridge',
      )
    this.call = call
    this.config = config
    this.host = host
    this.key = attachmentKey(call)
    this.netns = call.netns!
    this.previous = call.prevResult
    this.owner = hostIfname(this.key)
    this.ips = containerIps(call.prevResult, call.ifname)
  }

  get hostIfname(): string {
    const ours = hostIfnames(this.key)
    const named = this.previous.interfaces.find(i => i.sandbox === undefined && ours.includes(i.name))
    return named?.name ?? this.hostLink.name
  }

  get l3Ifname(): string {
    return this.master ?? this.hostIfname
  }

  get bridged(): boolean {
    return this.master !== undefined
  }

  /** The host end as it is when it is first asked for. */
  get hostLink(): Link {
    this.#hostLink ??= this.#ourHostLink() ?? this.#peerOfContainerEnd()
    return this.#hostLink
  }

  /** The bridge that the host end is a port of, or undefined. */
  get master(): string | undefined {
    const { master } = this.hostLink
    if (master === undefined || master === 0) return undefined
    this.#master ??= this.host.kernel.link.get(master)?.name
    return this.#master
  }

  /** The container's side, open until `closeChained`. */
  get container(): Namespace {
    this.#container ??= Namespace.open(this.netns.fd)
    return this.#container
  }

  close(): void {
    this.#container?.[Symbol.dispose]()
    this.#container = undefined
  }

  #ourHostLink(): Link | undefined {
    const ours = hostIfnames(this.key)
    const named = this.previous.interfaces.find(i => i.sandbox === undefined && ours.includes(i.name))
    return named && this.host.kernel.link.get(named.name)
  }

  #peerOfContainerEnd(): Link {
    const { ifname } = this.key
    const inside = this.container.link.get(ifname)
    if (!inside)
      throw new CniError(CniCode.invalidConfig, `there is no interface ${ifname} in ${this.netns.path}`)
    const link = inside.kind === 'veth' && inside.peerIndex && this.host.kernel.link.get(inside.peerIndex)
    if (!link)
      throw new CniError(
        CniCode.invalidConfig,
        `${ifname} in ${this.netns.path} has no other end on this host`,
        `${this.call.plugin} works behind plugins that make a veth pair, such as bridge and ptp`,
      )
    return link
  }
}

export function beginChained<Config>(call: Call, config: Config, host: Host): ChainState<Config> {
  return new ChainState(call, config, host)
}

export function closeChained(state: ChainState<unknown>): void {
  state.close()
}

function containerIps({ interfaces, ips }: Result, ifname: string): ResultIp[] {
  const of = (ip: ResultIp) => (ip.interface === undefined ? undefined : interfaces[ip.interface])
  const inside = ips.filter(ip => of(ip) === undefined || of(ip)?.sandbox !== undefined)
  const first = inside.filter(ip => of(ip) === undefined || of(ip)?.name === ifname)
  return [...first, ...inside.filter(ip => !first.includes(ip))]
}
