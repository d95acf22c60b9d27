// Codecs as tables: a struct of nf_tables is a list of attributes, each with a type, a width and a byte order.
// linux/netfilter/nf_tables.h: nearly all integers there are in network byte order.
import type { NlReader, NlWriter, RawAttribute } from '../netlink/attr.js'
import type { Field } from '../netlink/fields.js'
import { WireError } from '../wire-error.js'

const NLA_TYPE_MASK = 0x3fff

/** A field that must be there. */
export interface NeededField<T> extends Field<T> {
  readonly needed: true
}

/** Writes and reads the attributes of one struct. */
export interface Codec<T> {
  encode(w: NlWriter, value: T): void
  decode(r: NlReader): T
}

/** A field for every property that is an attribute; `rest` holds the unknown ones. */
export type Fields<T> = {
  readonly [K in Exclude<keyof T, 'kind' | 'rest'>]-?: Field<Exclude<T[K], undefined>>
}

/**
 * A codec that writes the fields in the order given, what is undefined left out, and keeps unknown attributes in
 * `rest`. A needed attribute that is missing is a WireError. The fields are made when they are first used: a process
 * that lives for one call needs few of them.
 */
export function codec<T extends object>(
  what: string,
  fields: () => Fields<T>,
  constants: Partial<T> = {},
): Codec<T> {
  let made: Prepared | undefined
  const prepared = () => {
    made ??= prepare(fields())
    return made
  }
  return {
    encode(w, value) {
      const record = value as Record<string, unknown> & { readonly rest?: readonly RawAttribute[] }
      for (const [key, field] of prepared().entries)
        if (record[key] !== undefined) field.write(w, record[key])
      w.raw(record.rest)
    },
    decode(r) {
      const { byType, needed } = prepared()
      const record: Record<string, unknown> = { ...constants }
      let rest: RawAttribute[] | undefined
      while (r.next()) {
        const known = byType.get(r.type)
        const found = known?.[1].read(r)
        if (known !== undefined && found !== undefined) record[known[0]] = found
        else {
          rest ??= []
          rest.push(r.raw())
        }
      }
      for (const key of needed)
        if (record[key] === undefined) throw new WireError(`${what} without ${key}`, r.offset)
      if (rest !== undefined) record.rest = rest
      return record as T
    },
  }
}

type Entry = readonly [key: string, field: Field<unknown>]

interface Prepared {
  readonly entries: readonly Entry[]
  readonly byType: ReadonlyMap<number, Entry>
  readonly needed: readonly string[]
}

function prepare(fields: object): Prepared {
  const entries = Object.entries(fields) as Entry[]
  return {
    entries,
    byType: new Map(entries.map(entry => [entry[1].type, entry])),
    needed: entries.filter(([, field]) => 'needed' in field).map(([key]) => key),
  }
}

/** The same field, which must be there. */
export function need<T>(field: Field<T>): NeededField<T> {
  return { ...field, needed: true }
}

export const i32be = (type: number): Field<number> => ({
  type,
  write: (w, v) => w.attrU32be(type, v),
  read: r => r.u32be() | 0,
})

/** Text without a NUL behind, which nft leaves out in places. */
export const bareText = (type: number): Field<string> => ({
  type,
  write: (w, v) => w.attr(type, Buffer.from(v)),
  read: r => r.string(),
})

/** Attributes inside the attribute. */
export const nested = <T>(type: number, of: Codec<T>): Field<T> => ({
  type,
  write: (w, v) => w.nested(type, inner => of.encode(inner, v)),
  read: r => of.decode(r.inner()),
})

/** A nest of any number of nests of type `item` (NFTA_LIST_ELEM). */
export const list = <T>(type: number, item: number, of: Codec<T>): Field<readonly T[]> =>
  listOf(type, nested(item, of))

/** A nest of any number of attributes of one type: device names, say. */
export const listOf = <T>(type: number, of: Field<T>): Field<readonly T[]> => ({
  type,
  write: (w, values) =>
    w.nested(type, outer => {
      for (const value of values) of.write(outer, value)
    }),
  read: r => {
    const values: T[] = []
    r.inner().each(each => {
      const value = each.type === of.type ? of.read(each) : undefined
      if (value !== undefined) values.push(value)
    })
    return values
  },
})

/** A nest of any number of nests whose types are their positions, from 1 on. The kernel does not look at these. */
export const array = <T>(type: number, of: Codec<T>): Field<readonly T[]> => ({
  type,
  write: (w, values) =>
    w.nested(type, outer => {
      let position = 0
      for (const value of values) outer.nested(++position & NLA_TYPE_MASK, inner => of.encode(inner, value))
    }),
  read: r => {
    const values: T[] = []
    r.inner().each(each => values.push(of.decode(each.inner())))
    return values
  },
})
