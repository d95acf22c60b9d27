// What IFLA_INFO_DATA says of a veth. linux/veth.h (v6.1): VETH_INFO_PEER, a whole link message: struct ifinfomsg and
// attributes. The kernel takes it when it makes the pair, and never shows it: the other end is known by IFLA_LINK.
import type { NlReader, NlWriter } from '../../netlink/attr.js'
import { type Table, table } from '../../netlink/fields.js'
import { VETH_INFO_PEER } from '../constants-link.js'

export interface VethInfo<Message> {
  readonly peer?: Message | undefined
}

/** The table, given how link messages are written and read. */
export function vethInfo<Message>(codec: {
  encode: (w: NlWriter, message: Message) => void
  decode: (payload: Buffer) => Message
}): Table<VethInfo<Message>> {
  return table({
    peer: {
      type: VETH_INFO_PEER,
      write: (w: NlWriter, v: Message) => w.attrOf(VETH_INFO_PEER, into => codec.encode(into, v)),
      read: (r: NlReader): Message => codec.decode(r.bytes()),
    },
  })
}
