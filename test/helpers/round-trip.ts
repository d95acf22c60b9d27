// Every rtnetlink codec by the family of its messages ((type - 16) >> 2), and what must hold for all of them:
// what is decoded and encoded again says the same as before.
import type { Test } from 'tap'
import { NlWriter } from '../../wire/netlink/attr.js'
import { NLM_F_DUMP } from '../../wire/netlink/constants.js'
import type { NlMessage } from '../../wire/netlink/message.js'
import { decodeAddress, encodeAddress } from '../../wire/route/address.js'
import { decodeLinkMessage, encodeLinkMessage } from '../../wire/route/link-message.js'
import { decodeNeighbour, encodeNeighbour } from '../../wire/route/neighbour.js'
import { decodeRoute, encodeRoute } from '../../wire/route/route.js'
import { decodeRule, encodeRule } from '../../wire/route/rule.js'
import { decodeFilter, encodeFilter } from '../../wire/tc/filter.js'
import { decodeQdisc, encodeQdisc } from '../../wire/tc/qdisc.js'
import { canonical } from './canonical.js'
import { golden } from './golden.js'
import { matchBytes } from './match-bytes.js'

export interface Codec {
  readonly decode: (payload: Buffer) => unknown
  readonly encode: (w: NlWriter, value: never) => void
}

export const codecs: Readonly<Record<number, Codec>> = {
  0: { decode: decodeLinkMessage, encode: encodeLinkMessage },
  1: { decode: decodeAddress, encode: encodeAddress },
  2: { decode: decodeRoute, encode: encodeRoute },
  3: { decode: decodeNeighbour, encode: encodeNeighbour },
  4: { decode: decodeRule, encode: encodeRule },
  5: { decode: decodeQdisc, encode: encodeQdisc },
  6: { decode: decodeQdisc, encode: encodeQdisc },
  7: { decode: decodeFilter, encode: encodeFilter },
}

/** The codec for a message; none for requests of a dump, which are no more than a filter, and for other messages. */
export function codecFor({ type, flags }: NlMessage): Codec | undefined {
  const isDumpRequest = (type & 3) === 2 && (flags & NLM_F_DUMP) === NLM_F_DUMP
  return type < 16 || isDumpRequest ? undefined : codecs[(type - 16) >> 2]
}

/** The bytes that `write` writes. */
export function bytesOf(write: (w: NlWriter) => void): Buffer {
  const w = new NlWriter(16)
  write(w)
  return w.finish()
}

/** Decodes and encodes every message of an area; returns how many there were. */
export function roundTrips(t: Test, area: string): number {
  let count = 0
  for (const { command, sent, received } of golden(area))
    for (const [way, messages] of Object.entries({ sent, received }))
      for (const message of messages) {
        const codec = codecFor(message)
        if (codec === undefined) continue
        const again = bytesOf(w => codec.encode(w, codec.decode(message.payload) as never))
        const got = canonical(message.type, again)
        const want = canonical(message.type, message.payload)
        if (Buffer.compare(got, want) !== 0)
          matchBytes(t, got, want, `${way} type ${message.type}: ${command}`)
        count++
      }
  return count
}
