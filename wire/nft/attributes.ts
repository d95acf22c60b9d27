// Codecs as tables: a struct of nf_tables is a list of attributes, each with a type, a width and a byte order.
// linux/netfilter/nf_tables.h: nearly all integers there are in network byte order.
import type { NlReader, NlWriter, RawAttribute } from '../netlink/attr.js'
import { WireError } from '../wire-error.js'

const NLA_TYPE_MASK = 0x3fff

/** How one attribute is written and read. */
export interface Field<T> {
  readonly attr: number
  readonly required: boolean
  write(w: NlWriter, value: T): void
  read(r: NlReader): T
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
 * `rest`. A required attribute that is missing is a WireError.
 */
export function codec<T extends object>(
  what: string,
  fields: Fields<T>,
  constants: Partial<T> = {},
): Codec<T> {
  const entries = Object.entries(fields) as [string, Field<unknown>][]
  const byAttr = new Map(entries.map(([key, field]) => [field.attr, { key, field }]))
  const required = entries.filter(([, field]) => field.required).map(([key]) => key)
  return {
    encode(w, value) {
      const record = value as Record<string, unknown> & { readonly rest?: readonly RawAttribute[] }
      for (const [key, field] of entries) if (record[key] !== undefined) field.write(w, record[key])
      w.raw(record.rest)
    },
    decode(r) {
      const record: Record<string, unknown> = { ...constants }
      let rest: RawAttribute[] | undefined
      while (r.next()) {
        const known = byAttr.get(r.type)
        if (known !== undefined) record[known.key] = known.field.read(r)
        else {
          rest ??= []
          rest.push(r.raw())
        }
      }
      for (const key of required)
        if (record[key] === undefined) throw new WireError(`${what} without ${key}`, r.offset)
      if (rest !== undefined) record.rest = rest
      return record as T
    },
  }
}

/** The same field, which must be there. */
export function need<T>(field: Field<T>): Field<T> {
  return { ...field, required: true }
}

function field<T>(attr: number, write: Field<T>['write'], read: Field<T>['read']): Field<T> {
  return { attr, required: false, write, read }
}

export const u8 = (attr: number): Field<number> =>
  field(
    attr,
    (w, v) => w.attrU8(attr, v),
    r => r.u8(),
  )

export const u16be = (attr: number): Field<number> =>
  field(
    attr,
    (w, v) => w.attrU16be(attr, v),
    r => r.u16be(),
  )

export const u32be = (attr: number): Field<number> =>
  field(
    attr,
    (w, v) => w.attrU32be(attr, v),
    r => r.u32be(),
  )

export const i32be = (attr: number): Field<number> =>
  field(
    attr,
    (w, v) => w.attrU32be(attr, v),
    r => r.u32be() | 0,
  )

export const u64be = (attr: number): Field<bigint> =>
  field(
    attr,
    (w, v) => w.attrU64be(attr, v),
    r => r.u64be(),
  )

export const text = (attr: number): Field<string> =>
  field(
    attr,
    (w, v) => w.attrString(attr, v),
    r => r.string(),
  )

/** Text without a NUL behind, which nft leaves out in places. */
export const bareText = (attr: number): Field<string> =>
  field(
    attr,
    (w, v) => w.attr(attr, Buffer.from(v)),
    r => r.string(),
  )

/** Bytes as they are; read as a view of the message. */
export const bytes = (attr: number): Field<Uint8Array> =>
  field(
    attr,
    (w, v) => w.attr(attr, v),
    r => r.bytes(),
  )

/** Attributes inside the attribute. */
export const nested = <T>(attr: number, of: Codec<T>): Field<T> =>
  field(
    attr,
    (w, v) => w.nested(attr, inner => of.encode(inner, v)),
    r => of.decode(r.inner()),
  )

/** A nest of any number of nests of type `item` (NFTA_LIST_ELEM). */
export const list = <T>(attr: number, item: number, of: Codec<T>): Field<readonly T[]> =>
  field(
    attr,
    (w, values) =>
      w.nested(attr, outer => {
        for (const value of values) outer.nested(item, inner => of.encode(inner, value))
      }),
    r => {
      const values: T[] = []
      r.inner().each(each => {
        if (each.type === item) values.push(of.decode(each.inner()))
      })
      return values
    },
  )

/** A nest of any number of nests whose types are their positions, from 1 on. The kernel does not look at these. */
export const array = <T>(attr: number, of: Codec<T>): Field<readonly T[]> =>
  field(
    attr,
    (w, values) =>
      w.nested(attr, outer => {
        let position = 0
        for (const value of values) outer.nested(++position & NLA_TYPE_MASK, inner => of.encode(inner, value))
      }),
    r => {
      const values: T[] = []
      r.inner().each(each => values.push(of.decode(each.inner())))
      return values
    },
  )

/** A nest of any number of plain attributes: device names, say. */
export const listOf = <T>(attr: number, of: Field<T>): Field<readonly T[]> =>
  field(
    attr,
    (w, values) =>
      w.nested(attr, outer => {
        for (const value of values) of.write(outer, value)
      }),
    r => {
      const values: T[] = []
      r.inner().each(each => {
        if (each.type === of.attr) values.push(of.read(each))
      })
      return values
    },
  )
