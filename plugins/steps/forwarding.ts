// Forwarding, which a gateway needs, by family.
import { isNotFound } from '../../kernel/error.js'
import type { Namespace } from '../../kernel/namespace.js'
import { checkFailed } from '../state.js'

const switches = { 4: 'net/ipv4/ip_forward', 6: 'net/ipv6/conf/all/forwarding' } as const

export function enableForwarding(kernel: Namespace, family: 4 | 6): void {
  kernel.sysctl.ensure(switches[family], 1)
}

export function checkForwarding(kernel: Namespace, family: 4 | 6): void {
  if (!isForwarding(kernel, family)) throw checkFailed(`IPv${family} forwarding is off (${switches[family]})`)
}

function isForwarding(kernel: Namespace, family: 4 | 6): boolean {
  try {
    return kernel.sysctl.get(switches[family]) !== '0'
  } catch (error) {
    if (isNotFound(error)) return false
    throw error
  }
}
