// What the runtime adds to a plugin's configuration before it hands it over. CNI SPEC 1.1.0, section 3 "Deriving runtime configuration".
import type { JsonObject } from '../../cni/call.js'
import type { NetworkList, PluginConf } from './network-list.js'

export interface Attachment {
  readonly containerID: string
  readonly ifname: string
}

/** Configuration for ADD, DEL, CHECK, STATUS: name, version, the result so far, and what capabilities asked for. */
export function pluginConfig(
  list: NetworkList,
  plugin: PluginConf,
  capabilityArgs: JsonObject = {},
  prevResult?: JsonObject,
): JsonObject {
  const wanted = plugin.capabilities.filter(name => capabilityArgs[name] !== undefined)
  const runtimeConfig = Object.fromEntries(wanted.map(name => [name, capabilityArgs[name]!]))
  return {
    ...plugin.raw,
    name: list.name,
    cniVersion: list.cniVersion,
    ...(prevResult && { prevResult }),
    ...(wanted.length > 0 && { runtimeConfig }),
  }
}

/** Configuration for GC. Both spellings of the key: plugins built before the SPEC was clarified read the second. */
export function gcConfig(list: NetworkList, plugin: PluginConf, valid: readonly Attachment[]): JsonObject {
  const attachments = valid.map(({ containerID, ifname }) => ({ containerID, ifname }))
  return {
    ...plugin.raw,
    name: list.name,
    cniVersion: list.cniVersion,
    'cni.dev/valid-attachments': attachments,
    'cni.dev/attachments': attachments,
  }
}
