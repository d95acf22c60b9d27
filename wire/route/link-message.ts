// RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK as they stand on the wire: struct ifinfomsg and IFLA_* attributes.
// linux/rtnetlink.h, linux/if_link.h (v6.1). Everything is optional here; the nouns for daily use are in link.ts.
import type { NlWriter } from '../netlink/attr.js'
import { AF_BRIDGE } from '../netlink/constants.js'
import {
  decodeAfter,
  each,
  type Field,
  i32,
  mac,
  nested,
  plainNest,
  type Rest,
  type Table,
  table,
  text,
  u8,
  u32,
  type ValueOf,
} from '../netlink/fields.js'
import { bridgeSpec, inetSpec } from './af-spec.js'
import * as c from './constants-link.js'
import { bridgePortInfo } from './link-info/bridge-port.js'
import { vethInfo } from './link-info/veth.js'
import { decodeLinkInfo, encodeLinkInfo, type LinkKind, linkKinds } from './link-info.js'

const IFINFOMSG_LEN = 16

const linkInfo: Field<LinkKind<LinkMessage>> = {
  type: c.IFLA_LINKINFO,
  write: (w, v) => w.attrOf(c.IFLA_LINKINFO, into => encodeLinkInfo(into, v)),
  read: r => decodeLinkInfo(r.inner()),
}

const common = {
  name: text(c.IFLA_IFNAME),
  /** Names up to 127 bytes long that select the link as `name` does; in requests only. */
  altName: text(c.IFLA_ALT_IFNAME),
  txqlen: u32(c.IFLA_TXQLEN),
  /** IF_OPER_* */
  operstate: u8(c.IFLA_OPERSTATE),
  linkMode: u8(c.IFLA_LINKMODE),
  mtu: u32(c.IFLA_MTU),
  minMtu: u32(c.IFLA_MIN_MTU),
  maxMtu: u32(c.IFLA_MAX_MTU),
  group: u32(c.IFLA_GROUP),
  /** How many ask for promiscuous mode. */
  promiscuity: u32(c.IFLA_PROMISCUITY),
  allmulticast: u32(c.IFLA_ALLMULTI),
  numTxQueues: u32(c.IFLA_NUM_TX_QUEUES),
  numRxQueues: u32(c.IFLA_NUM_RX_QUEUES),
  /** IFLA_LINK: the other end of a veth, the lower device of a vlan or macvlan, in the namespace `linkNetnsId`. */
  peerIndex: u32(c.IFLA_LINK),
  /** Index of the master, 0 for none. */
  master: u32(c.IFLA_MASTER),
  carrier: u8(c.IFLA_CARRIER),
  qdisc: text(c.IFLA_QDISC),
  alias: text(c.IFLA_IFALIAS),
  carrierChanges: u32(c.IFLA_CARRIER_CHANGES),
  protoDown: u8(c.IFLA_PROTO_DOWN),
  address: mac(c.IFLA_ADDRESS),
  broadcast: mac(c.IFLA_BROADCAST),
  permanentAddress: mac(c.IFLA_PERM_ADDRESS),
  /** The namespace of `peerIndex`, as an id that this namespace has for it; -1 where it has none. */
  linkNetnsId: i32(c.IFLA_LINK_NETNSID),
  /** In a notification that the link leaves: where to, and its index there. */
  newNetnsId: i32(c.IFLA_NEW_NETNSID),
  newIndex: u32(c.IFLA_NEW_IFINDEX),
  targetNetnsId: i32(c.IFLA_TARGET_NETNSID),
  /** The namespace to make the link in, or to move it to: a file descriptor, or the id of a process in it. */
  netnsFd: u32(c.IFLA_NET_NS_FD),
  netnsPid: u32(c.IFLA_NET_NS_PID),
  /** RTEXT_FILTER_*: what a request wants to be told. */
  extMask: u32(c.IFLA_EXT_MASK),
  properties: nested(c.IFLA_PROP_LIST, table({ altNames: each(text(c.IFLA_ALT_IFNAME)) })),
}

const plainLink = table({ ...common, linkInfo, spec: plainNest(c.IFLA_AF_SPEC, inetSpec) })
/** What is inside VETH_INFO_PEER. Its own IFLA_LINKINFO is left alone: the kernel does, and veths in veths have no end. */
const peerLink = table({ ...common, spec: plainNest(c.IFLA_AF_SPEC, inetSpec) })
/** Messages of AF_BRIDGE speak of ports and their VLANs. */
const bridgeLink = table({
  ...common,
  port: nested(c.IFLA_PROTINFO, bridgePortInfo),
  bridgeSpec: plainNest(c.IFLA_AF_SPEC, bridgeSpec),
})

type Attributes = Omit<ValueOf<typeof plainLink>, 'linkInfo'> &
  Pick<ValueOf<typeof bridgeLink>, 'bridgeSpec'> &
  Rest

/** A link message, as sent or received. */
export interface LinkMessage extends Attributes, LinkKind<LinkMessage> {
  /** AF_UNSPEC where absent; AF_BRIDGE for ports. */
  readonly family?: number | undefined
  readonly index?: number | undefined
  /** ARPHRD_* */
  readonly type?: number | undefined
  /** IFF_*; in a request those in `change` are meant. */
  readonly flags?: number | undefined
  readonly change?: number | undefined
}

/** Writes the header and the attributes: the body of a message. */
export function encodeLinkMessage(w: NlWriter, m: LinkMessage): void {
  const { family = 0, type = 0, index = 0, flags = 0, change = 0 } = m
  w.u8(family).u8(0).u16(type).i32(index).u32(flags).u32(change)
  if (family === AF_BRIDGE) bridgeLink.encode(w, m)
  else {
    plainLink.encode(w, m)
    if (m.kind !== undefined || m.slaveKind !== undefined || m.infoRest !== undefined) linkInfo.write(w, m)
  }
}

export function decodeLinkMessage(payload: Buffer): LinkMessage {
  return decodeWith(payload[0] === AF_BRIDGE ? bridgeLink : plainLink, payload)
}

function decodeWith(layout: Table<LinkMessage>, payload: Buffer): LinkMessage {
  const { linkInfo, ...attributes } = decodeAfter(layout, payload, IFINFOMSG_LEN) as ValueOf<typeof plainLink>
  return {
    family: payload[0]!,
    type: payload.readUInt16LE(2),
    index: payload.readInt32LE(4),
    flags: payload.readUInt32LE(8),
    change: payload.readUInt32LE(12),
    ...attributes,
    ...linkInfo,
  }
}

const decodePeer = (payload: Buffer) => decodeWith(peerLink, payload)
linkKinds.set('veth', vethInfo<LinkMessage>({ encode: encodeLinkMessage, decode: decodePeer }))
