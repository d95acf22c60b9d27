// Fields of the IPv4 and IPv6 headers. nft(8): "IPV4 HEADER EXPRESSION", "IPV6 HEADER EXPRESSION".
import { NFT_PAYLOAD_CSUM_NONE, NFT_PAYLOAD_NETWORK_HEADER } from '../../../wire/nft/constants.js'
import { header, internetChecksum } from './header.js'

const ipField = header('ip', NFT_PAYLOAD_NETWORK_HEADER, { network: 'ip' }, internetChecksum(10))

export const ip = {
  dscp: ipField('dscp', 1, 1, 'dscp', { bits: { mask: 0xfc, shift: 2 } }),
  ecn: ipField('ecn', 1, 1, 'ecn', { bits: { mask: 0x03, shift: 0 } }),
  length: ipField('length', 2, 2),
  id: ipField('id', 4, 2),
  fragOff: ipField('frag-off', 6, 2),
  ttl: ipField('ttl', 8, 1),
  protocol: ipField('protocol', 9, 1, 'inet_proto'),
  checksum: ipField('checksum', 10, 2),
  saddr: ipField('saddr', 12, 4, 'ipv4_addr', { pseudo: true }),
  daddr: ipField('daddr', 16, 4, 'ipv4_addr', { pseudo: true }),
} as const

/** The header itself has no checksum, but its addresses are in those of TCP and UDP. */
const none = { type: NFT_PAYLOAD_CSUM_NONE, offset: 0 } as const
const ip6Field = header('ip6', NFT_PAYLOAD_NETWORK_HEADER, { network: 'ip6' }, none)

export const ip6 = {
  dscp: ip6Field('dscp', 0, 2, 'dscp', { bits: { mask: 0x0fc0, shift: 6 } }),
  ecn: ip6Field('ecn', 1, 1, 'ecn', { bits: { mask: 0x30, shift: 4 } }),
  flowlabel: ip6Field('flowlabel', 1, 3, undefined, { bits: { mask: 0x0fffff, shift: 0 } }),
  length: ip6Field('length', 4, 2),
  nexthdr: ip6Field('nexthdr', 6, 1, 'inet_proto'),
  hoplimit: ip6Field('hoplimit', 7, 1),
  saddr: ip6Field('saddr', 8, 16, 'ipv6_addr', { pseudo: true }),
  daddr: ip6Field('daddr', 24, 16, 'ipv6_addr', { pseudo: true }),
} as const
