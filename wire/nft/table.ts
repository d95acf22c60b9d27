// linux/netfilter/nf_tables.h: enum nft_table_attributes.
import { blob, text, u32be, u64be } from '../netlink/fields.js'
import {
  NFTA_TABLE_FLAGS,
  NFTA_TABLE_HANDLE,
  NFTA_TABLE_NAME,
  NFTA_TABLE_OWNER,
  NFTA_TABLE_USE,
  NFTA_TABLE_USERDATA,
} from './constants.js'
import { messageCodec, type NounMessage } from './message.js'

export interface TableMessage extends NounMessage {
  readonly name?: string
  /** NFT_TABLE_F_* */
  readonly flags?: number
  readonly userdata?: Uint8Array
  /** How many chains, sets and objects it has. */
  readonly use?: number
  readonly handle?: bigint
  /** The netlink port of the owner, with NFT_TABLE_F_OWNER. */
  readonly owner?: number
}

export const { encode: encodeTable, decode: decodeTable } = messageCodec<TableMessage>('a table', () => ({
  name: text(NFTA_TABLE_NAME),
  flags: u32be(NFTA_TABLE_FLAGS),
  userdata: blob(NFTA_TABLE_USERDATA),
  use: u32be(NFTA_TABLE_USE),
  handle: u64be(NFTA_TABLE_HANDLE),
  owner: u32be(NFTA_TABLE_OWNER),
}))
