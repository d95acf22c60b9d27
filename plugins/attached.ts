// What steps need to know of an attachment, whoever made its interface: a plugin of ours in the same call (AttachState), or
// one earlier in the chain (ChainState).
import type { AttachmentKey, Call, Netns } from '../cni/call.js'
import type { Host } from '../cni/plugin.js'
import type { ResultIp } from '../cni/result.js'

export interface Attached {
  readonly key: AttachmentKey
  readonly call: Call
  readonly host: Host
  readonly netns: Netns
  /** Whose our nftables elements are: the derived name of the host end (`hostIfname`), also where the link has another name. */
  readonly owner: string
  /** Host end of the pair. */
  readonly hostIfname: string
  /** Where the host's IP stack meets the container: the bridge (or its VLAN interface), or the host end itself. */
  readonly l3Ifname: string
  /** True when the host end is a port of a bridge. */
  readonly bridged: boolean
  /** True once `ips` are known. */
  readonly addressed: boolean
  readonly ips: readonly ResultIp[]
}
