// A network: a name, a version and a chain of plugins, from a *.conflist file or made of a single *.conf.
// CNI SPEC 1.1.0, section 1 "Network configuration format".
import type { JsonObject, JsonValue } from '../../cni/call.js'
import { isJsonObject } from '../../cni/fold.js'
import { isName } from '../names.js'
import { conflistError } from './conflist-error.js'
import { parseCniVersion, pickVersion } from './version.js'

/** `source` of a network that no file defines. */
export const builtIn = 'built in'

export interface PluginConf {
  readonly type: string
  /** Capabilities it declares with `true`: runtimeConfig keys it wants. */
  readonly capabilities: readonly string[]
  /** The object as it stands in the file. */
  readonly raw: JsonObject
}

export interface NetworkList {
  readonly name: string
  readonly cniVersion: string
  readonly disableCheck: boolean
  readonly disableGC: boolean
  readonly plugins: readonly PluginConf[]
  /** Where it came from: a path, or `builtIn`. */
  readonly source: string
  /** The whole document, its `plugins` being those above. */
  readonly raw: JsonObject
}

/** What a list is before its sibling directory was looked at. */
export interface ParsedList extends NetworkList {
  readonly loadOnlyInlinedPlugins: boolean
}

/** Parses the text of a *.conflist. `plugins` may be empty. Throws a RuntimeError that names source, key and value. */
export function parseConflist(text: string, source: string): ParsedList {
  const raw = parseDocument(text, source)
  const loadOnlyInlinedPlugins = flag(raw, 'loadOnlyInlinedPlugins', source)
  const plugins = raw.plugins
  if (plugins === undefined && loadOnlyInlinedPlugins)
    throw conflistError(source, 'plugins', undefined, 'is missing, and loadOnlyInlinedPlugins is true')
  if (plugins !== undefined && !Array.isArray(plugins))
    throw conflistError(source, 'plugins', plugins, 'must be a list')
  return {
    name: networkName(raw.name, source),
    cniVersion: pickVersion(raw, source),
    disableCheck: flag(raw, 'disableCheck', source),
    disableGC: flag(raw, 'disableGC', source),
    loadOnlyInlinedPlugins,
    plugins: (plugins ?? []).map((plugin, i) => parsePlugin(plugin, `plugins[${i}]`, source)),
    source,
    raw,
  }
}

/** Parses a single *.conf and makes a list of one plugin of it. */
export function parseSingleConf(text: string, source: string): NetworkList {
  const raw = parseDocument(text, source)
  if (raw.plugins !== undefined)
    throw conflistError(source, 'plugins', undefined, 'belongs into a file called *.conflist')
  const cniVersion = parseCniVersion(raw.cniVersion, 'cniVersion', source)
  const name = networkName(raw.name, source)
  return {
    name,
    cniVersion,
    disableCheck: false,
    disableGC: false,
    plugins: [parsePlugin(raw, '', source)],
    source,
    raw: { name, cniVersion, plugins: [raw] },
  }
}

export function parsePluginConf(text: string, source: string): PluginConf {
  return parsePlugin(parseDocument(text, source), '', source)
}

/** The same list with more plugins at its end. */
export function withPlugins(list: NetworkList, more: readonly PluginConf[]): NetworkList {
  const plugins = [...list.plugins, ...more]
  return { ...list, plugins, raw: { ...list.raw, plugins: plugins.map(plugin => plugin.raw) } }
}

function parseDocument(text: string, source: string): JsonObject {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (error) {
    throw conflistError(source, '', undefined, `is no JSON: ${(error as Error).message}`)
  }
  if (isJsonObject(document)) return document
  throw conflistError(source, '', undefined, 'must hold a JSON object')
}

function networkName(value: JsonValue | undefined, source: string): string {
  if (value === undefined) throw conflistError(source, 'name', undefined, 'is missing')
  if (typeof value === 'string' && isName(value)) return value
  throw conflistError(
    source,
    'name',
    value,
    'must begin with a letter or digit and go on with letters, digits, "_", "." and "-"',
  )
}

/** libcni takes the words "true" and "false" in any case as well. */
function flag(raw: JsonObject, key: string, source: string): boolean {
  const value = raw[key]
  const word = typeof value === 'string' ? value.toLowerCase() : value
  if (word === undefined || word === false || word === 'false') return false
  if (word === true || word === 'true') return true
  throw conflistError(source, key, value, 'must be true or false')
}

function parsePlugin(value: JsonValue, where: string, source: string): PluginConf {
  const key = (name: string) => (where === '' ? name : `${where}.${name}`)
  if (!isJsonObject(value)) throw conflistError(source, where, value, 'must be an object')
  const { type, capabilities = {} } = value
  if (type === undefined || type === '') throw conflistError(source, key('type'), type, 'is missing')
  if (typeof type !== 'string') throw conflistError(source, key('type'), type, 'must be a string')
  // A type is looked up in the plugin directories and must not lead out of them (CVE-2021-20206).
  if (/[/\\\0]/.test(type) || type.includes('..'))
    throw conflistError(source, key('type'), type, 'must be a plain file name, without "/" and ".."')
  if (!isJsonObject(capabilities))
    throw conflistError(source, key('capabilities'), capabilities, 'must be an object')
  for (const [name, on] of Object.entries(capabilities))
    if (typeof on !== 'boolean')
      throw conflistError(source, key(`capabilities.${name}`), on, 'must be true or false')
  return { type, capabilities: Object.keys(capabilities).filter(name => capabilities[name]), raw: value }
}
