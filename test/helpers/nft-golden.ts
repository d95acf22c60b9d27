// What nft sends, as captured by tools/capture-nft.mjs: test/golden/nft/<suite>.json.
import { readFileSync } from 'node:fs'
import { decodeMessages, type NlMessage } from '../../wire/netlink/message.js'
import { decodeChain, encodeChain } from '../../wire/nft/chain.js'
import * as c from '../../wire/nft/constants.js'
import { decodeElements, encodeElements } from '../../wire/nft/element.js'
import { decodeGen, encodeGen } from '../../wire/nft/gen.js'
import { type MessageCodec, nftMsg, nftType } from '../../wire/nft/message.js'
import { decodeObject, encodeObject } from '../../wire/nft/object.js'
import { decodeRule, encodeRule } from '../../wire/nft/rule.js'
import { decodeSet, encodeSet } from '../../wire/nft/set.js'
import { decodeTable, encodeTable } from '../../wire/nft/table.js'

export interface NftCapture {
  readonly command: string
  /** The messages of the batch, without its begin and end. */
  readonly messages: readonly (NlMessage & { readonly bytes: Buffer })[]
}

export interface NftGolden {
  readonly setup: string
  readonly captures: readonly NftCapture[]
}

export function nftGolden(suite: string): NftGolden {
  const file = new URL(`../../../../test/golden/nft/${suite}.json`, import.meta.url)
  const { setup, captures } = JSON.parse(readFileSync(file, 'utf8')) as {
    setup: string
    captures: { command: string; hex: string[] }[]
  }
  return {
    setup,
    captures: captures.map(({ command, hex }) => ({
      command,
      messages: hex.map(text => {
        const bytes = Buffer.from(text, 'hex')
        const [message] = decodeMessages(bytes)
        return { ...message!, bytes }
      }),
    })),
  }
}

const table = { encode: encodeTable, decode: decodeTable }
const chain = { encode: encodeChain, decode: decodeChain }
const rule = { encode: encodeRule, decode: decodeRule }
const set = { encode: encodeSet, decode: decodeSet }
const elements = { encode: encodeElements, decode: decodeElements }
const object = { encode: encodeObject, decode: decodeObject }

const codecs: Readonly<Record<number, unknown>> = {
  [c.NFT_MSG_NEWTABLE]: table,
  [c.NFT_MSG_DELTABLE]: table,
  [c.NFT_MSG_DESTROYTABLE]: table,
  [c.NFT_MSG_NEWCHAIN]: chain,
  [c.NFT_MSG_DELCHAIN]: chain,
  [c.NFT_MSG_DESTROYCHAIN]: chain,
  [c.NFT_MSG_NEWRULE]: rule,
  [c.NFT_MSG_DELRULE]: rule,
  [c.NFT_MSG_DESTROYRULE]: rule,
  [c.NFT_MSG_NEWSET]: set,
  [c.NFT_MSG_DELSET]: set,
  [c.NFT_MSG_DESTROYSET]: set,
  [c.NFT_MSG_NEWSETELEM]: elements,
  [c.NFT_MSG_DELSETELEM]: elements,
  [c.NFT_MSG_DESTROYSETELEM]: elements,
  [c.NFT_MSG_NEWOBJ]: object,
  [c.NFT_MSG_DELOBJ]: object,
  [c.NFT_MSG_DESTROYOBJ]: object,
  [c.NFT_MSG_NEWGEN]: { encode: encodeGen, decode: decodeGen },
}

// biome-ignore lint/suspicious/noExplicitAny: a message of any noun
export type AnyCodec = MessageCodec<any>

/** The codec for a message by its netlink type. */
export function nftCodec(type: number): AnyCodec {
  return codecs[nftMsg(type) ?? -1] as AnyCodec
}

/** Message types with a codec. */
export const nftTypes: readonly number[] = Object.keys(codecs).map(msg => nftType(Number(msg)))

/** A value that compares as it should: bytes as hex, and without what is undefined. */
export function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(entries.map(([key, each]) => [key, comparable(each)]))
}
