// Hairpin mode: a bridge sends a frame back by the port that it came from. Where netfilter sees bridged packets (br_netfilter), a
// container's connection to its own published port turns round on the bridge, and does not get to the host's IP stack.
import { isErrno, isNotFound } from '../../kernel/error.js'
import type { Namespace } from '../../kernel/namespace.js'
import { checkFailed } from '../state.js'

/** False where it is off, or the link is gone or no bridge's port. */
export function hasHairpin({ link }: Namespace, ifname: string): boolean {
  return link.get(ifname)?.port?.hairpin ?? false
}

export function setHairpin({ link }: Namespace, ifname: string, hairpin: boolean): void {
  link.set({ name: ifname, port: { hairpin } })
}

/** Off again; tolerates that the link is gone, or no port any more. */
export function resetHairpin(kernel: Namespace, ifname: string): void {
  try {
    setHairpin(kernel, ifname, false)
  } catch (error) {
    if (!isNotFound(error) && !isErrno(error, 'EOPNOTSUPP', 'EINVAL')) throw error
  }
}

export function checkHairpin(kernel: Namespace, ifname: string): void {
  if (!hasHairpin(kernel, ifname))
    throw checkFailed(
      `hairpin mode of ${ifname} is off: the container does not reach its own published ports`,
    )
}
