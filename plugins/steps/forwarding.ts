// Forwarding, which a gateway needs, by family.
import type { Namespace } from '../../kernel/namespace.js'

const switches = { 4: 'net/ipv4/ip_forward', 6: 'net/ipv6/conf/all/forwarding' } as const

export function enableForwarding(kernel: Namespace, family: 4 | 6): void {
  kernel.sysctl.ensure(switches[family], 1)
}

export function isForwarding(kernel: Namespace, family: 4 | 6): boolean {
  return kernel.sysctl.get(switches[family]) !== '0'
}
