// Results of ADD, kept for CHECK, DEL and GC in the files that libcni keeps: <dir>/results/<network>-<containerID>-<ifname>.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../../cni/call.js'
import { isJsonObject } from '../../cni/fold.js'
import { listIfThere, readIfThere, writeFileAtomic } from '../files.js'
import { type NetworkList, parseConflist } from './network-list.js'

const kind = 'cniCacheV1'

/** What names an attachment. */
export interface CacheKey {
  readonly network: string
  readonly containerId: string
  readonly ifname: string
}

export interface CachedAttachment extends CacheKey {
  /** The network as it was at ADD. */
  readonly list: NetworkList
  readonly netns: string
  readonly cniArgs: readonly (readonly [string, string])[]
  readonly capabilityArgs: JsonObject
  readonly result: JsonObject
}

export class ResultCache {
  readonly directory: string

  constructor(stateDir: string) {
    this.directory = join(stateDir, 'results')
  }

  write(attachment: CachedAttachment): void {
    const { list, network, containerId, ifname, netns, cniArgs, capabilityArgs, result } = attachment
    const document = {
      kind,
      containerId,
      config: Buffer.from(JSON.stringify(list.raw)).toString('base64'),
      ifName: ifname,
      networkName: network,
      ...(netns !== '' && { netns }),
      ...(cniArgs.length > 0 && { cniArgs }),
      ...(Object.keys(capabilityArgs).length > 0 && { capabilityArgs }),
      result,
    }
    writeFileAtomic(this.#path(attachment), JSON.stringify(document))
  }

  /** Undefined when nothing is cached. Throws when the file is broken. */
  read(key: CacheKey): CachedAttachment | undefined {
    return this.#read(this.#path(key))
  }

  remove(key: CacheKey): void {
    rmSync(this.#path(key), { force: true })
  }

  /** All attachments, or those of one network. Broken files are left out, as libcni leaves them out. */
  list(network?: string): CachedAttachment[] {
    return listIfThere(this.directory)
      .filter(name => !name.startsWith('.') && (network === undefined || name.startsWith(`${network}-`)))
      .map(name => this.#tryRead(join(this.directory, name)))
      .filter(cached => cached !== undefined && (network === undefined || cached.network === network))
      .filter(cached => cached !== undefined)
  }

  #tryRead(path: string): CachedAttachment | undefined {
    try {
      return this.#read(path)
    } catch {
      return undefined
    }
  }

  #read(path: string): CachedAttachment | undefined {
    const text = readIfThere(path)
    if (text === undefined) return undefined
    const document: unknown = JSON.parse(text)
    if (!isJsonObject(document) || document.kind !== kind) throw new Error(`${path}: is no ${kind}`)
    const { containerId, config, ifName, networkName, netns = '', cniArgs, capabilityArgs, result } = document
    if (![containerId, config, ifName, networkName, netns].every(value => typeof value === 'string'))
      throw new Error(`${path}: lacks containerId, config, ifName or networkName`)
    return {
      network: networkName as string,
      containerId: containerId as string,
      ifname: ifName as string,
      list: parseConflist(Buffer.from(config as string, 'base64').toString(), path),
      netns: netns as string,
      cniArgs: Array.isArray(cniArgs) ? (cniArgs as [string, string][]) : [],
      capabilityArgs: isJsonObject(capabilityArgs) ? capabilityArgs : {},
      result: isJsonObject(result) ? result : {},
    }
  }

  #path({ network, containerId, ifname }: CacheKey): string {
    return join(this.directory, `${network}-${containerId}-${ifname}`)
  }
}
