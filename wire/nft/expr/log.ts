// linux/netfilter/nf_tables.h: enum nft_log_attributes.
import { text, u16be, u32be } from '../../netlink/fields.js'
import {
  NFTA_LOG_FLAGS,
  NFTA_LOG_GROUP,
  NFTA_LOG_LEVEL,
  NFTA_LOG_PREFIX,
  NFTA_LOG_QTHRESHOLD,
  NFTA_LOG_SNAPLEN,
} from '../constants.js'
import { type AnyExpr, exprCodec } from './codec.js'

/** To the kernel log; with `group`, to a listener on nfnetlink_log. */
export interface Log extends AnyExpr {
  readonly kind: 'log'
  readonly group?: number
  readonly prefix?: string
  /** In bytes. */
  readonly snaplen?: number
  /** In packets. */
  readonly qthreshold?: number
  /** NFT_LOGLEVEL_* */
  readonly level?: number
  /** NF_LOG_* */
  readonly flags?: number
}

export const logCodec = exprCodec<Log>('log', () => ({
  prefix: text(NFTA_LOG_PREFIX),
  group: u16be(NFTA_LOG_GROUP),
  snaplen: u32be(NFTA_LOG_SNAPLEN),
  qthreshold: u16be(NFTA_LOG_QTHRESHOLD),
  level: u32be(NFTA_LOG_LEVEL),
  flags: u32be(NFTA_LOG_FLAGS),
}))
