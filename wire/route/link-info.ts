// IFLA_LINKINFO: a link's kind and what is particular to it, and the same of its port. linux/if_link.h (v6.1): IFLA_INFO_*.
// Each kind has a table of its own in link-info/, and is entered in the registry below.
import type { NlReader, NlWriter, RawAttribute } from '../netlink/attr.js'
import type { AnyTable } from '../netlink/fields.js'
import {
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
} from './constants-link.js'
import { type BridgeInfo, bridgeInfo } from './link-info/bridge.js'
import { type BridgePortInfo, bridgePortInfo } from './link-info/bridge-port.js'
import { type MacvlanInfo, macvlanInfo } from './link-info/macvlan.js'
import type { VethInfo } from './link-info/veth.js'
import { type VlanInfo, vlanInfo } from './link-info/vlan.js'
import { type VxlanInfo, vxlanInfo } from './link-info/vxlan.js'

/** What is particular to a kind, under the kind's name. A kind that has no table has its bytes under `data`. */
export interface LinkInfo<Message = unknown> {
  readonly bridge?: BridgeInfo
  readonly vxlan?: VxlanInfo
  readonly veth?: VethInfo<Message>
  readonly macvlan?: MacvlanInfo
  readonly vlan?: VlanInfo
  readonly data?: Uint8Array
}

/** IFLA_LINKINFO, spread out. */
export interface LinkKind<Message = unknown> {
  readonly kind?: string | undefined
  readonly info?: LinkInfo<Message> | undefined
  /** The kind of the master whose port the link is. */
  readonly slaveKind?: string | undefined
  /** A bridge port's settings, where `slaveKind` is 'bridge'. */
  readonly port?: BridgePortInfo | undefined
  readonly infoRest?: readonly RawAttribute[] | undefined
}

/** The kinds whose IFLA_INFO_DATA we know. ('veth' is entered by link.ts: its data are a link again.) */
export const linkKinds = new Map<string, AnyTable>([
  ['bridge', bridgeInfo],
  ['vxlan', vxlanInfo],
  ['macvlan', macvlanInfo],
  ['vlan', vlanInfo],
])

export function encodeLinkInfo(w: NlWriter, { kind, info, slaveKind, port, infoRest }: LinkKind): void {
  if (kind !== undefined) w.attrString(IFLA_INFO_KIND, kind)
  if (info?.data !== undefined) w.attr(IFLA_INFO_DATA, info.data)
  else if (info !== undefined && kind !== undefined) {
    const value = info[kind as keyof LinkInfo]
    if (value !== undefined) w.attrOf(IFLA_INFO_DATA, into => linkKinds.get(kind)?.encode(into, value))
  }
  if (slaveKind !== undefined) w.attrString(IFLA_INFO_SLAVE_KIND, slaveKind)
  if (port !== undefined) w.attrOf(IFLA_INFO_SLAVE_DATA, into => bridgePortInfo.encode(into, port))
  w.raw(infoRest)
}

export function decodeLinkInfo<Message>(r: NlReader): LinkKind<Message> {
  const found: { -readonly [K in keyof LinkKind<Message>]: LinkKind<Message>[K] } = {}
  const rest: RawAttribute[] = []
  while (r.next()) {
    if (r.type === IFLA_INFO_KIND) found.kind = r.string()
    else if (r.type === IFLA_INFO_SLAVE_KIND) found.slaveKind = r.string()
    else if (r.type === IFLA_INFO_SLAVE_DATA && isBridgePort(found))
      found.port = bridgePortInfo.decode(r.inner())
    else if (r.type === IFLA_INFO_DATA && found.kind !== undefined) {
      const table = linkKinds.get(found.kind)
      found.info = table === undefined ? { data: r.raw().data } : { [found.kind]: table.decode(r.inner()) }
    } else rest.push(r.raw())
  }
  if (rest.length > 0) found.infoRest = rest
  return found
}

/** `ip link set type bridge_slave` says so in the kind; the kernel does not read either, it knows the master. */
function isBridgePort({ kind, slaveKind }: LinkKind): boolean {
  return slaveKind === 'bridge' || kind === 'bridge_slave'
}
