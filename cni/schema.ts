// Decoding of configuration by valibot schemas, with Go's matching of keys (see fold.ts), and the values that
// configurations are made of. A failure is CniError 7 that names key and value.
import * as v from 'valibot'
import { Ip, Prefix } from '../wire/ip.js'
import { Mac } from '../wire/mac.js'
import type { JsonObject, JsonValue } from './call.js'
import { CniCode, CniError } from './error.js'
import { canonicalKey, type KeyIndex, keyIndex } from './fold.js'

/**
 * Decodes a JSON value. Object keys match the schema's entries in any case at every depth, the last of several wins,
 * null counts as absent, unknown keys are ignored. Optional keys are best written `v.exactOptional(…)`.
 * `where` names the value in errors ('ipam', or '' for the whole document). Throws CniError 7
 * `invalid value for "ipam.ranges[0][1].subnet": expected …, got …`.
 */
export function decode<S extends v.GenericSchema>(
  schema: S,
  value: JsonValue | undefined,
  where: string,
): v.InferOutput<S> {
  const result = v.safeParse(schema, fold(schema, value), { abortEarly: true })
  if (result.success) return result.output
  throw failure(schema, result.issues[0], where)
}

/** CniError 7 for a value that is of the right type and yet not acceptable; same text as that of `decode`. */
export function invalidValue(key: string, expected: string, got: unknown): CniError {
  const subject = key === '' ? 'invalid configuration' : `invalid value for ${JSON.stringify(key)}`
  return new CniError(CniCode.invalidConfig, `${subject}: expected ${expected}, got ${printValue(got)}`)
}

export function text(expected = 'a string') {
  return v.string(expected)
}

export function nonEmpty(expected = 'a non-empty string') {
  return v.pipe(v.string(expected), v.nonEmpty(expected))
}

/** true or false; Go takes no "true" either. */
export function flag() {
  return v.boolean('true or false')
}

/** An integer between `min` and `max`, both included. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const expected =
    max === Number.MAX_SAFE_INTEGER ? `an integer of at least ${min}` : `an integer between ${min} and ${max}`
  return v.pipe(
    v.number(expected),
    v.check(value => Number.isSafeInteger(value) && value >= min && value <= max, expected),
  )
}

/** One of a few words. */
export function oneOf<const T extends readonly string[]>(words: T) {
  return v.picklist(words, words.map(word => JSON.stringify(word)).join(' or '))
}

/** An address without a prefix length. */
export function ip() {
  return parsed(value => Ip.tryParse(value), 'an IP address')
}

/** An address with a prefix length; host bits are kept. */
export function prefix() {
  return parsed(value => Prefix.tryParse(value), 'an address in CIDR notation')
}

export function mac() {
  return parsed(value => Mac.tryParse(value), 'a MAC address')
}

/** A string that `parse` makes a value of, or undefined when it can't. */
export function parsed<T>(parse: (value: string) => T | undefined, expected: string) {
  return v.pipe(
    v.string(expected),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const value = parse(dataset.value)
      if (value !== undefined) return value
      addIssue({ message: expected })
      return NEVER
    }),
  )
}

/** What fold needs to see of valibot's schemas. */
interface AnySchema {
  readonly type: string
  readonly entries?: Readonly<Record<string, AnySchema>>
  readonly item?: AnySchema
  readonly value?: AnySchema
  readonly wrapped?: AnySchema
  readonly options?: readonly AnySchema[]
  readonly expects?: string | null
  readonly message?: unknown
}

const indexes = new WeakMap<AnySchema, KeyIndex>()

function fold(schema: AnySchema, value: unknown): unknown {
  if (value === null) return undefined
  if (typeof value !== 'object') return value
  if (schema.wrapped) return fold(schema.wrapped, value)
  if (schema.type === 'union' || schema.type === 'variant') return foldUnion(schema.options!, value)
  if (Array.isArray(value)) {
    if (schema.item) return value.map(item => (item === null ? null : fold(schema.item!, item)))
    return schema.entries || schema.type === 'record' ? misplaced(value) : value
  }
  if (schema.entries) return foldEntries(schema, schema.entries, value as JsonObject)
  if (schema.type === 'record') return foldRecord(schema.value!, value as JsonObject)
  return value
}

function foldEntries(
  schema: AnySchema,
  entries: Readonly<Record<string, AnySchema>>,
  object: JsonObject,
): Record<string, unknown> {
  const index = indexes.get(schema) ?? keyIndex(Object.keys(entries))
  indexes.set(schema, index)
  const folded: Record<string, unknown> = {}
  for (const key of Object.keys(object)) {
    const canonical = canonicalKey(index, key)
    const value = object[key]
    if (value === null) continue
    if (canonical !== undefined) folded[canonical] = fold(entries[canonical]!, value)
    // Unknown keys matter to these two alone: one refuses, one keeps them.
    else if (schema.type === 'strict_object' || schema.type === 'loose_object') folded[key] = value
  }
  return folded
}

function foldRecord(valueSchema: AnySchema, object: JsonObject): Record<string, unknown> {
  const folded: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(object)) {
    // Defined, not assigned: the key may be __proto__.
    if (value !== null)
      Object.defineProperty(folded, key, { value: fold(valueSchema, value), enumerable: true })
  }
  return folded
}

/** Folds by the first alternative that is of the value's kind: an array, or an object with at least one known key. */
function foldUnion(options: readonly AnySchema[], value: object): unknown {
  const flat = options.map(option => option.wrapped ?? option)
  if (Array.isArray(value)) {
    const list = flat.find(option => option.item)
    return list ? fold(list, value) : misplaced(value)
  }
  const objects = flat.filter(option => option.entries)
  if (objects.length === 0) return value
  const all = Object.assign({}, ...objects.map(option => option.entries)) as Record<string, AnySchema>
  return foldEntries({ type: 'object' }, all, value as JsonObject)
}

/** Valibot takes an array for an object. A function is no object to it, and the error still gets at the value. */
function misplaced(value: unknown): () => unknown {
  return () => value
}

function failure(schema: AnySchema, issue: v.BaseIssue<unknown>, where: string): CniError {
  let key = where
  for (const item of issue.path ?? []) key = joinKey(key, item.key as string | number)
  const missing = issue.path?.at(-1)
  if (issue.input === undefined && missing !== undefined) {
    const wanted = schemaAt(schema, issue.path ?? [])
    return new CniError(
      CniCode.invalidConfig,
      `missing value for ${JSON.stringify(key)}: expected ${wanted ? expectationOf(wanted) : 'a value'}`,
    )
  }
  const got = typeof issue.input === 'function' ? (issue.input as () => unknown)() : issue.input
  return invalidValue(key, describe(issue.message, issue.expected), got)
}

function joinKey(parent: string, key: string | number): string {
  if (typeof key === 'number') return `${parent}[${key}]`
  if (parent === '') return key
  return /^[\w-]+$/.test(key) ? `${parent}.${key}` : `${parent}[${JSON.stringify(key)}]`
}

/** The schema at a path, for what it expects; undefined where the way leads through a union. */
function schemaAt(schema: AnySchema, path: readonly v.IssuePathItem[]): AnySchema | undefined {
  let current: AnySchema | undefined = schema
  for (const { key } of path) {
    while (current?.wrapped) current = current.wrapped
    current = current?.item ?? current?.value ?? current?.entries?.[key as string]
  }
  return current
}

function expectationOf(schema: AnySchema): string {
  while (schema.wrapped) schema = schema.wrapped
  return typeof schema.message === 'string' ? schema.message : describe('', schema.expects ?? null)
}

const kinds: Readonly<Record<string, string>> = {
  Object: 'an object',
  Array: 'an array',
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
}

/** A schema's own message is the expectation; valibot's default text begins with "Invalid". */
function describe(message: string, expected: string | null): string {
  if (message !== '' && !message.startsWith('Invalid ')) return message
  return expected === null ? 'something else' : (kinds[expected] ?? expected)
}

/** A value as JSON, cut at 80 characters. */
function printValue(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing'
  return json.length > 80 ? `${json.slice(0, 79)}…` : json
}
