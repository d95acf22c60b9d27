// The VLANs of a bridge's ports: RTM_SETLINK and RTM_DELLINK of AF_BRIDGE, as `bridge vlan add` and `del` send them.
// linux/if_bridge.h (v6.1): IFLA_BRIDGE_FLAGS, IFLA_BRIDGE_VLAN_INFO, BRIDGE_VLAN_INFO_*.
import type { NlWriter } from '../netlink/attr.js'
import { AF_BRIDGE } from '../netlink/constants.js'
import { WireError } from '../wire-error.js'
import type { BridgeVlanInfo } from './af-spec.js'
import {
  BRIDGE_FLAGS_SELF,
  BRIDGE_VLAN_INFO_PVID,
  BRIDGE_VLAN_INFO_RANGE_BEGIN,
  BRIDGE_VLAN_INFO_RANGE_END,
  BRIDGE_VLAN_INFO_UNTAGGED,
} from './constants-link.js'
import { encodeLinkMessage } from './link-message.js'

/** A VLAN, or a range of them. */
export interface PortVlan {
  readonly vid: number
  /** The last VLAN of the range. */
  readonly to?: number | undefined
  /** Untagged frames that come in belong to this VLAN. */
  readonly pvid?: boolean | undefined
  /** Frames of this VLAN go out untagged. */
  readonly untagged?: boolean | undefined
}

export interface PortVlans {
  /** Of the port, or of the bridge itself with `self`. */
  readonly index: number
  readonly vlans: readonly PortVlan[]
  readonly self?: boolean | undefined
}

/** The body of RTM_SETLINK (to add) or RTM_DELLINK (to remove). */
export function encodePortVlans(w: NlWriter, { index, vlans, self }: PortVlans): void {
  encodeLinkMessage(w, {
    family: AF_BRIDGE,
    index,
    bridgeSpec: { flags: self === true ? BRIDGE_FLAGS_SELF : undefined, vlans: vlans.flatMap(vlanInfos) },
  })
}

/** The VLANs in a message of AF_BRIDGE (`link.bridgeSpec.vlans`), ranges put together. */
export function portVlans(infos: readonly BridgeVlanInfo[] = []): PortVlan[] {
  const vlans: PortVlan[] = []
  let begin: BridgeVlanInfo | undefined
  for (const info of infos) {
    if ((info.flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) !== 0) begin = info
    else if ((info.flags & BRIDGE_VLAN_INFO_RANGE_END) !== 0) {
      if (begin === undefined) throw new WireError(`a range of VLANs ends at ${info.vid} but begins nowhere`)
      vlans.push(portVlan(begin, info.vid))
      begin = undefined
    } else vlans.push(portVlan(info))
  }
  return vlans
}

function vlanInfos({ vid, to, pvid, untagged }: PortVlan): BridgeVlanInfo[] {
  const flags = (pvid ? BRIDGE_VLAN_INFO_PVID : 0) | (untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0)
  if (to === undefined || to === vid) return [{ flags, vid }]
  return [
    { flags: flags | BRIDGE_VLAN_INFO_RANGE_BEGIN, vid },
    { flags: flags | BRIDGE_VLAN_INFO_RANGE_END, vid: to },
  ]
}

function portVlan({ flags, vid }: BridgeVlanInfo, to?: number): PortVlan {
  return {
    vid,
    ...(to === undefined ? {} : { to }),
    pvid: (flags & BRIDGE_VLAN_INFO_PVID) !== 0,
    untagged: (flags & BRIDGE_VLAN_INFO_UNTAGGED) !== 0,
  }
}
