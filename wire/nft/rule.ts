// linux/netfilter/nf_tables.h: enum nft_rule_attributes.
import { blob, text, u32be, u64be } from '../netlink/fields.js'
import {
  NFTA_RULE_CHAIN,
  NFTA_RULE_CHAIN_ID,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_HANDLE,
  NFTA_RULE_ID,
  NFTA_RULE_POSITION,
  NFTA_RULE_POSITION_ID,
  NFTA_RULE_TABLE,
  NFTA_RULE_USERDATA,
} from './constants.js'
import { type Expr, exprList } from './expressions.js'
import { messageCodec, type NounMessage } from './message.js'

export interface RuleMessage extends NounMessage {
  readonly table?: string
  readonly chain?: string
  readonly chainId?: number
  readonly handle?: bigint
  /** The handle of the rule before or after which this one goes. */
  readonly position?: bigint
  readonly id?: number
  readonly positionId?: number
  readonly expressions?: readonly Expr[]
  readonly userdata?: Uint8Array
}

export const { encode: encodeRule, decode: decodeRule } = messageCodec<RuleMessage>('a rule', () => ({
  table: text(NFTA_RULE_TABLE),
  chain: text(NFTA_RULE_CHAIN),
  chainId: u32be(NFTA_RULE_CHAIN_ID),
  handle: u64be(NFTA_RULE_HANDLE),
  position: u64be(NFTA_RULE_POSITION),
  id: u32be(NFTA_RULE_ID),
  positionId: u32be(NFTA_RULE_POSITION_ID),
  expressions: exprList(NFTA_RULE_EXPRESSIONS),
  userdata: blob(NFTA_RULE_USERDATA),
}))
