// Links as the rest of the house knows them: what a link is, how one is made, changed, asked for.
// linux/if_link.h, linux/rtnetlink.h (v6.1). The bytes are link-message.ts's.
import type { Mac } from '../mac.js'
import type { NlWriter } from '../netlink/attr.js'
import { WireError } from '../wire-error.js'
import { IFF_ALLMULTI, IFF_NOARP, IFF_PROMISC, IFF_UP, RTEXT_FILTER_SKIP_STATS } from './constants.js'
import type { BridgeInfo } from './link-info/bridge.js'
import type { BridgePortChange } from './link-info/bridge-port.js'
import type { MacvlanInfo } from './link-info/macvlan.js'
import type { VlanInfo } from './link-info/vlan.js'
import type { VxlanInfo } from './link-info/vxlan.js'
import type { LinkInfo } from './link-info.js'
import { decodeLinkMessage, encodeLinkMessage, type LinkMessage } from './link-message.js'

export type { BridgeInfo } from './link-info/bridge.js'
export type { BridgePortChange, BridgePortInfo } from './link-info/bridge-port.js'
export type { VxlanInfo } from './link-info/vxlan.js'

/** A link that the kernel told us of. */
export interface Link extends LinkMessage {
  readonly index: number
  readonly name: string
  /** ARPHRD_* */
  readonly type: number
  /** IFF_* */
  readonly flags: number
  readonly mtu: number
  readonly group: number
  readonly txqlen: number
  /** IF_OPER_* */
  readonly operstate: number
}

/** What a new link can be given, whichever end of a veth it is. */
interface Birth {
  readonly name: string
  readonly index?: number | undefined
  readonly mtu?: number | undefined
  readonly address?: Mac | undefined
  readonly group?: number | undefined
  readonly txqlen?: number | undefined
  /** Queues for sending, and as many for receiving. A veth that is not told makes one per processor, and then waits for RCU to get rid of them. */
  readonly queues?: number | undefined
  /** A namespace's file descriptor: the link is made there. */
  readonly netnsFd?: number | undefined
}

/** The other end of a veth. (It cannot be brought up in the same request: ENOTCONN.) */
export interface VethPeer extends Birth {}

/** A link to be made. */
export interface LinkSpec extends Birth {
  readonly kind?: string | undefined
  readonly master?: number | undefined
  readonly up?: boolean | undefined
  /** Index of the lower device, of a vlan or macvlan. */
  readonly lower?: number | undefined
  /** Ignored by the kernel until the link exists: to be set by a change afterwards. */
  readonly alias?: string | undefined
  /** IN6_ADDR_GEN_MODE_*. Refused by the kernel (EAFNOSUPPORT) until the link exists, likewise. */
  readonly addrGenMode?: number | undefined
  /** These go with the kind of the same name, `peer` with 'veth'. */
  readonly peer?: VethPeer | undefined
  readonly bridge?: BridgeInfo | undefined
  readonly vxlan?: VxlanInfo | undefined
  readonly macvlan?: MacvlanInfo | undefined
  readonly vlan?: VlanInfo | undefined
}

/** A change to a link, which is selected by `index` or else by `name`. */
export interface LinkChange {
  readonly index?: number | undefined
  readonly name?: string | undefined
  /** The new name; the link must be selected by index. */
  readonly rename?: string | undefined
  readonly up?: boolean | undefined
  readonly promisc?: boolean | undefined
  readonly allmulti?: boolean | undefined
  readonly arp?: boolean | undefined
  readonly mtu?: number | undefined
  readonly address?: Mac | undefined
  /** 0: none. */
  readonly master?: number | undefined
  readonly group?: number | undefined
  readonly txqlen?: number | undefined
  readonly alias?: string | undefined
  readonly netnsFd?: number | undefined
  readonly addrGenMode?: number | undefined
  /** Of a link that is a bridge's port already: the kernel looks at it before it looks at `master`. */
  readonly port?: BridgePortChange | undefined
  /** Settings of the link's own kind. */
  readonly bridge?: BridgeInfo | undefined
  readonly vxlan?: VxlanInfo | undefined
}

/** Which links: one by index or name, or (to delete) all of a group. */
export type LinkSelector = number | string | { readonly group: number }

/** Decodes the body of RTM_NEWLINK or RTM_DELLINK. */
export function decodeLink(payload: Buffer): Link {
  const m = decodeLinkMessage(payload)
  if (m.name === undefined) throw new WireError('a link without a name', payload.length)
  return {
    ...m,
    mtu: m.mtu ?? 0,
    group: m.group ?? 0,
    txqlen: m.txqlen ?? 0,
    operstate: m.operstate ?? 0,
  } as Link
}

/** The body of RTM_NEWLINK with NLM_F_CREATE. */
export function encodeLinkSpec(w: NlWriter, spec: LinkSpec): void {
  encodeLinkMessage(w, {
    index: spec.index,
    flags: spec.up === true ? IFF_UP : 0,
    change: spec.up === true ? IFF_UP : 0,
    name: spec.name,
    mtu: spec.mtu,
    address: spec.address,
    group: spec.group,
    txqlen: spec.txqlen,
    numTxQueues: spec.queues,
    numRxQueues: spec.queues,
    master: spec.master,
    alias: spec.alias,
    peerIndex: spec.lower,
    netnsFd: spec.netnsFd,
    spec: inet6(spec.addrGenMode),
    kind: spec.kind,
    info: infoOf(spec),
  })
}

/** The body of RTM_NEWLINK without NLM_F_CREATE. A change that selects no link, or renames by name, is a RangeError. */
export function encodeLinkChange(w: NlWriter, change: LinkChange): void {
  if (change.index === undefined && (change.name === undefined || change.rename !== undefined))
    throw new RangeError('a link is changed by index or name, and renamed by index')
  let flags = 0
  let mask = 0
  const set = (bit: number, on: boolean | undefined) => {
    if (on === undefined) return
    mask |= bit
    if (on) flags |= bit
  }
  set(IFF_UP, change.up)
  set(IFF_PROMISC, change.promisc)
  set(IFF_ALLMULTI, change.allmulti)
  set(IFF_NOARP, change.arp === undefined ? undefined : !change.arp)
  encodeLinkMessage(w, {
    index: change.index,
    flags,
    change: mask,
    ...(change.index === undefined ? named(change.name!) : { name: change.rename }),
    mtu: change.mtu,
    address: change.address,
    group: change.group,
    txqlen: change.txqlen,
    master: change.master,
    alias: change.alias,
    netnsFd: change.netnsFd,
    spec: inet6(change.addrGenMode),
    kind: change.bridge ? 'bridge' : change.vxlan ? 'vxlan' : undefined,
    info: change.bridge || change.vxlan ? infoOf(change) : undefined,
    slaveKind: change.port === undefined ? undefined : 'bridge',
    port: change.port,
  })
}

/** The body of RTM_GETLINK for one link, or of RTM_DELLINK. */
export function encodeLinkSelector(w: NlWriter, which: LinkSelector, extMask?: number): void {
  if (typeof which === 'number') encodeLinkMessage(w, { index: which, extMask })
  else if (typeof which === 'string') encodeLinkMessage(w, { ...named(which), extMask })
  else encodeLinkMessage(w, { group: which.group })
}

export interface LinkFilter {
  readonly master?: number | undefined
  readonly kind?: string | undefined
  /** AF_BRIDGE: ports only, with their settings; with RTEXT_FILTER_BRVLAN_COMPRESSED their VLANs. */
  readonly family?: number | undefined
  readonly extMask?: number | undefined
}

/** The body of RTM_GETLINK with NLM_F_DUMP; the kernel does the filtering. */
export function encodeLinkDump(w: NlWriter, filter: LinkFilter = {}): void {
  encodeLinkMessage(w, { extMask: RTEXT_FILTER_SKIP_STATS, ...filter })
}

/** Names that are too long to be a name are alternative names (`ip link property`). */
function named(name: string): LinkMessage {
  return Buffer.byteLength(name) > 15 ? { altName: name } : { name }
}

function inet6(addrGenMode: number | undefined): LinkMessage['spec'] {
  return addrGenMode === undefined ? undefined : { inet6: { addrGenMode } }
}

function infoOf({
  peer,
  bridge,
  vxlan,
  macvlan,
  vlan,
}: Omit<LinkSpec, 'name'>): LinkInfo<LinkMessage> | undefined {
  if (peer) {
    const { queues, ...rest } = peer
    return { veth: { peer: { ...rest, numTxQueues: queues, numRxQueues: queues } } }
  }
  if (bridge) return { bridge }
  if (vxlan) return { vxlan }
  if (macvlan) return { macvlan }
  return vlan && { vlan }
}
