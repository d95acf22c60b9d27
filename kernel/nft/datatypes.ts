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
const classid = (value: number | bigint) =>
  `${(Number(value) >>> 16).toString(16)}:${(Number(value) & 0xffff).toString(16)}`

type Maker = (name: string, id: number) => Datatype

const number = (
  size: number,
  order: 'network' | 'host' = 'network',
  print?: (value: number | bigint) => string,
) => ((name, id) => integer(name, id, size, order, print)) satisfies Maker
const names = (
  size: number,
  table: symbols.Symbols,
  order: 'network' | 'host' = 'network',
  print?: (value: number | bigint) => string,
) => ((name, id) => symbolic(name, id, size, table, order, print)) satisfies Maker
const bits = (size: number, table: symbols.Symbols, order: 'network' | 'host') =>
  ((name, id) => bitmask(name, id, size, table, order)) satisfies Maker

/** nft's number of each type, and how it is made: most processes need few of them. */
const types: Readonly<Record<string, readonly [id: number, make: Maker]>> = {
  nf_proto: [2, names(1, symbols.nfProtos, 'host')],
  ipv4_addr: [7, (name, id) => address(name, id, 4)],
  ipv6_addr: [8, (name, id) => address(name, id, 16)],
  ether_addr: [9, () => etherAddress],
  ether_type: [10, names(2, symbols.etherTypes, 'network', hex4)],
  arp_op: [11, names(2, symbols.arpOperations)],
  inet_proto: [12, names(1, symbols.inetProtos)],
  inet_service: [13, number(2)],
  icmp_type: [14, names(1, symbols.icmpTypes)],
  tcp_flag: [15, bits(1, symbols.tcpFlags, 'network')],
  mark: [19, number(4, 'host', hex)],
  iface_index: [20, number(4, 'host')],
  iface_type: [21, names(2, symbols.deviceTypes, 'host')],
  realm: [22, number(4, 'host')],
  classid: [23, number(4, 'host', classid)],
  uid: [24, number(4, 'host')],
  gid: [25, number(4, 'host')],
  ct_state: [26, bits(4, symbols.ctStates, 'host')],
  ct_dir: [27, names(1, symbols.ctDirections, 'host')],
  ct_status: [28, bits(4, symbols.ctStatuses, 'host')],
  icmpv6_type: [29, names(1, symbols.icmpv6Types)],
  pkt_type: [31, names(1, symbols.packetTypes, 'host')],
  icmp_code: [32, names(1, symbols.icmpCodes)],
  icmpv6_code: [33, names(1, symbols.icmpv6Codes)],
  devgroup: [35, number(4, 'host')],
  dscp: [36, names(1, symbols.dscps)],
  ecn: [37, names(1, symbols.ecns)],
  fib_addrtype: [38, names(4, symbols.addressTypes, 'host')],
  boolean: [39, names(1, symbols.presence, 'host')],
  ifname: [41, (name, id) => shortText(name, id, 16)],
}

const made = new Map<string, Datatype>()
/** What nft calls `integer`: only the selector knows how long it is. */
const INTEGER = 4

/** The type of that name, always the same object; one that does not exist is a RangeError. */
export function datatype(name: string): Datatype {
  const known = made.get(name)
  if (known !== undefined) return known
  const entry = Object.hasOwn(types, name) ? types[name] : undefined
  if (entry === undefined) throw new RangeError(`no such type: ${JSON.stringify(name)}`)
  const [id, make] = entry
  const type = make(name, id)
  made.set(name, type)
  return type
}

/** The type by nft's number. For `integer`, and for numbers that we do not know, one of `size` bytes. */
export function datatypeById(id: number, size: number, order: 'network' | 'host' = 'network'): Datatype {
  const name = Object.keys(types).find(key => types[key]![0] === id)
  return name === undefined ? integer('integer', id === 0 ? INTEGER : id, size, order) : datatype(name)
}

/** A plain integer, as header fields without a type of their own have; always the same object. */
export function plainInteger(size: number, order: 'network' | 'host' = 'network'): Datatype {
  const key = `integer ${size} ${order}`
  const type = made.get(key) ?? integer('integer', INTEGER, size, order)
  made.set(key, type)
  return type
}

/** Whether prefixes of the type make sense. */
export function isIpAddress({ name }: Datatype): boolean {
  return name === 'ipv4_addr' || name === 'ipv6_addr'
}
