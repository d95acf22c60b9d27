// route_localnet: an interface takes packets to and from 127.0.0.0/8. Answers to the host's connections to 127.0.0.1 come in
// by the interface towards the container. Documentation/networking/ip-sysctl.rst; see ADR 7.
import { isNotFound } from '../../kernel/error.js'
import type { Namespace } from '../../kernel/namespace.js'
import { checkFailed } from '../state.js'

const pathOf = (ifname: string) => `net/ipv4/conf/${ifname}/route_localnet`

/** Undefined when there is no such interface. */
export function routeLocalnet({ sysctl }: Namespace, ifname: string): string | undefined {
  try {
    return sysctl.get(pathOf(ifname))
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** What an interface that is yet to be made will have. */
export function defaultRouteLocalnet({ sysctl }: Namespace): string {
  return sysctl.get(pathOf('default'))
}

export function enableRouteLocalnet({ sysctl }: Namespace, ifname: string): void {
  sysctl.ensure(pathOf(ifname), 1)
}

/** Tolerates that the interface is gone. */
export function resetRouteLocalnet({ sysctl }: Namespace, ifname: string, value: string): void {
  sysctl.set(pathOf(ifname), value, { optional: true })
}

export function checkRouteLocalnet(kernel: Namespace, ifname: string): void {
  const value = routeLocalnet(kernel, ifname)
  if (value !== '1')
    throw checkFailed(
      `${pathOf(ifname)} is ${value ?? 'gone'}, not 1: 127.0.0.1 does not lead to the container`,
    )
}
