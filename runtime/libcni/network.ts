// The verbs over a whole network, as libcni runs them. CNI SPEC 1.1.0, section 3 "Execution of Network Configurations".
import type { JsonObject, Verb } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import { isJsonObject } from '../../cni/fold.js'
import { parseResult } from '../../cni/result-parse.js'
import { combined, RuntimeError } from '../error.js'
import type { CachedAttachment, ResultCache } from './cache.js'
import { locatePlugin, PluginFailure, type PluginRunner, runPlugin } from './exec.js'
import { type Attachment, gcConfig, pluginConfig } from './inject.js'
import { builtIn, type NetworkList, type PluginConf } from './network-list.js'
import { hasAtLeast } from './version.js'

export interface Libcni extends PluginRunner {
  readonly cache: ResultCache
}

/** One attachment of one container, as the runtime wants it. */
export interface RuntimeConf {
  readonly containerId: string
  /** Path; for DEL empty when the namespace is gone. */
  readonly netns: string
  readonly ifname: string
  readonly args: readonly (readonly [key: string, value: string])[]
  readonly capabilityArgs: JsonObject
}

/**
 * Runs ADD of every plugin in order, each getting the result of the one before, and caches the last result.
 * When it rejects, part of the chain may have run: DEL must follow.
 */
export async function addNetworkList(cni: Libcni, list: NetworkList, rt: RuntimeConf): Promise<JsonObject> {
  // A chain that cannot be run to its end is not begun.
  for (const plugin of list.plugins) locatePlugin(cni, list, plugin)
  let result: JsonObject | undefined
  for (const plugin of list.plugins) {
    const config = pluginConfig(list, plugin, rt.capabilityArgs, result)
    const stdout = await runPlugin(cni, list, plugin, 'ADD', config, rt)
    result = readResult(stdout, list, plugin)
  }
  cni.cache.write({ ...cacheKey(list, rt), ...cached(list, rt), result: result ?? {} })
  return result ?? {}
}

/** Runs DEL of every plugin in reverse order with the cached result; stops at the first failure. Then forgets the result. */
export async function delNetworkList(cni: Libcni, list: NetworkList, rt: RuntimeConf): Promise<void> {
  const key = cacheKey(list, rt)
  const result = hasAtLeast(list.cniVersion, '0.4.0') ? cachedResult(cni, list, rt) : undefined
  for (const plugin of [...list.plugins].reverse())
    await runPlugin(cni, list, plugin, 'DEL', pluginConfig(list, plugin, rt.capabilityArgs, result), rt)
  cni.cache.remove(key)
}

/** Runs CHECK of every plugin in order with the cached result. Does nothing where the network has `disableCheck`. */
export async function checkNetworkList(cni: Libcni, list: NetworkList, rt: RuntimeConf): Promise<void> {
  if (!hasAtLeast(list.cniVersion, '0.4.0'))
    throw new RuntimeError(
      `network ${list.name}: cniVersion ${list.cniVersion} does not have CHECK`,
      `set "cniVersion" in ${list.source} to 0.4.0 or later`,
    )
  if (list.disableCheck) return
  const result = cni.cache.read(cacheKey(list, rt))?.result
  if (result === undefined)
    throw new RuntimeError(`network ${list.name}: no result is kept for ${rt.containerId} ${rt.ifname}`)
  for (const plugin of list.plugins)
    await runPlugin(cni, list, plugin, 'CHECK', pluginConfig(list, plugin, rt.capabilityArgs, result), rt)
}

/**
 * Removes what belongs to no valid attachment: DEL for those in the cache, then GC of every plugin (from 1.1.0 on). Tries
 * everything, then rejects with all that failed. Does nothing where the network has `disableGC`.
 */
export async function gcNetworkList(
  cni: Libcni,
  list: NetworkList,
  valid: readonly Attachment[],
): Promise<CachedAttachment[]> {
  if (list.disableGC) return []
  const errors: unknown[] = []
  const removed: CachedAttachment[] = []
  for (const stale of cni.cache.list(list.name)) {
    if (valid.some(({ containerID, ifname }) => containerID === stale.containerId && ifname === stale.ifname))
      continue
    try {
      await delNetworkList(cni, stale.list, runtimeConf(stale))
      removed.push(stale)
    } catch (error) {
      errors.push(error)
    }
  }
  if (hasAtLeast(list.cniVersion, '1.1.0'))
    for (const plugin of list.plugins)
      await runPlugin(cni, list, plugin, 'GC', gcConfig(list, plugin, valid)).catch(error =>
        errors.push(error),
      )
  if (errors.length > 0) throw combined(`network ${list.name}`, errors)
  return removed
}

/** Asks every plugin whether it could serve an ADD; rejects with the first refusal. Before 1.1.0 nobody can be asked. */
export async function statusNetworkList(cni: Libcni, list: NetworkList): Promise<void> {
  for (const plugin of list.plugins) locatePlugin(cni, list, plugin)
  if (!hasAtLeast(list.cniVersion, '1.1.0')) return
  for (const plugin of list.plugins) await runPlugin(cni, list, plugin, 'STATUS', pluginConfig(list, plugin))
}

/** Asks every plugin for its versions; rejects when one does not speak that of the network. */
export async function validateNetworkList(cni: Libcni, list: NetworkList): Promise<void> {
  for (const plugin of list.plugins) {
    const stdout = await runPlugin(cni, list, plugin, 'VERSION', { cniVersion: list.cniVersion })
    const versions = parseJson(stdout, list, plugin, 'VERSION').supportedVersions
    if (!Array.isArray(versions) || !versions.includes(list.cniVersion))
      throw new RuntimeError(
        `network ${list.name}: ${plugin.type} does not speak CNI ${list.cniVersion}, only ${JSON.stringify(versions ?? [])}`,
        list.source === builtIn
          ? 'use the plugins that came with it: leave --cni-path out'
          : `set "cniVersion" in ${list.source} to one of these`,
      )
  }
}

/** How an attachment from the cache is handed to DEL and CHECK. */
export function runtimeConf(attachment: CachedAttachment): RuntimeConf {
  const { containerId, ifname, netns, cniArgs, capabilityArgs } = attachment
  return { containerId, ifname, netns, args: cniArgs, capabilityArgs }
}

/** A plugin's result in the network's version. One without `cniVersion` is taken to be of it. */
function readResult(stdout: string, list: NetworkList, plugin: PluginConf): JsonObject {
  const { cniVersion, ...rest } = parseJson(stdout, list, plugin, 'ADD')
  const result: JsonObject = { cniVersion: cniVersion || list.cniVersion, ...rest }
  try {
    parseResult(result, list.cniVersion, 'result')
  } catch (error) {
    throw error instanceof CniError ? new PluginFailure(list.name, plugin.type, 'ADD', error) : error
  }
  return result
}

function parseJson(stdout: string, list: NetworkList, plugin: PluginConf, verb: Verb): JsonObject {
  try {
    const document: unknown = JSON.parse(stdout)
    if (isJsonObject(document)) return document
  } catch {
    // not even JSON
  }
  const shown = JSON.stringify(stdout.slice(0, 80))
  throw new PluginFailure(
    list.name,
    plugin.type,
    verb,
    new CniError(CniCode.decode, `it printed no JSON object but ${shown}`),
  )
}

/** A broken cache must not keep anything from being deleted. */
function cachedResult(cni: Libcni, list: NetworkList, rt: RuntimeConf): JsonObject | undefined {
  try {
    return cni.cache.read(cacheKey(list, rt))?.result
  } catch {
    cni.cache.remove(cacheKey(list, rt))
    return undefined
  }
}

function cacheKey(list: NetworkList, { containerId, ifname }: RuntimeConf) {
  return { network: list.name, containerId, ifname }
}

function cached(list: NetworkList, { netns, args, capabilityArgs }: RuntimeConf) {
  return { list, netns, cniArgs: args, capabilityArgs }
}
