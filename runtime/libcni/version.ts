// Versions in configurations. Runtimes, unlike plugins, must read versions they do not know, to pass over them.
import type { JsonObject, JsonValue } from '../../cni/call.js'
import { currentVersion } from '../../cni/plugin.js'
import { conflistError } from './conflist-error.js'

/** libcni: a configuration without `cniVersion` is of the first version. */
const firstVersion = '0.1.0'

/** Orders versions numerically, part by part: negative, zero or positive. Both must be well-formed. */
export function compareCniVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)]
  for (let i = 0; i < 3; i++) if (left[i] !== right[i]) return left[i]! - right[i]!
  return 0
}

export function hasAtLeast(version: string, minimum: string): boolean {
  return compareCniVersions(version, minimum) >= 0
}

/** A well-formed version; a missing or empty one is 0.1.0. */
export function parseCniVersion(value: JsonValue | undefined, key: string, source: string): string {
  if (value === undefined || value === '') return firstVersion
  if (typeof value === 'string' && /^\d{1,9}(\.\d{1,9}){0,2}$/.test(value)) return value
  throw conflistError(source, key, value, 'must be a version such as "1.1.0"')
}

/**
 * The version to talk to plugins in: the highest of `cniVersions` and `cniVersion` that we know, where `cniVersions` is given;
 * otherwise `cniVersion`, whatever it is.
 */
export function pickVersion(raw: JsonObject, source: string): string {
  const single = parseCniVersion(raw.cniVersion, 'cniVersion', source)
  const offered = raw.cniVersions
  if (offered === undefined) return single
  if (!Array.isArray(offered)) throw conflistError(source, 'cniVersions', offered, 'must be a list')
  const versions = offered.map((version, i) => parseCniVersion(version, `cniVersions[${i}]`, source))
  if (raw.cniVersion !== undefined && raw.cniVersion !== '') versions.push(single)
  const known = versions.filter(version => hasAtLeast(currentVersion, version)).sort(compareCniVersions)
  return known.at(-1) ?? single
}

function parts(version: string): number[] {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  return [major, minor, patch]
}
