// Fields of transport headers. nft(8): "TCP HEADER EXPRESSION" and following, "RAW PAYLOAD EXPRESSION" for `th`.
import { NFT_PAYLOAD_CSUM_SCTP, NFT_PAYLOAD_TRANSPORT_HEADER } from '../../../wire/nft/constants.js'
import { datatype } from '../datatypes.js'
import type { Checksum } from '../selector.js'
import { inetProtos } from '../symbols.js'
import { header, internetChecksum } from './header.js'

const transport = (name: string, checksum?: Checksum) =>
  header(name, NFT_PAYLOAD_TRANSPORT_HEADER, { transport: inetProtos[name]! }, checksum)

const port = datatype('inet_service')
const tcpField = transport('tcp', internetChecksum(16))

export const tcp = {
  sport: tcpField('sport', 0, 2, port),
  dport: tcpField('dport', 2, 2, port),
  sequence: tcpField('sequence', 4, 4),
  ackseq: tcpField('ackseq', 8, 4),
  flags: tcpField('flags', 13, 1, 'tcp_flag'),
  window: tcpField('window', 14, 2),
  checksum: tcpField('checksum', 16, 2),
  urgptr: tcpField('urgptr', 18, 2),
} as const

const udpField = transport('udp', internetChecksum(6))

export const udp = {
  sport: udpField('sport', 0, 2, port),
  dport: udpField('dport', 2, 2, port),
  length: udpField('length', 4, 2),
  checksum: udpField('checksum', 6, 2),
} as const

const udpliteField = transport('udplite', internetChecksum(6))

export const udplite = {
  sport: udpliteField('sport', 0, 2, port),
  dport: udpliteField('dport', 2, 2, port),
} as const

const sctpField = transport('sctp', { type: NFT_PAYLOAD_CSUM_SCTP, offset: 8 })

export const sctp = {
  sport: sctpField('sport', 0, 2, port),
  dport: sctpField('dport', 2, 2, port),
  vtag: sctpField('vtag', 4, 4),
} as const

const dccpField = transport('dccp')

export const dccp = {
  sport: dccpField('sport', 0, 2, port),
  dport: dccpField('dport', 2, 2, port),
} as const

const espField = transport('esp')
export const esp = { spi: espField('spi', 0, 4) } as const

const ahField = transport('ah')
export const ah = { spi: ahField('spi', 4, 4) } as const

const thField = header('th', NFT_PAYLOAD_TRANSPORT_HEADER, undefined)

/** The ports of whatever transport protocol it is; combine with `meta('l4proto')`. */
export const th = {
  sport: thField('sport', 0, 2, port),
  dport: thField('dport', 2, 2, port),
} as const

const icmpField = header(
  'icmp',
  NFT_PAYLOAD_TRANSPORT_HEADER,
  { network: 'ip', transport: inetProtos.icmp!, inFrame: true },
  internetChecksum(2),
)

export const icmp = {
  type: icmpField('type', 0, 1, 'icmp_type'),
  code: icmpField('code', 1, 1, 'icmp_code'),
} as const

const icmpv6Field = header(
  'icmpv6',
  NFT_PAYLOAD_TRANSPORT_HEADER,
  { network: 'ip6', transport: inetProtos.icmpv6!, inFrame: true },
  internetChecksum(2),
)

export const icmpv6 = {
  type: icmpv6Field('type', 0, 1, 'icmpv6_type'),
  code: icmpv6Field('code', 1, 1, 'icmpv6_code'),
  /** The target of neighbour and router messages; nft knows it from 1.0.9 on. */
  taddr: icmpv6Field('taddr', 8, 16, 'ipv6_addr'),
} as const
