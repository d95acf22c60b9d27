// Matching of JSON keys as Go's encoding/json does it: in any case, the last of several wins, null means absent.
// Runtimes and users rely on it ("RuntimeConfig", "bandWidth"), because most plugins are written in Go.
import type { JsonObject } from './call.js'

/** Canonical keys by their folded form. */
export type KeyIndex = ReadonlyMap<string, string>

export function keyIndex(keys: Iterable<string>): KeyIndex {
  return new Map(Array.from(keys, key => [foldKey(key), key]))
}

/** Lower case; the long s counts as s. (The Kelvin sign, the other letter that folds to an ASCII one, has a lower case.) */
function foldKey(key: string): string {
  return key.toLowerCase().replaceAll('ſ', 's')
}

/** The canonical form of a key of the document, undefined when it is none of the index. */
export function canonicalKey(index: KeyIndex, key: string): string | undefined {
  return index.get(key) ?? index.get(foldKey(key))
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
