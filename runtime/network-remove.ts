// Removing what a network left on the host once nobody is attached to it: its leases, its records, its packet filter objects, its bridge.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject, JsonValue } from '../cni/call.js'
import { isJsonObject } from '../cni/fold.js'
import { RecordStore } from '../cni/record.js'
import { parseLeaseName } from '../ipam/host-local/lease.js'
import { indexPath } from '../ipam/host-local/locked.js'
import { Namespace } from '../kernel/namespace.js'
import { linkGroup, nftTable } from '../plugins/names.js'
import { RuntimeError } from './error.js'
import { listIfThere } from './files.js'
import { liveAttachments } from './gc.js'
import { gcNetworkList } from './libcni/network.js'
import type { NetworkList } from './libcni/network-list.js'
import { lockRuntime } from './locks.js'
import { findNetwork } from './networks.js'
import { libcniOf, type Settings } from './settings.js'

const defaultBridge = 'cni0'
const defaultDataDir = '/var/lib/cni/networks'

/** What was removed, in words. Throws when the network has live attachments. The configuration itself stays. */
export async function removeNetwork(settings: Settings, name: string): Promise<string[]> {
  using _lock = await lockRuntime(settings)
  const list = networkOf(settings, name)
  const live = liveAttachments(settings, name)
  if (live.length > 0)
    throw new RuntimeError(
      `network ${name} is in use by ${live.map(({ containerID, ifname }) => `${containerID} (${ifname})`).join(', ')}`,
      'detach or remove these first: plumbline ps',
    )
  using host = Namespace.host()
  const tables = ourTables(host)
  const stale = await gcNetworkList(libcniOf(settings), { ...list, disableGC: false }, [])
  const left = ourTables(host)
  const removed = [
    ...stale.map(({ containerId, ifname }) => `attachment ${containerId} ${ifname}`),
    ...tables.filter(table => !left.includes(table)).map(table => `nftables table ${table}`),
  ]
  for (const plugin of list.plugins) {
    const ipam = keyValue(plugin.raw, 'ipam')
    if (plugin.type === 'bridge')
      removed.push(...removeBridge(host, String(keyValue(plugin.raw, 'bridge') ?? defaultBridge)))
    if (isJsonObject(ipam)) removed.push(...removeLeases(settings, ipam, name))
  }
  new RecordStore(settings.runDir).removeNetwork(name)
  return removed
}

/** A key in any case, the last of several: as the plugins read it. */
function keyValue(object: JsonObject, key: string): JsonValue | undefined {
  const found = Object.keys(object).filter(name => name.toLowerCase() === key.toLowerCase())
  return object[found.at(-1) ?? key]
}

function networkOf(settings: Settings, name: string): NetworkList {
  try {
    return findNetwork(settings, name)
  } catch (error) {
    const cached = libcniOf(settings).cache.list(name)[0]
    if (cached) return cached.list
    throw error
  }
}

/** The plugins remove their tables when the last network that uses them collects its garbage. */
function ourTables(host: Namespace): string[] {
  const tables = host.nft.list.tables().filter(({ name }) => name === nftTable)
  return tables.map(({ family, name }) => `${family} ${name}`)
}

/** Removes a bridge that is ours (our link group) and has no ports; any other is left alone. */
function removeBridge(host: Namespace, name: string): string[] {
  const bridge = host.link.get(name)
  if (bridge?.kind !== 'bridge' || bridge.group !== linkGroup) return []
  if (host.link.list({ master: bridge.index }).length > 0) return []
  return host.link.remove(bridge.index) ? [`bridge ${name}`] : []
}

/** host-local's directory of the network, when no lease is left in it. */
function removeLeases({ runDir }: Settings, ipam: JsonObject, network: string): string[] {
  const dataDir = keyValue(ipam, 'dataDir')
  if (keyValue(ipam, 'type') !== 'host-local') return []
  const directory = join(typeof dataDir === 'string' ? dataDir : defaultDataDir, network)
  const files = listIfThere(directory)
  if (files.length === 0 || files.some(file => parseLeaseName(file) !== undefined)) return []
  rmSync(directory, { recursive: true })
  rmSync(indexPath({ runDir, directory }), { force: true })
  return [`lease directory ${directory}`]
}
