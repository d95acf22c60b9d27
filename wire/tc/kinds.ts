// TCA_OPTIONS and TCA_ACT_OPTIONS mean something else for each kind of qdisc, filter and action: a registry of kinds.
import { NlReader, type NlWriter } from '../netlink/attr.js'
import type { AnyTable } from '../netlink/fields.js'

/** How one kind's options are written and read: the payload of one attribute. */
export interface OptionsCodec {
  // biome-ignore lint/suspicious/noExplicitAny: each kind has options of its own
  write(w: NlWriter, options: any): void
  read(payload: Buffer): unknown
}

/** The options of a kind under the kind's name; those of an unknown kind are bytes under `data`. */
export interface UnknownOptions {
  readonly data?: Uint8Array
}

/** Options that are attributes. */
export function attributesOf(table: AnyTable): OptionsCodec {
  return {
    write: (w, options) => table.encode(w, options),
    read: payload => table.decode(new NlReader(payload)),
  }
}

export type Registry = Readonly<Record<string, OptionsCodec>>

export function writeOptions(
  w: NlWriter,
  type: number,
  registry: Registry,
  kind: string,
  options: object,
): void {
  const codec = codecOf(registry, kind)
  const value = (options as Record<string, unknown>)[kind]
  if (codec !== undefined && value !== undefined) w.attrOf(type, into => codec.write(into, value))
  else if ('data' in options) w.attr(type, options.data as Uint8Array)
}

export function readOptions(payload: Buffer, registry: Registry, kind: string): object {
  const codec = codecOf(registry, kind)
  return codec === undefined ? { data: Uint8Array.from(payload) } : { [kind]: codec.read(payload) }
}

function codecOf(registry: Registry, kind: string): OptionsCodec | undefined {
  return Object.hasOwn(registry, kind) ? registry[kind] : undefined
}
