// Versions of the CNI protocol and what each of them has. CNI SPEC 1.1.0, "Released versions" and section 2.
import type { Verb } from './call.js'
import { CniCode, CniError } from './error.js'
import { goQuote, goQuoteList } from './go-text.js'
import { allVersions } from './plugin.js'

/** Orders two versions, both of which must be known (`isVersion`): negative, zero or positive. */
export function compareVersions(a: string, b: string): number {
  return allVersions.indexOf(a) - allVersions.indexOf(b)
}

/** True for the released versions, exactly as they are written. */
export function isVersion(text: string): boolean {
  return allVersions.includes(text)
}

export function atLeast(version: string, minimum: string): boolean {
  return compareVersions(version, minimum) >= 0
}

/** Throws CniError 1 when a plugin that speaks `supported` is given a configuration of another version. */
export function requireSupported(version: string, supported: readonly string[]): void {
  if (supported.includes(version)) return
  throw new CniError(
    CniCode.incompatibleVersion,
    'incompatible CNI versions',
    `config is ${goQuote(version)}, plugin supports ${goQuoteList(supported)}`,
  )
}

/** The version that brought a verb. */
const since: Partial<Record<Verb, string>> = { CHECK: '0.4.0', GC: '1.1.0', STATUS: '1.1.0' }

/** Throws CniError 1 when a configuration is too old for the verb. */
export function requireVerb(version: string, verb: Verb): void {
  const minimum = since[verb]
  if (minimum === undefined || atLeast(version, minimum)) return
  throw new CniError(
    CniCode.incompatibleVersion,
    `config version does not allow ${verb}`,
    `cniVersion is ${goQuote(version)}, ${verb} needs ${goQuote(minimum)} or later`,
  )
}

/** Before 0.3.0 a result holds at most one address of each family, and no interfaces. */
export function isSingleAddress(version: string): boolean {
  return !atLeast(version, '0.3.0')
}

/** Throws CniError 1 when a result with addresses of these families does not fit into the version. */
export function requireAddresses(version: string, families: readonly (4 | 6)[]): void {
  if (!isSingleAddress(version)) return
  if (families.length > new Set(families).size)
    throw new CniError(
      CniCode.incompatibleVersion,
      `CNI version ${version} does not support more than 1 address per family`,
    )
}
