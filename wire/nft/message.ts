// Messages of nf_tables: the nfnetlink header, batches, and what a noun's codec is made of.
// linux/netfilter/nfnetlink.h: struct nfgenmsg { u8 family; u8 version; be16 res_id }, NFNL_MSG_BATCH_*.
import { NlReader, type NlWriter, type RawAttribute } from '../netlink/attr.js'
import { NLM_F_REQUEST } from '../netlink/constants.js'
import { WireError } from '../wire-error.js'
import { codec, type Fields } from './attributes.js'
import { NFNETLINK_V0, NFNL_BATCH_GENID, NFNL_SUBSYS_NFTABLES, NFPROTO_UNSPEC } from './constants.js'

const NFGENMSG_LEN = 4
export const NFNL_MSG_BATCH_BEGIN = 16
export const NFNL_MSG_BATCH_END = 17

/** The netlink message type of NFT_MSG_*. */
export function nftType(msg: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | msg
}

/** NFT_MSG_* of a netlink message type; undefined when the message is not of nf_tables. */
export function nftMsg(type: number): number | undefined {
  return type >> 8 === NFNL_SUBSYS_NFTABLES ? type & 0xff : undefined
}

export function nfgenmsg(w: NlWriter, family: number, resId = 0): NlWriter {
  return w.u8(family).u8(NFNETLINK_V0).u16be(resId)
}

/** What the header of a message says beside the family: in answers of nf_tables the ruleset's generation, modulo 2^16. */
export function resIdOf(payload: Buffer): number {
  if (payload.length < NFGENMSG_LEN) throw new WireError(`a message of ${payload.length} bytes`)
  return payload.readUInt16BE(2)
}

/** Opens a batch: the messages up to `batchEnd` take effect together or not at all. With `genId`, only in that generation. */
export function batchBegin(w: NlWriter, genId?: number): void {
  w.message(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, w => {
    nfgenmsg(w, NFPROTO_UNSPEC, NFNL_SUBSYS_NFTABLES)
    if (genId !== undefined) w.attrU32be(NFNL_BATCH_GENID, genId)
  })
}

export function batchEnd(w: NlWriter): void {
  w.message(NFNL_MSG_BATCH_END, NLM_F_REQUEST, w => nfgenmsg(w, NFPROTO_UNSPEC, NFNL_SUBSYS_NFTABLES))
}

/** What every noun has: NFPROTO_* from the header, and attributes that we do not know. */
export interface NounMessage {
  readonly family: number
  readonly rest?: readonly RawAttribute[]
}

/** Writes and reads what follows the netlink header. */
export interface MessageCodec<T extends NounMessage> {
  encode(w: NlWriter, message: T): void
  decode(payload: Buffer): T
}

export function messageCodec<T extends NounMessage>(
  what: string,
  fields: () => Fields<Omit<T, 'family'>>,
): MessageCodec<T> {
  const body = codec<Omit<T, 'family'>>(what, fields)
  return {
    encode(w, message) {
      nfgenmsg(w, message.family)
      body.encode(w, message)
    },
    decode(payload) {
      if (payload.length < NFGENMSG_LEN) throw new WireError(`${what} of ${payload.length} bytes`)
      return { family: payload[0]!, ...body.decode(new NlReader(payload, NFGENMSG_LEN)) } as T
    },
  }
}
