// All types that keys, values and selectors may have. nft(8), "DATA TYPES".
import {
  address,
  bitmask,
  type Datatype,
  etherAddress,
  hex,
  integer,
  shortText,
  symbolic,
} from './datatype.js'
import * as symbols from './symbols.js'

const hex4 = (value: number | bigint) => `0x${value.toString(16).padStart(4, '0')}`

export const ipv4Addr = address('ipv4_addr', 7, 4)
export const ipv6Addr = address('ipv6_addr', 8, 16)
export const etherAddr = etherAddress
export const inetService = integer('inet_service', 13, 2)
export const inetProto = symbolic('inet_proto', 12, 1, symbols.inetProtos)
export const ifname = shortText('ifname', 41, 16)
export const mark = integer('mark', 19, 4, 'host', hex)
export const boolean = symbolic('boolean', 39, 1, symbols.presence, 'host')

/** Whether prefixes of the type make sense. */
export function isIpAddress(type: Datatype): boolean {
  return type === ipv4Addr || type === ipv6Addr
}

const named: readonly Datatype[] = [
  symbolic('nf_proto', 2, 1, symbols.nfProtos, 'host'),
  ipv4Addr,
  ipv6Addr,
  etherAddr,
  symbolic('ether_type', 10, 2, symbols.etherTypes, 'network', hex4),
  symbolic('arp_op', 11, 2, symbols.arpOperations),
  inetProto,
  inetService,
  symbolic('icmp_type', 14, 1, symbols.icmpTypes),
  bitmask('tcp_flag', 15, 1, symbols.tcpFlags, 'network'),
  mark,
  integer('iface_index', 20, 4, 'host'),
  symbolic('iface_type', 21, 2, symbols.deviceTypes, 'host'),
  integer('realm', 22, 4, 'host'),
  integer(
    'classid',
    23,
    4,
    'host',
    value => `${(Number(value) >>> 16).toString(16)}:${(Number(value) & 0xffff).toString(16)}`,
  ),
  integer('uid', 24, 4, 'host'),
  integer('gid', 25, 4, 'host'),
  bitmask('ct_state', 26, 4, symbols.ctStates, 'host'),
  symbolic('ct_dir', 27, 1, symbols.ctDirections, 'host'),
  bitmask('ct_status', 28, 4, symbols.ctStatuses, 'host'),
  symbolic('icmpv6_type', 29, 1, symbols.icmpv6Types),
  symbolic('pkt_type', 31, 1, symbols.packetTypes, 'host'),
  symbolic('icmp_code', 32, 1, symbols.icmpCodes),
  symbolic('icmpv6_code', 33, 1, symbols.icmpv6Codes),
  integer('devgroup', 35, 4, 'host'),
  symbolic('dscp', 36, 1, symbols.dscps),
  symbolic('ecn', 37, 1, symbols.ecns),
  symbolic('fib_addrtype', 38, 4, symbols.addressTypes, 'host'),
  boolean,
  ifname,
]

const byName = new Map(named.map(type => [type.name, type]))
const byId = new Map(named.map(type => [type.id, type]))
/** What nft calls `integer`: only the selector knows how long it is. */
const INTEGER = 4

/** The type of that name; one that does not exist is a RangeError. */
export function datatype(name: string): Datatype {
  const type = byName.get(name)
  if (type === undefined) throw new RangeError(`no such type: ${JSON.stringify(name)}`)
  return type
}

/** The type by nft's number. For `integer`, and for numbers that we do not know, one of `size` bytes. */
export function datatypeById(id: number, size: number, order: 'network' | 'host' = 'network'): Datatype {
  return byId.get(id) ?? integer('integer', id === 0 ? INTEGER : id, size, order)
}

/** A plain integer, as header fields without a type of their own have. */
export function plainInteger(size: number, order: 'network' | 'host' = 'network'): Datatype {
  return integer('integer', INTEGER, size, order)
}
