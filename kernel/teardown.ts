// Removing links without waiting for the kernel to tidy up. RTM_DELLINK blocks its sender for an RCU grace period and more, but
// the link, its addresses, its routes and its name are gone as soon as RTNLGRP_LINK is told so; that is what we wait for.
import type { Namespace } from './namespace.js'
import { OneShotReaper } from './teardown/one-shot.js'
import { ResidentReaper } from './teardown/resident.js'

export interface LinkReaper extends Disposable {
  /**
   * Removes a link of the namespace, given by name or index. Resolves when it is gone and its name is free: true when this
   * removed it, false when it was not there. A veth's peer goes with it. Rejects with KernelError.
   */
  removed(link: string | number): Promise<boolean>
  /** The same for several: as quick as for one. */
  removedAll(links: readonly (string | number)[]): Promise<boolean[]>
  /** Resolves when the kernel has answered all requests, i.e. some 20 ms after the last link was gone. */
  idle(): Promise<void>
}

/** For a process that lives on: threads wait for the kernel, the event loop for the notification. Dispose when `idle`. */
export function residentReaper(namespace: Namespace): LinkReaper {
  return new ResidentReaper(namespace)
}

/** For a process that ends after its answer: a forked child waits for the kernel. `removed` blocks the event loop. */
export function oneShotReaper(namespace: Namespace): LinkReaper {
  return new OneShotReaper(namespace)
}
