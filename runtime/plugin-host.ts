// What our plugins stand on, for what the runtime does with them in its own process.
import type { Host } from '../cni/plugin.js'
import { Namespace } from '../kernel/namespace.js'
import { oneShotReaper } from '../kernel/teardown.js'
import { plugins } from '../plugins/registry.js'

/** Runs `work` on the namespace of this process. */
export async function withHost<T>(work: (host: Host) => Promise<T>): Promise<T> {
  using kernel = Namespace.host()
  using reaper = oneShotReaper(kernel)
  const result = await work({ kernel, reaper, plugins })
  await reaper.idle()
  return result
}
