// Running the executables of a network's plugins, with the environment that the SPEC asks for (section 2 "Parameters").
import type { JsonObject, Verb } from '../../cni/call.js'
import { CniError } from '../../cni/error.js'
import { execPlugin } from '../../cni/exec-plugin.js'
import { findPlugin } from '../../cni/find-plugin.js'
import type { Logger } from '../../cni/log.js'
import { RuntimeError } from '../error.js'
import type { NetworkList, PluginConf } from './network-list.js'

/** What running plugins takes, whatever network they belong to. */
export interface PluginRunner {
  /** Directories of plugin executables: CNI_PATH. */
  readonly cniPath: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Gets what plugins write to stderr. */
  readonly log: Logger
}

/** Parameters of one execution; those that a verb does not have are empty. */
export interface PluginParameters {
  readonly containerId?: string
  readonly netns?: string
  readonly ifname?: string
  readonly args?: readonly (readonly [key: string, value: string])[]
}

/** A plugin that failed: `code` and `details` are its own, the message says whose. */
export class PluginFailure extends CniError {
  readonly network: string
  readonly plugin: string
  readonly verb: Verb

  constructor(network: string, plugin: string, verb: Verb, cause: CniError) {
    super(cause.code, `network ${network}: ${plugin} failed at ${verb}: ${cause.message}`, cause.details, {
      cause,
    })
    this.name = 'PluginFailure'
    this.network = network
    this.plugin = plugin
    this.verb = verb
  }
}

/** Path of a plugin's executable. Throws when it is in none of the directories. */
export function locatePlugin(runner: PluginRunner, list: NetworkList, plugin: PluginConf): string {
  const path = findPlugin(plugin.type, runner.cniPath)
  if (path !== undefined) return path
  throw new RuntimeError(
    `network ${list.name}: there is no plugin "${plugin.type}" in ${runner.cniPath.join(', ') || 'no directory at all'}`,
    'install it there, or name its directory with --cni-path',
  )
}

/** Runs a plugin; resolves to its stdout. Rejects with PluginFailure, or with RuntimeError when there is no such plugin. */
export async function runPlugin(
  runner: PluginRunner,
  list: NetworkList,
  plugin: PluginConf,
  verb: Verb,
  config: JsonObject,
  parameters: PluginParameters = {},
): Promise<string> {
  const path = locatePlugin(runner, list, plugin)
  const { containerId = '', netns = '', ifname = '', args = [] } = parameters
  const env = {
    ...runner.env,
    CNI_COMMAND: verb,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: ifname,
    CNI_ARGS: args.map(pair => pair.join('=')).join(';'),
    CNI_PATH: runner.cniPath.join(':'),
  }
  try {
    return await execPlugin({ path, env, stdin: JSON.stringify(config), log: runner.log })
  } catch (error) {
    throw error instanceof CniError ? new PluginFailure(list.name, plugin.type, verb, error) : error
  }
}
