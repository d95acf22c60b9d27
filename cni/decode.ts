// Standard input: the network configuration, and what the runtime put in with it. CNI SPEC 1.1.0, section 1 "Plugin
// configuration objects" and section 3 "Deriving execution configuration from plugin configuration".
import * as v from 'valibot'
import type { JsonObject, JsonValue, NetConf, Verb } from './call.js'
import { isIdentifier } from './environment.js'
import { CniCode, CniError } from './error.js'
import { messageOf } from './failure.js'
import { canonicalKey, isJsonObject, keyIndex } from './fold.js'
import { JsonSyntaxError, parseJson } from './json-text.js'
import { decode, invalidValue, nonEmpty } from './schema.js'

/** The input limit, here as in the launcher. */
const maxInput = 4 * 1024 * 1024

export interface Input {
  readonly config: NetConf
  /** Undefined when there is none; not yet validated. */
  readonly prevResult: JsonValue | undefined
  readonly validAttachments: readonly { readonly containerId: string; readonly ifname: string }[]
}

const validAttachmentsKey = 'cni.dev/valid-attachments'
/** The key's name before the SPEC renamed it; libcni sends both. */
const oldAttachmentsKey = 'cni.dev/attachments'

const commonKeys = keyIndex([
  'cniVersion',
  'name',
  'type',
  'runtimeConfig',
  'args',
  'prevResult',
  validAttachmentsKey,
  oldAttachmentsKey,
])

const attachmentsSchema = v.array(v.object({ containerID: nonEmpty(), ifname: nonEmpty() }))

/**
 * Decodes stdin. Throws CniError 5 when it can't be read or is too big, 6 when it is no JSON object (with the position), 7
 * when the network name or another common key is invalid. `verb` GC demands the list of valid attachments.
 */
export function decodeInput(stdin: () => Uint8Array, verb: Verb): Input {
  const text = documentText(readInput(stdin))
  const raw = parseDocument(text)
  const common = takeCommon(raw)
  const config: NetConf = {
    cniVersion: stringOf(common, 'cniVersion') || '0.1.0',
    name: networkName(stringOf(common, 'name')),
    type: stringOf(common, 'type'),
    runtimeConfig: objectOf(common, 'runtimeConfig'),
    args: objectOf(common, 'args'),
    raw,
    text,
  }
  const validAttachments = verb === 'GC' ? attachmentsOf(common) : []
  return { config, prevResult: common.get('prevResult') ?? undefined, validAttachments }
}

function readInput(stdin: () => Uint8Array): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = stdin()
  } catch (error) {
    throw new CniError(CniCode.io, `error reading from stdin: ${messageOf(error)}`)
  }
  if (bytes.length <= maxInput) return bytes
  throw new CniError(CniCode.io, `error reading from stdin: more than the limit of ${maxInput} bytes`)
}

function documentText(bytes: Uint8Array): string {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8', hasMark ? 3 : 0)
}

function parseDocument(text: string): JsonObject {
  let document: unknown
  try {
    document = parseJson(text)
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    throw new CniError(CniCode.decode, `error unmarshall network config: ${error.message}`)
  }
  if (isJsonObject(document)) return document
  const kind = Array.isArray(document) ? 'an array' : document === null ? 'null' : `a ${typeof document}`
  throw new CniError(CniCode.decode, `error unmarshall network config: expected an object, got ${kind}`)
}

/** The common keys under their canonical names; `prevResult` is taken out of the document. */
function takeCommon(document: JsonObject): Map<string, JsonValue> {
  const common = new Map<string, JsonValue>()
  for (const key of Object.keys(document)) {
    const canonical = canonicalKey(commonKeys, key)
    if (canonical === undefined) continue
    const value = document[key]!
    // Null overwrites nothing, and yet tells an empty list of attachments from a forgotten one.
    if (value !== null || !common.has(canonical)) common.set(canonical, value)
    if (canonical === 'prevResult') delete document[key]
  }
  return common
}

function stringOf(common: ReadonlyMap<string, JsonValue>, key: string): string {
  const value = common.get(key) ?? ''
  if (typeof value !== 'string') throw invalidValue(key, 'a string', value)
  return value
}

function objectOf(common: ReadonlyMap<string, JsonValue>, key: string): JsonObject {
  const value = common.get(key) ?? {}
  if (!isJsonObject(value)) throw invalidValue(key, 'an object', value)
  return value
}

function networkName(name: string): string {
  if (name === '') throw new CniError(CniCode.invalidConfig, 'missing network name')
  if (isIdentifier(name)) return name
  throw new CniError(CniCode.invalidConfig, 'invalid characters found in network name', name)
}

function attachmentsOf(common: ReadonlyMap<string, JsonValue>): Input['validAttachments'] {
  const [current, old] = [common.get(validAttachmentsKey), common.get(oldAttachmentsKey)]
  // A GC without the list would take the network from every container there is.
  if (current === undefined && old === undefined)
    throw new CniError(
      CniCode.invalidConfig,
      `missing value for "${validAttachmentsKey}"`,
      'GC needs it; null or [] is none',
    )
  const list = decode(attachmentsSchema, current ?? old ?? [], validAttachmentsKey)
  return list.map(({ containerID, ifname }) => ({ containerId: containerID, ifname }))
}
