// linux/netfilter/nf_tables.h: enum nft_socket_attributes. The local socket a packet is for.
import { u32be } from '../../netlink/fields.js'
import { need } from '../attributes.js'
import { NFTA_SOCKET_DREG, NFTA_SOCKET_KEY, NFTA_SOCKET_LEVEL } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

export interface Socket extends AnyExpr {
  readonly kind: 'socket'
  /** NFT_SOCKET_* */
  readonly key: number
  readonly dreg: number
  /** Of the cgroup, for NFT_SOCKET_CGROUPV2. */
  readonly level?: number
}

export const socketCodec = exprCodec<Socket>('socket', () => ({
  key: need(u32be(NFTA_SOCKET_KEY)),
  dreg: need(u32be(NFTA_SOCKET_DREG)),
  level: u32be(NFTA_SOCKET_LEVEL),
}))
