// Step: the host's end of a point-to-point pair carries the gateways and a route to each of the container's addresses.
// Undone with the link itself.
import { CniCode, CniError } from '../../cni/error.js'
import type { Step } from '../../cni/steps.js'
import { Prefix } from '../../wire/ip.js'
import { IFF_UP, RT_SCOPE_LINK } from '../../wire/route/constants.js'
import type { AttachState } from '../state.js'
import { families } from './bridge.js'
import { enableForwarding } from './forwarding.js'

export const hostRouteStep: Step<AttachState<unknown>> = {
  name: 'host-route',

  apply(state) {
    const { link, addr, route } = state.host.kernel
    const { index } = link.get(state.hostIfname) ?? gone(state)
    for (const gateway of gatewayHosts(state)) addr.add({ index, address: gateway, noDad: true })
    link.set({ index, up: true })
    for (const { address } of state.ips)
      route.add({
        dst: Prefix.host(address.ip),
        oif: index,
        ...(address.family === 4 && { scope: RT_SCOPE_LINK }),
      })
    for (const family of families(state.ips)) enableForwarding(state.host.kernel, family)
  },

  check(state) {
    const { link, addr, route } = state.host.kernel
    const present = link.get(state.hostIfname) ?? gone(state)
    if ((present.flags & IFF_UP) === 0) throw failed(`host interface ${state.hostIfname} is down`)
    const addresses = addr.list({ index: present.index })
    for (const gateway of gatewayHosts(state))
      if (!addresses.some(a => a.address.equals(gateway)))
        throw failed(`${state.hostIfname} lacks ${gateway}`)
    for (const { address } of state.ips) {
      const dst = Prefix.host(address.ip)
      const routes = route.list({ oif: present.index, family: address.family })
      if (!routes.some(r => r.dst.equals(dst)))
        throw failed(`host route ${dst} dev ${state.hostIfname} is gone`)
    }
  },
}

function gatewayHosts(state: AttachState<unknown>): Prefix[] {
  const hosts = state.ips.flatMap(ip => (ip.gateway ? [Prefix.host(ip.gateway)] : []))
  return hosts.filter((host, i) => hosts.findIndex(h => h.equals(host)) === i)
}

function gone(state: AttachState<unknown>): never {
  throw failed(`host interface ${state.hostIfname} is gone`)
}

function failed(msg: string): CniError {
  return new CniError(CniCode.checkFailed, msg)
}
