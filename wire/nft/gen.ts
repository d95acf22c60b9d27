// The generation of the ruleset: it counts commits. linux/netfilter/nf_tables.h: enum nft_gen_attributes.
import { text, u32be } from '../netlink/fields.js'
import { need } from './attributes.js'
import { NFTA_GEN_ID, NFTA_GEN_PROC_NAME, NFTA_GEN_PROC_PID } from './constants.js'
import { messageCodec, type NounMessage } from './message.js'

export interface GenMessage extends NounMessage {
  readonly id: number
  /** Who committed it. */
  readonly pid?: number
  readonly name?: string
}

export const { encode: encodeGen, decode: decodeGen } = messageCodec<GenMessage>('a generation', () => ({
  id: need(u32be(NFTA_GEN_ID)),
  pid: u32be(NFTA_GEN_PROC_PID),
  name: text(NFTA_GEN_PROC_NAME),
}))
