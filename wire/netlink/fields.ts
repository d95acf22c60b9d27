// Attributes as tables: which attribute (IFLA_MTU) is which property (mtu), and how its payload is written.
// One table serves both directions. What a table does not know, or cannot represent (a link-layer address that is
// no MAC), is kept in `rest`, so that decoding and encoding again yields the attributes that were there.
import { Ip } from '../ip.js'
import { Mac } from '../mac.js'
import { NlReader, type NlWriter, type RawAttribute } from './attr.js'

/** One attribute. `read` returns undefined for a payload that it cannot represent: the attribute goes to `rest`. */
export interface Field<T> {
  readonly type: number
  /** A second attribute that is read into the same property. */
  readonly otherType?: number
  /** The property is an array, with one attribute for each element. */
  readonly repeated?: boolean
  write(w: NlWriter, value: T): void
  read(r: NlReader): T | undefined
}

export interface Rest {
  /** What the decoder did not know, in the order of the wire. Goes out behind the known attributes. */
  readonly rest?: readonly RawAttribute[] | undefined
}

/** The properties that a record of fields describes, all of them optional. */
export type Properties<F> = {
  readonly [K in keyof F]?: (F[K] extends Field<infer T> ? T : never) | undefined
}

/** A set of attributes that make up (a part of) a T. */
export interface Table<T> {
  readonly byType: ReadonlyMap<number, readonly [name: string, field: AnyField]>
  encode(w: NlWriter, value: T & Rest): void
  decode(r: NlReader): T & Rest
}

/** What a table holds. */
export type ValueOf<A> = A extends Table<infer T> ? T & Rest : never

// biome-ignore lint/suspicious/noExplicitAny: a record of fields has a type for each of them
export type AnyField = Field<any>
// biome-ignore lint/suspicious/noExplicitAny: likewise
export type AnyTable = Table<any>

/** Makes a table; the properties go out in the order in which they are given here. */
export function table<F extends Readonly<Record<string, AnyField>>>(fields: F): Table<Properties<F>> {
  const entries = Object.entries(fields)
  const byType = new Map<number, readonly [string, AnyField]>()
  for (const entry of entries) {
    byType.set(entry[1].type, entry)
    if (entry[1].otherType !== undefined) byType.set(entry[1].otherType, entry)
  }
  return {
    byType,
    encode(w, value) {
      const properties: Readonly<Record<string, unknown>> = value
      for (const [name, field] of entries) {
        const property = properties[name]
        if (property === undefined) continue
        if (field.repeated) for (const element of property as unknown[]) field.write(w, element)
        else field.write(w, property)
      }
      w.raw(value.rest)
    },
    decode(r) {
      const properties: Record<string, unknown> = {}
      let rest: RawAttribute[] | undefined
      while (r.next()) {
        const entry = byType.get(r.type)
        const value = entry?.[1].read(r)
        if (entry === undefined || value === undefined) {
          rest ??= []
          rest.push(r.raw())
          continue
        }
        const [name, field] = entry
        if (!field.repeated) properties[name] = value
        else if (properties[name] === undefined) properties[name] = [value]
        else (properties[name] as unknown[]).push(value)
      }
      if (rest !== undefined) properties.rest = rest
      return properties as Properties<F> & Rest
    },
  }
}

export const u8 = (type: number): Field<number> => ({
  type,
  write: (w, v) => w.attrU8(type, v),
  read: r => r.u8(),
})

export const u16 = (type: number): Field<number> => ({
  type,
  write: (w, v) => w.attrU16(type, v),
  read: r => r.u16(),
})

export const u32 = (type: number): Field<number> => ({
  type,
  write: (w, v) => w.attrU32(type, v),
  read: r => r.u32(),
})

export const i32 = (type: number): Field<number> => ({
  type,
  write: (w, v) => w.attrI32(type, v),
  read: r => r.i32(),
})

export const u64 = (type: number): Field<bigint> => ({
  type,
  write: (w, v) => w.attrU64(type, v),
  read: r => r.u64(),
})

export const u16be = (type: number): Field<number> => ({
  type,
  write: (w, v) => w.attrU16be(type, v),
  read: r => r.u16be(),
})

export const u32be = (type: number): Field<number> => ({
  type,
  write: (w, v) => w.attrU32be(type, v),
  read: r => r.u32be(),
})

export const u64be = (type: number): Field<bigint> => ({
  type,
  write: (w, v) => w.attrU64be(type, v),
  read: r => r.u64be(),
})

/** A u8 that is 0 or 1. */
export const bool = (type: number): Field<boolean> => ({
  type,
  write: (w, v) => w.attrU8(type, v ? 1 : 0),
  read: r => {
    const v = r.u8()
    return v > 1 ? undefined : v === 1
  },
})

/** True by being there; false is not written. */
export const flag = (type: number): Field<boolean> => ({
  type,
  write: (w, v) => v && w.attrFlag(type),
  // The kernel takes IFLA_VXLAN_TTL_INHERIT as a flag, but shows it as a u8.
  read: r => (r.size === 0 ? r.flag() : undefined),
})

/** NUL-terminated text. */
export const text = (type: number): Field<string> => ({
  type,
  write: (w, v) => w.attrString(type, v),
  read: r => r.string(),
})

export const blob = (type: number): Field<Uint8Array> => ({
  type,
  write: (w, v) => w.attr(type, v),
  read: r => r.raw().data,
})

/** The payload itself, not copied: for what is decoded further at once. */
export const view = (type: number): Field<Buffer> => ({
  type,
  write: (w, v) => w.attr(type, v),
  read: r => r.bytes(),
})

/** A link-layer address of 6 bytes; others are not for this field. */
export const mac = (type: number): Field<Mac> => ({
  type,
  write: (w, v) => w.attr(type, v.bytes),
  read: r => (r.size === 6 ? new Mac(r.raw().data) : undefined),
})

/** An address, its family told by the length. */
export const ip = (type: number): Field<Ip> => ({
  type,
  write: (w, v) => w.attr(type, v.bytes),
  read: r => (r.size === 4 || r.size === 16 ? new Ip(r.raw().data) : undefined),
})

/** An address that has one attribute in IPv4 and another in IPv6. */
export const ipEither = (type4: number, type6: number): Field<Ip> => ({
  ...ip(type4),
  otherType: type6,
  write: (w, v) => w.attr(v.family === 4 ? type4 : type6, v.bytes),
  read: r => (r.size === (r.type === type4 ? 4 : 16) ? new Ip(r.raw().data) : undefined),
})

/** A C struct of `size` bytes. */
export const struct = <T>(
  type: number,
  size: number,
  read: (buf: Buffer) => T,
  write: (w: NlWriter, value: T) => void,
): Field<T> => ({
  type,
  write: (w, v) => w.attrOf(type, inner => write(inner, v)),
  read: r => read(r.bytes(size)),
})

/** Attributes within an attribute, marked as such (NLA_F_NESTED). */
export const nested = <T>(type: number, inner: Table<T>): Field<T & Rest> => ({
  type,
  write: (w, v) => w.nested(type, into => inner.encode(into, v)),
  read: r => inner.decode(r.inner()),
})

/** Attributes within an attribute, unmarked, as the older parts of rtnetlink have it. */
export const plainNest = <T>(type: number, inner: Table<T>): Field<T & Rest> => ({
  ...nested(type, inner),
  write: (w, v) => w.attrOf(type, into => inner.encode(into, v)),
})

/** One attribute for each element of an array. */
export const each = <T>(field: Field<T>): Field<readonly T[]> =>
  ({ ...field, repeated: true }) as unknown as Field<readonly T[]>

/** Decodes the attributes that follow a struct of `header` bytes in a message's payload. */
export function decodeAfter<T>(from: Table<T>, payload: Buffer, header: number): T & Rest {
  return from.decode(new NlReader(payload, header))
}

/** Drops the properties that are undefined, so that what is absent on the wire is absent in the object. */
export function defined<T extends object>(value: T): T {
  const copy: Record<string, unknown> = {}
  for (const [name, property] of Object.entries(value)) if (property !== undefined) copy[name] = property
  return copy as T
}
