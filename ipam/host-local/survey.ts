// A reading of the whole lease directory: what an index is made from. On the first occasion of a boot the leases of
// earlier ones are released: their containers ended with the boot, and nobody will ask for their DEL.
import { type Boot, clockUnset } from './boot.js'
import type { FoundLease, LeaseDirectory } from './store.js'

export interface Survey {
  readonly leases: readonly FoundLease[]
  /** How many leases of earlier boots were released. */
  readonly outlived: number
  /** Other machines write here too, as far as one can tell. */
  readonly shared: boolean
}

/** O(leases). */
export function survey(directory: LeaseDirectory, boot: Boot): Survey {
  const leases = directory.scan()
  const shared = directory.isShared()
  // Other machines have other boots, and their containers live on.
  if (shared || directory.bootId() === boot.id) return { leases, outlived: 0, shared }
  const start = leases.length === 0 ? 0 : boot.startedAt()
  const kept = leases.filter(lease => {
    const old = isOlder(directory, lease, start)
    if (old) directory.remove(lease.ip)
    return !old
  })
  directory.setBootId(boot.id)
  return { leases: kept, outlived: leases.length - kept.length, shared }
}

/** Written before `start`, as far as its writer's clock was set. Addresses reserved by hand have no age. */
function isOlder(directory: LeaseDirectory, { ip, owner }: FoundLease, start: number): boolean {
  if (owner === undefined) return false
  const written = directory.timeOf(ip)
  return written < start && written >= clockUnset
}
