// Fields of the link layer: Ethernet, VLAN tag, ARP. nft(8): "ETHERNET HEADER EXPRESSION" and following.
import { NFT_PAYLOAD_LL_HEADER, NFT_PAYLOAD_NETWORK_HEADER } from '../../../wire/nft/constants.js'
import { plainInteger } from '../datatypes.js'
import { header } from './header.js'

const etherField = header('ether', NFT_PAYLOAD_LL_HEADER, { link: 'ether' })

export const ether = {
  daddr: etherField('daddr', 0, 6, 'ether_addr'),
  saddr: etherField('saddr', 6, 6, 'ether_addr'),
  type: etherField('type', 12, 2, 'ether_type'),
} as const

const vlanField = header('vlan', NFT_PAYLOAD_LL_HEADER, { link: 'ether', network: 'vlan', inFrame: true })

export const vlan = {
  id: vlanField('id', 14, 2, plainInteger(2), { bits: { mask: 0x0fff, shift: 0 } }),
  type: vlanField('type', 16, 2, 'ether_type'),
} as const

const arpField = header('arp', NFT_PAYLOAD_NETWORK_HEADER, { network: 'arp', inFrame: true })

/** Of ARP for IPv4 on Ethernet. */
export const arp = {
  htype: arpField('htype', 0, 2),
  ptype: arpField('ptype', 2, 2, 'ether_type'),
  hlen: arpField('hlen', 4, 1),
  plen: arpField('plen', 5, 1),
  operation: arpField('operation', 6, 2, 'arp_op'),
  saddrEther: arpField('saddr ether', 8, 6, 'ether_addr'),
  saddrIp: arpField('saddr ip', 14, 4, 'ipv4_addr'),
  daddrEther: arpField('daddr ether', 18, 6, 'ether_addr'),
  daddrIp: arpField('daddr ip', 24, 4, 'ipv4_addr'),
} as const
