// Everything one network namespace offers, with the verbs of `ip`, `bridge`, `tc`, `nft`, `conntrack`, `ss` and `sysctl`.
// A netlink socket belongs for ever to the namespace it was opened in, so nobody has to enter one to work in it.
import { addon } from '../native/addon.js'
import { NETLINK_SOCK_DIAG } from '../wire/diag/constants.js'
import { NETLINK_NETFILTER, NETLINK_ROUTE } from '../wire/netlink/constants.js'
import { ConntrackVerbs } from './conntrack/conntrack.js'
import { check, KernelError } from './error.js'
import { NetlinkConnection } from './netlink/connection.js'
import { Subscription } from './netlink/subscription.js'
import { Nft } from './nft/nft.js'
import { AddressVerbs } from './route/address.js'
import { BridgeVlanVerbs } from './route/bridge-vlan.js'
import { ClassVerbs } from './route/class.js'
import { FdbVerbs } from './route/fdb.js'
import { FilterVerbs } from './route/filter.js'
import { LinkVerbs } from './route/link.js'
import { NeighbourVerbs } from './route/neighbour.js'
import { QdiscVerbs } from './route/qdisc.js'
import { RouteVerbs } from './route/route.js'
import { RuleVerbs } from './route/rule.js'
import { SocketVerbs } from './socket/sockets.js'
import { Sysctl, type SysctlSetting, sysctlOpenRequest, writeSettings } from './sysctl.js'

const EBADF = 9

export interface NamespaceOptions {
  /** Written while the namespace is opened, in the same visit to it. */
  readonly sysctls?: readonly SysctlSetting[]
}

/** Sockets are opened on first use and kept until dispose. */
export class Namespace implements Disposable {
  /** Open on the namespace, or -1 for this process's own. Borrowed: must stay open as long as this is used. */
  readonly netnsFd: number
  readonly sysctl: Sysctl
  readonly link = new LinkVerbs(
    () => this.#rtnetlink(),
    groups => this.subscribe(groups),
  )
  readonly addr = new AddressVerbs(
    () => this.#rtnetlink(),
    groups => this.subscribe(groups),
  )
  readonly route = new RouteVerbs(() => this.#rtnetlink())
  readonly neigh = new NeighbourVerbs(() => this.#rtnetlink())
  readonly fdb = new FdbVerbs(() => this.#rtnetlink())
  readonly rule = new RuleVerbs(() => this.#rtnetlink())
  readonly qdisc = new QdiscVerbs(() => this.#rtnetlink())
  readonly class = new ClassVerbs(() => this.#rtnetlink())
  readonly filter = new FilterVerbs(() => this.#rtnetlink())
  readonly bridgeVlan = new BridgeVlanVerbs(() => this.#rtnetlink())
  readonly nft = new Nft(() => this.#nfnetlink())
  readonly conntrack = new ConntrackVerbs(() => this.#nfnetlink())
  readonly sockets = new SocketVerbs(() => this.#sockDiag())
  #route: NetlinkConnection | undefined
  #netfilter: NetlinkConnection | undefined
  #diag: NetlinkConnection | undefined

  private constructor(netnsFd: number, route?: NetlinkConnection) {
    this.netnsFd = netnsFd
    this.sysctl = new Sysctl(netnsFd)
    this.#route = route
  }

  /** The namespace of this process. */
  static host(): Namespace {
    return new Namespace(-1)
  }

  /** The namespace that `netnsFd` is open on. Opens its rtnetlink socket and writes `sysctls` in one visit. */
  static open(netnsFd: number, options: NamespaceOptions = {}): Namespace {
    // To the addon a negative one means our own namespace, which is what nobody means who comes here.
    if (netnsFd < 0) throw new KernelError('netns enter', `descriptor ${netnsFd}`, EBADF)
    const sysctls = options.sysctls ?? []
    const [socket, ...files] = addon.openIn(netnsFd, [
      { protocol: NETLINK_ROUTE },
      ...sysctls.map(([path]) => sysctlOpenRequest(path)),
    ]) as [number, ...number[]]
    // When the namespace cannot be entered, nothing could be opened.
    check('netns enter', `descriptor ${netnsFd}`, socket)
    const namespace = new Namespace(netnsFd, new NetlinkConnection(socket))
    try {
      writeSettings(sysctls, files)
      return namespace
    } catch (error) {
      namespace[Symbol.dispose]()
      throw error
    }
  }

  /** Listens to multicast groups of rtnetlink (RTNLGRP_*). */
  subscribe(groups: readonly number[]): Subscription {
    return Subscription.open(NETLINK_ROUTE, groups, this.netnsFd)
  }

  [Symbol.dispose](): void {
    this.#route?.[Symbol.dispose]()
    this.#netfilter?.[Symbol.dispose]()
    this.#route = undefined
    this.#netfilter = undefined
    this.#diag?.[Symbol.dispose]()
    this.#diag = undefined
  }

  #rtnetlink(): NetlinkConnection {
    this.#route ??= NetlinkConnection.open(NETLINK_ROUTE, this.netnsFd)
    return this.#route
  }

  #nfnetlink(): NetlinkConnection {
    this.#netfilter ??= NetlinkConnection.open(NETLINK_NETFILTER, this.netnsFd)
    return this.#netfilter
  }

  #sockDiag(): NetlinkConnection {
    this.#diag ??= NetlinkConnection.open(NETLINK_SOCK_DIAG, this.netnsFd)
    return this.#diag
  }
}
