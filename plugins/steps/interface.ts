// Step: the container's end gets its addresses and routes and comes up. Undone with the link itself.
import { CniCode, CniError } from '../../cni/error.js'
import type { ResultIp, ResultRoute } from '../../cni/result.js'
import type { Step } from '../../cni/steps.js'
import { ignoreExists, isErrno, isExists } from '../../kernel/error.js'
import { Namespace } from '../../kernel/namespace.js'
import type { AddressSpec } from '../../kernel/route/address.js'
import type { SysctlSetting } from '../../kernel/sysctl.js'
import type { Ip } from '../../wire/ip.js'
import { IFA_F_NOPREFIXROUTE, IFF_UP, RT_SCOPE_LINK, RT_TABLE_MAIN } from '../../wire/route/constants.js'
import type { Route } from '../../wire/route/route.js'
import { routeProtocol } from '../names.js'
import { type AttachState, birthName, type CommonConfig, checkFailed, containerOf } from '../state.js'
import { pathOfInterface } from '../tuning/sysctl-key.js'

export interface InterfaceStepConfig extends CommonConfig {
  /** Run duplicate address detection for IPv6; by default our addresses are ours, and usable at once. */
  readonly enableDad: boolean
}

/** How the container reaches its subnet. */
export interface Reach {
  /** False: the kernel makes no route to the subnet; `routesBefore` say how it is reached. */
  readonly prefixRoute: boolean
  /** Routes that must exist before those of the result. */
  routesBefore(ips: readonly ResultIp[], oif: number): Route[]
}

/** Neighbours in the subnet are on the link. */
export const onLink: Reach = { prefixRoute: true, routesBefore: () => [] }

export function interfaceStep(reach: Reach): Step<AttachState<InterfaceStepConfig>> {
  const routesOf = (state: AttachState<unknown>, oif: number): Route[] => [
    ...reach.routesBefore(state.ips, oif),
    ...state.routes.map(route => kernelRoute(route, oif, state.ips)),
  ]
  return {
    name: 'interface',

    wanted: state => !state.config.disableContainerInterface,

    async apply(state) {
      const { netns, config, ips } = state
      state.container = Namespace.open(netns.fd, { sysctls: settings(state) })
      const { link, addr, route } = state.container
      const { index, mtu } = link.get(birthName(state)) ?? vanished(state)
      state.mtu ||= mtu
      const hasMode = isAsked(state, `net/ipv6/conf/${birthName(state)}/addr_gen_mode`)
      if (ips.length > 0 && !hasIpv6(ips) && !hasMode) keepIpv6Quiet(state.container, index)
      // Addresses first: a link that comes up with them announces them, where it is told to.
      for (const ip of ips)
        giveAddress(state, {
          index,
          address: ip.address,
          noDad: !config.enableDad,
          flags: reach.prefixRoute ? 0 : IFA_F_NOPREFIXROUTE,
        })
      bringUp(state, index)
      // Behind those that another attachment has made: that one keeps its traffic. One that is there already will do.
      for (const wanted of routesOf(state, index)) ignoreExists(() => route.append(wanted))
      if (config.enableDad && hasIpv6(ips)) await addr.settled(index, 5_000)
    },

    check(state) {
      const { key, netns, ips } = state
      const { link, addr, route } = containerOf(state)
      const present = link.get(key.ifname) ?? vanished(state)
      if ((present.flags & IFF_UP) === 0) throw checkFailed(`${key.ifname} in ${netns.path} is down`)
      const addresses = addr.list({ index: present.index })
      for (const ip of ips)
        if (!addresses.some(a => a.address.equals(ip.address)))
          throw checkFailed(`${key.ifname} in ${netns.path} lacks the address ${ip.address}`)
      const { index } = present
      const wantedRoutes = routesOf(state, index)
      if (reach.prefixRoute) wantedRoutes.push(...ips.flatMap(ip => prefixRoute(ip, index)))
      for (const wanted of wantedRoutes) {
        const { dst, gateway, table } = wanted
        const routes = route.list({ oif: index, family: dst.family, table: table || RT_TABLE_MAIN })
        if (!routes.some(present => isRoute(present, wanted)))
          throw checkFailed(`route ${dst}${gateway ? ` via ${gateway}` : ''} is gone from ${netns.path}`)
      }
    },
  }
}

/** Written before the link has its name; see `birthName`. */
function settings(state: AttachState<InterfaceStepConfig>): SysctlSetting[] {
  return ownSettings(state).filter(([path]) => !isAsked(state, path))
}

/** The configuration asks for the setting by itself, and has it by now. */
function isAsked(state: AttachState<InterfaceStepConfig>, path: string): boolean {
  const name = birthName(state)
  return state.config.sysctl?.some(wish => wish.own && pathOfInterface(wish.path, name) === path) ?? false
}

function ownSettings(state: AttachState<InterfaceStepConfig>): SysctlSetting[] {
  const { config, ips } = state
  const v4 = `net/ipv4/conf/${birthName(state)}`
  const v6 = `net/ipv6/conf/${birthName(state)}`
  const list: SysctlSetting[] = []
  // A MAC address that was asked for may be new to its IP address: neighbours must be told.
  if (config.mac) list.push([`${v4}/arp_notify`, '1', { optional: true }])
  if (!hasIpv6(ips)) return list
  if (config.mac) list.push([`${v6}/ndisc_notify`, '1', { optional: true }])
  list.push(
    [`${v6}/accept_dad`, config.enableDad ? '1' : '0', { optional: true }],
    [`${v6}/keep_addr_on_down`, '1', { optional: true }],
  )
  if (config.enableDad) list.push([`${v6}/enhanced_dad`, '1', { optional: true }])
  return list
}

function hasIpv6(ips: readonly ResultIp[]): boolean {
  return ips.some(ip => ip.address.family === 6)
}

/** Up, and under the name that the runtime asked for, which may be taken. */
function bringUp(state: AttachState<InterfaceStepConfig>, index: number): void {
  const { container, key, netns } = state
  const rename = birthName(state) === key.ifname ? {} : { rename: key.ifname }
  try {
    container!.link.set({ index, up: true, ...rename })
  } catch (error) {
    if (!isExists(error)) throw error
    throw new CniError(
      CniCode.alreadyAttached,
      `interface ${key.ifname} exists already in ${netns.path}`,
      'delete it, or give CNI_IFNAME another name',
      { cause: error },
    )
  }
}

const IN6_ADDR_GEN_MODE_NONE = 1

/** No link-local address where IPv6 is not used: its solicitations would go to every port of the bridge. */
function keepIpv6Quiet(container: Namespace, index: number): void {
  try {
    container.link.set({ index, addrGenMode: IN6_ADDR_GEN_MODE_NONE })
  } catch (error) {
    if (!isErrno(error, 'EAFNOSUPPORT', 'EOPNOTSUPP', 'EINVAL')) throw error // a kernel without IPv6
  }
}

/** Some runtimes turn IPv6 off in new namespaces; an IPv6 address says that it is wanted. */
function giveAddress(state: AttachState<InterfaceStepConfig>, address: AddressSpec): void {
  const { container } = state
  try {
    container!.addr.add(address)
  } catch (error) {
    if (address.address.family === 4 || !isErrno(error, 'EACCES', 'EPERM')) throw error
    for (const name of ['lo', birthName(state)])
      container!.sysctl.set(`net/ipv6/conf/${name}/disable_ipv6`, '0', { optional: true })
    container!.addr.add(address)
  }
}

/** A route without a gateway goes via that of the first address of its family, as the reference plugins have it. */
function kernelRoute(route: ResultRoute, oif: number, ips: readonly ResultIp[]): Route {
  const ofFamily = ips.find(ip => ip.address.family === route.dst.family && ip.gateway)
  const gateway: Ip | undefined = route.scope === RT_SCOPE_LINK ? route.gw : (route.gw ?? ofFamily?.gateway)
  const { mtu, advmss, priority, table, scope } = route
  return {
    dst: route.dst,
    oif,
    protocol: routeProtocol,
    ...(gateway && { gateway }),
    ...(mtu !== undefined && { mtu }),
    ...(advmss !== undefined && { advmss }),
    ...(priority !== undefined && { priority }),
    ...(table !== undefined && { table }),
    ...(scope !== undefined && { scope }),
  }
}

/** The route that the kernel makes for an address with a subnet. */
function prefixRoute({ address }: ResultIp, oif: number): Route[] {
  return address.length === address.ip.bytes.length * 8 ? [] : [{ dst: address.network(), oif }]
}

/** What is not asked for is not compared. */
function isRoute(present: Route, wanted: Route): boolean {
  const same = (key: 'mtu' | 'advmss' | 'priority') =>
    wanted[key] === undefined || present[key] === wanted[key]
  return (
    present.dst.equals(wanted.dst.network()) &&
    goesVia(present, wanted) &&
    same('mtu') &&
    same('advmss') &&
    same('priority')
  )
}

/** Alone, or as one of several ways: two networks of one container may share a destination. */
function goesVia(present: Route, { gateway, oif }: Route): boolean {
  if (gateway === undefined) return true
  const ways = present.nexthops ?? [present]
  return ways.some(way => way.oif === oif && way.gateway?.equals(gateway))
}

function vanished(state: AttachState<unknown>): never {
  throw checkFailed(`${state.key.ifname} is gone from ${state.netns.path}`)
}
