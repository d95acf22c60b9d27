// linux/netfilter/nf_tables.h: enum nft_chain_attributes, enum nft_hook_attributes, enum nft_counter_attributes.
import type { RawAttribute } from '../netlink/attr.js'
import { blob, text, u32be, u64be } from '../netlink/fields.js'
import { codec, i32be, listOf, nested } from './attributes.js'
import {
  NFTA_CHAIN_COUNTERS,
  NFTA_CHAIN_FLAGS,
  NFTA_CHAIN_HANDLE,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_ID,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_TYPE,
  NFTA_CHAIN_USE,
  NFTA_CHAIN_USERDATA,
  NFTA_COUNTER_BYTES,
  NFTA_COUNTER_PACKETS,
  NFTA_DEVICE_NAME,
  NFTA_HOOK_DEV,
  NFTA_HOOK_DEVS,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
} from './constants.js'
import { messageCodec, type NounMessage } from './message.js'

/** Where a base chain is attached. */
export interface HookMessage {
  /** NF_INET_*; NF_NETDEV_* in family netdev. */
  readonly hooknum?: number
  readonly priority?: number
  readonly device?: string
  readonly devices?: readonly string[]
  readonly rest?: readonly RawAttribute[]
}

export interface ChainCounters {
  readonly packets?: bigint
  readonly bytes?: bigint
  readonly rest?: readonly RawAttribute[]
}

export interface ChainMessage extends NounMessage {
  readonly table?: string
  readonly handle?: bigint
  readonly name?: string
  readonly id?: number
  /** filter, nat or route; of base chains only. */
  readonly type?: string
  readonly hook?: HookMessage
  /** NF_ACCEPT or NF_DROP; of base chains only. */
  readonly policy?: number
  /** NFT_CHAIN_* */
  readonly flags?: number
  readonly userdata?: Uint8Array
  /** How many rules it has and how many jump to it. */
  readonly use?: number
  readonly counters?: ChainCounters
}

const hook = codec<HookMessage>('a hook', () => ({
  hooknum: u32be(NFTA_HOOK_HOOKNUM),
  priority: i32be(NFTA_HOOK_PRIORITY),
  device: text(NFTA_HOOK_DEV),
  devices: listOf(NFTA_HOOK_DEVS, text(NFTA_DEVICE_NAME)),
}))

const counters = codec<ChainCounters>('counters', () => ({
  packets: u64be(NFTA_COUNTER_PACKETS),
  bytes: u64be(NFTA_COUNTER_BYTES),
}))

export const { encode: encodeChain, decode: decodeChain } = messageCodec<ChainMessage>('a chain', () => ({
  table: text(NFTA_CHAIN_TABLE),
  handle: u64be(NFTA_CHAIN_HANDLE),
  name: text(NFTA_CHAIN_NAME),
  id: u32be(NFTA_CHAIN_ID),
  type: text(NFTA_CHAIN_TYPE),
  policy: u32be(NFTA_CHAIN_POLICY),
  hook: nested(NFTA_CHAIN_HOOK, hook),
  flags: u32be(NFTA_CHAIN_FLAGS),
  userdata: blob(NFTA_CHAIN_USERDATA),
  use: u32be(NFTA_CHAIN_USE),
  counters: nested(NFTA_CHAIN_COUNTERS, counters),
}))
