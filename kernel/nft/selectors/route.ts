// Routes and local sockets of packets. nft(8): "ROUTING EXPRESSIONS", "SOCKET EXPRESSION".
import * as c from '../../../wire/nft/constants.js'
import { datatype, plainInteger } from '../datatypes.js'
import type { Selector } from '../selector.js'

const realm = datatype('realm')

export const rt = {
  classid: { text: 'rt classid', type: realm, load: { kind: 'rt', key: c.NFT_RT_CLASSID } },
  ipNexthop: {
    text: 'rt ip nexthop',
    type: datatype('ipv4_addr'),
    load: { kind: 'rt', key: c.NFT_RT_NEXTHOP4 },
  },
  ip6Nexthop: {
    text: 'rt ip6 nexthop',
    type: datatype('ipv6_addr'),
    load: { kind: 'rt', key: c.NFT_RT_NEXTHOP6 },
  },
  /** The largest TCP segment that fits the route. */
  mtu: { text: 'rt mtu', type: plainInteger(2, 'host'), load: { kind: 'rt', key: c.NFT_RT_TCPMSS } },
} as const satisfies Record<string, Selector>

export const socket = {
  transparent: {
    text: 'socket transparent',
    type: plainInteger(1, 'host'),
    load: { kind: 'socket', key: c.NFT_SOCKET_TRANSPARENT, level: 0 },
  },
  mark: {
    text: 'socket mark',
    type: datatype('mark'),
    load: { kind: 'socket', key: c.NFT_SOCKET_MARK, level: 0 },
  },
  wildcard: {
    text: 'socket wildcard',
    type: plainInteger(1, 'host'),
    load: { kind: 'socket', key: c.NFT_SOCKET_WILDCARD, level: 0 },
  },
} as const satisfies Record<string, Selector>
