// Actions of filters: TCA_*_ACT is a list, numbered from 1, of actions with a kind and options of that kind.
// linux/pkt_cls.h (v6.1): TCA_ACT_*. Each kind has a file in action/ and an entry below.
import type { NlReader, NlWriter } from '../netlink/attr.js'
import { blob, type Field, type Rest, struct, table, text, u32, view } from '../netlink/fields.js'
import { type GactOptions, gactTable } from './action/gact.js'
import { type MirredOptions, mirredTable } from './action/mirred.js'
import { type SkbeditOptions, skbeditTable } from './action/skbedit.js'
import * as c from './constants.js'
import { attributesOf, type Registry, readOptions, type UnknownOptions, writeOptions } from './kinds.js'

export interface ActionOptions extends UnknownOptions {
  readonly mirred?: MirredOptions
  readonly gact?: GactOptions
  readonly skbedit?: SkbeditOptions
}

export interface Action extends Rest {
  /** 'mirred', 'gact', 'skbedit', ... */
  readonly kind?: string | undefined
  readonly options?: ActionOptions | undefined
  readonly index?: number | undefined
  /** Up to 16 bytes of one's own. */
  readonly cookie?: Uint8Array | undefined
  /** TCA_ACT_FLAGS_*: values, and which of them are meant. */
  readonly flags?: BitField | undefined
}

/** struct nla_bitfield32 */
export interface BitField {
  readonly values: number
  readonly mask: number
}

const kinds: Registry = {
  mirred: attributesOf(mirredTable),
  gact: attributesOf(gactTable),
  skbedit: attributesOf(skbeditTable),
}

const attributes = table({
  kind: text(c.TCA_ACT_KIND),
  index: u32(c.TCA_ACT_INDEX),
  cookie: blob(c.TCA_ACT_COOKIE),
  flags: struct(
    c.TCA_ACT_FLAGS,
    8,
    (buf): BitField => ({ values: buf.readUInt32LE(0), mask: buf.readUInt32LE(4) }),
    (w, v) => w.u32(v.values).u32(v.mask),
  ),
  payload: view(c.TCA_ACT_OPTIONS),
})

/** A list of actions, as an attribute of a filter. */
export const actions = (type: number): Field<readonly Action[]> => ({
  type,
  write: (w, list) =>
    w.attrOf(type, into => {
      for (const [i, action] of list.entries()) into.attrOf(i + 1, inner => encodeAction(inner, action))
    }),
  read: r => {
    const list: Action[] = []
    r.inner().each(item => list.push(decodeAction(item.inner())))
    return list
  },
})

function encodeAction(w: NlWriter, action: Action): void {
  attributes.encode(w, action)
  if (action.options !== undefined)
    writeOptions(w, c.TCA_ACT_OPTIONS, kinds, action.kind ?? '', action.options)
}

function decodeAction(r: NlReader): Action {
  const { payload, ...others } = attributes.decode(r)
  return { ...others, ...(payload && { options: readOptions(payload, kinds, others.kind ?? '') }) }
}
