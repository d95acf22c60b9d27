// What registers and set elements hold: a value or a verdict. linux/netfilter/nf_tables.h: enum nft_data_attributes.
import type { NlWriter, RawAttribute } from '../netlink/attr.js'
import { NLA_F_NESTED } from '../netlink/constants.js'
import { blob, type Field, text, u32be } from '../netlink/fields.js'
import { WireError } from '../wire-error.js'
import { type Codec, codec, i32be, need, nested } from './attributes.js'
import {
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_VERDICT_CHAIN,
  NFTA_VERDICT_CHAIN_ID,
  NFTA_VERDICT_CODE,
} from './constants.js'

export interface Verdict {
  /** NF_ACCEPT, NF_DROP, NFT_JUMP, …; the nf_tables ones are negative. */
  readonly code: number
  /** Where NFT_JUMP and NFT_GOTO lead. */
  readonly chain?: string
  readonly chainId?: number
  readonly rest?: readonly RawAttribute[]
}

/** The bytes of a value, as they lie in a register; or a verdict. */
export type Data = Uint8Array | Verdict

export function isVerdict(data: Data): data is Verdict {
  return !(data instanceof Uint8Array)
}

const verdict = codec<Verdict>('a verdict', () => ({
  code: need(i32be(NFTA_VERDICT_CODE)),
  chain: text(NFTA_VERDICT_CHAIN),
  chainId: u32be(NFTA_VERDICT_CHAIN_ID),
}))

const valueField = blob(NFTA_DATA_VALUE)
const verdictField = nested(NFTA_DATA_VERDICT, verdict)

const dataCodec: Codec<Data> = {
  encode(w, value) {
    if (isVerdict(value)) verdictField.write(w, value)
    else valueField.write(w, value)
  },
  decode(r) {
    let found: Data | undefined
    while (r.next()) {
      if (r.type === NFTA_DATA_VALUE) found = r.raw().data
      else if (r.type === NFTA_DATA_VERDICT) found = verdictField.read(r)
    }
    if (found === undefined) throw new WireError('data that is neither value nor verdict', r.offset)
    return found
  },
}

/** A value or a verdict. */
export const data = (attr: number): Field<Data> => nested(attr, dataCodec)

/** Bytes of the header of an attribute, and what an attribute's length is rounded up to. */
const NLA_HDRLEN = 4

/** Writes a value by itself: what `value(attr)` does, without a nest to be measured afterwards. */
export function writeValue(w: NlWriter, attr: number, bytes: Uint8Array): void {
  const padded = (bytes.length + NLA_HDRLEN - 1) & -NLA_HDRLEN
  w.u16(2 * NLA_HDRLEN + padded)
    .u16(attr | NLA_F_NESTED)
    .attr(NFTA_DATA_VALUE, bytes)
}

/** A value; a verdict in its place is a WireError. */
export const value = (attr: number): Field<Uint8Array> => ({
  ...(data(attr) as Field<Uint8Array>),
  read(r) {
    const found = dataCodec.decode(r.inner())
    if (isVerdict(found)) throw new WireError('a verdict where a value belongs', r.offset)
    return found
  },
})
