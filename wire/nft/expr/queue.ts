// linux/netfilter/nf_tables.h: enum nft_queue_attributes. To a program on nfnetlink_queue.
import { u16be, u32be } from '../../netlink/fields.js'
import { NFTA_QUEUE_FLAGS, NFTA_QUEUE_NUM, NFTA_QUEUE_SREG_QNUM, NFTA_QUEUE_TOTAL } from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

export interface Queue extends AnyExpr {
  readonly kind: 'queue'
  readonly num?: number
  /** How many queues, from `num` on. */
  readonly total?: number
  /** NFT_QUEUE_FLAG_* */
  readonly flags?: number
  readonly sregQnum?: number
}

export const queueCodec = exprCodec<Queue>('queue', () => ({
  num: u16be(NFTA_QUEUE_NUM),
  total: u16be(NFTA_QUEUE_TOTAL),
  flags: u16be(NFTA_QUEUE_FLAGS),
  sregQnum: u32be(NFTA_QUEUE_SREG_QNUM),
}))
