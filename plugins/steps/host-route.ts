// Step: the host's end of a point-to-point pair carries the gateways and a route to each of the container's addresses.
// Undone with the link itself.
import type { Step } from '../../cni/steps.js'
import { Prefix } from '../../wire/ip.js'
import { RT_SCOPE_LINK } from '../../wire/route/constants.js'
import { routeProtocol } from '../names.js'
import { type AttachState, checkFailed } from '../state.js'
import { families } from './bridge.js'
import { checkForwarding, enableForwarding } from './forwarding.js'

export const hostRouteStep: Step<AttachState<unknown>> = {
  name: 'host-route',

  apply(state) {
    const { link, addr, route } = state.host.kernel
    const index = link.index(state.hostIfname) ?? gone(state)
    for (const gateway of gatewayHosts(state)) addr.add({ index, address: gateway, noDad: true })
    route.addAll(
      state.ips.map(({ address }) => ({
        dst: Prefix.host(address.ip),
        oif: index,
        protocol: routeProtocol,
        ...(address.family === 4 && { scope: RT_SCOPE_LINK }),
      })),
    )
    for (const family of families(state.ips)) enableForwarding(state.host.kernel, family)
  },

  check(state) {
    const { link, addr, route } = state.host.kernel
    const index = link.index(state.hostIfname) ?? gone(state)
    const addresses = addr.list({ index })
    for (const gateway of gatewayHosts(state))
      if (!addresses.some(a => a.address.equals(gateway)))
        throw checkFailed(`${state.hostIfname} lacks ${gateway}`)
    for (const { address } of state.ips) {
      const dst = Prefix.host(address.ip)
      const routes = route.list({ oif: index, family: address.family })
      if (!routes.some(r => r.dst.equals(dst)))
        throw checkFailed(`host route ${dst} dev ${state.hostIfname} is gone`)
    }
    for (const family of families(state.ips)) checkForwarding(state.host.kernel, family)
  },
}

function gatewayHosts(state: AttachState<unknown>): Prefix[] {
  const hosts = state.ips.flatMap(ip => (ip.gateway ? [Prefix.host(ip.gateway)] : []))
  return hosts.filter((host, i) => hosts.findIndex(h => h.equals(host)) === i)
}

function gone(state: AttachState<unknown>): never {
  throw checkFailed(`host interface ${state.hostIfname} is gone`)
}
