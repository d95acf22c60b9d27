// A directory of network configurations, read as libcni reads it: *.conflist first, then *.conf and *.json, each by name.
import { existsSync, statSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { messageOf, RuntimeError } from '../error.js'
import { listIfThere, readIfThere } from '../files.js'
import { conflistError } from './conflist-error.js'
import {
  type NetworkList,
  type PluginConf,
  parseConflist,
  parsePluginConf,
  parseSingleConf,
  withPlugins,
} from './network-list.js'

export interface ConfDir {
  /** In the order of their files; of several with one name, the first. */
  readonly networks: readonly NetworkList[]
  /** Files that cannot be used, and why. */
  readonly problems: readonly RuntimeError[]
}

/** Reads all networks of a directory. A file that cannot be used is a problem and keeps none of the others from being used. */
export function loadConfDir(directory: string): ConfDir {
  const networks: NetworkList[] = []
  const problems: RuntimeError[] = []
  for (const path of confFiles(directory)) {
    try {
      const network = loadConfFile(path)
      const first = networks.find(other => other.name === network.name)
      if (first)
        problems.push(
          conflistError(path, 'name', network.name, `is the name of the network in ${first.source} already`),
        )
      else networks.push(network)
    } catch (error) {
      problems.push(error instanceof RuntimeError ? error : new RuntimeError(`${path}: ${messageOf(error)}`))
    }
  }
  return { networks, problems }
}

/** Paths of the files in the order in which they count. */
export function confFiles(directory: string): string[] {
  const files = listIfThere(directory).filter(name => !name.startsWith('.') && isFile(join(directory, name)))
  const lists = files.filter(name => extname(name) === '.conflist')
  const singles = files.filter(name => ['.conf', '.json'].includes(extname(name)))
  return [...lists, ...singles].map(name => join(directory, name))
}

/** Loads one file. Throws a RuntimeError that names file, key and value. */
export function loadConfFile(path: string): NetworkList {
  const text = readIfThere(path)
  if (text === undefined) throw new RuntimeError(`${path}: no such file`)
  return extname(path) === '.conflist' ? loadConflist(text, path) : parseSingleConf(text, path)
}

function loadConflist(text: string, path: string): NetworkList {
  const { loadOnlyInlinedPlugins, ...list } = parseConflist(text, path)
  const siblings = loadOnlyInlinedPlugins ? [] : loadSiblings(join(dirname(path), list.name))
  if (list.plugins.length + siblings.length === 0)
    throw conflistError(path, 'plugins', undefined, 'is empty: a network needs at least one plugin')
  return siblings.length === 0 ? list : withPlugins(list, siblings)
}

/** Plugins that others added to the network: `<directory>/<network>/*.conf`. */
function loadSiblings(directory: string): PluginConf[] {
  if (!existsSync(directory)) return []
  return listIfThere(directory)
    .filter(name => extname(name) === '.conf' && isFile(join(directory, name)))
    .map(name => join(directory, name))
    .map(path => parsePluginConf(readIfThere(path) ?? '', path))
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}
