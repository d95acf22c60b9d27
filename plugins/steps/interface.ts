// Step: the container's end gets its addresses and routes and comes up. Undone with the link itself.
import type { ResultIp, ResultRoute } from '../../cni/result.js'
import type { Step } from '../../cni/steps.js'
import { ignoreExists } from '../../kernel/error.js'
import { Namespace } from '../../kernel/namespace.js'
import type { SysctlSetting } from '../../kernel/sysctl.js'
import type { Ip } from '../../wire/ip.js'
import { IFA_F_NOPREFIXROUTE, IFF_UP, RT_SCOPE_LINK, RT_TABLE_MAIN } from '../../wire/route/constants.js'
import type { Route } from '../../wire/route/route.js'
import { routeProtocol } from '../names.js'
import { type AttachState, checkFailed, containerOf } from '../state.js'

export interface InterfaceStepConfig {
  /** Run duplicate address detection for IPv6; by default our addresses are ours, and usable at once. */
  readonly enableDad: boolean
  /** Leave the interface down and without addresses. */
  readonly disableContainerInterface: boolean
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
      const { key, netns, ips, config } = state
      state.container = Namespace.open(netns.fd, { sysctls: settings(key.ifname, ips, config.enableDad) })
      const { link, addr, route } = state.container
      const { index, mtu } = link.get(key.ifname) ?? vanished(state)
      state.mtu ||= mtu
      // Addresses first: a link that comes up with them announces them (arp_notify, ndisc_notify).
      for (const ip of ips)
        addr.add({
          index,
          address: ip.address,
          noDad: !config.enableDad,
          flags: reach.prefixRoute ? 0 : IFA_F_NOPREFIXROUTE,
        })
      link.set({ index, up: true })
      // Behind those that another attachment has made: that one keeps its traffic. One that is there already will do.
      for (const wanted of routesOf(state, index)) ignoreExists(() => route.append(wanted))
      if (config.enableDad && ips.some(ip => ip.address.family === 6)) await addr.settled(index, 5_000)
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

function settings(ifname: string, ips: readonly ResultIp[], enableDad: boolean): SysctlSetting[] {
  const list: SysctlSetting[] = [[`net/ipv4/conf/${ifname}/arp_notify`, '1', { optional: true }]]
  if (!ips.some(ip => ip.address.family === 6)) return list
  const v6 = `net/ipv6/conf/${ifname}`
  list.push(
    ['net/ipv6/conf/lo/disable_ipv6', '0', { optional: true }],
    [`${v6}/disable_ipv6`, '0', { optional: true }],
    [`${v6}/accept_dad`, enableDad ? '1' : '0', { optional: true }],
    [`${v6}/keep_addr_on_down`, '1', { optional: true }],
    [`${v6}/ndisc_notify`, '1', { optional: true }],
  )
  if (enableDad) list.push([`${v6}/enhanced_dad`, '1', { optional: true }])
  return list
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
