// `bridge vlan`: which VLANs the ports of a bridge carry. linux/if_bridge.h: RTM_SETLINK, RTM_DELLINK, RTM_GETLINK of AF_BRIDGE.
import { AF_BRIDGE, NLM_F_ACK } from '../../wire/netlink/constants.js'
import { encodePortVlans, type PortVlan, type PortVlans, portVlans } from '../../wire/route/bridge-vlan.js'
import {
  RTEXT_FILTER_BRVLAN_COMPRESSED,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_SETLINK,
} from '../../wire/route/constants.js'
import { encodeLinkDump } from '../../wire/route/link.js'
import { decodeLinkMessage } from '../../wire/route/link-message.js'
import type { Connect } from './connect.js'
import { needingVlanFiltering } from './kernel-option.js'

/** The VLANs of one port, or of the bridge itself. */
export interface PortVlanList {
  readonly index: number
  readonly vlans: readonly PortVlan[]
}

export class BridgeVlanVerbs {
  readonly #connect: Connect

  constructor(connect: Connect) {
    this.#connect = connect
  }

  /** Lets VLANs pass a port; one that does already gets the new flags. KernelError EOPNOTSUPP names what the kernel lacks. */
  add(vlans: PortVlans): void {
    this.#request('vlan add', RTM_SETLINK, vlans)
  }

  /** Those that do not pass the port anyway are passed over. */
  remove(vlans: PortVlans): void {
    this.#request('vlan delete', RTM_DELLINK, vlans)
  }

  /** What passes each port that has VLANs, and each bridge. Nothing where the kernel cannot filter. */
  list(): PortVlanList[] {
    const filter = { family: AF_BRIDGE, extMask: RTEXT_FILTER_BRVLAN_COMPRESSED }
    return this.#connect()
      .dump('vlan list', RTM_GETLINK, w => encodeLinkDump(w, filter))
      .map(({ payload }) => decodeLinkMessage(payload))
      .flatMap(({ index, bridgeSpec }) =>
        index === undefined || bridgeSpec?.vlans === undefined
          ? []
          : { index, vlans: portVlans(bridgeSpec.vlans) },
      )
  }

  #request(operation: string, type: number, vlans: PortVlans): void {
    needingVlanFiltering(() => {
      const target = `of link ${vlans.index}`
      this.#connect().request(operation, target, type, NLM_F_ACK, w => encodePortVlans(w, vlans))
    })
  }
}
