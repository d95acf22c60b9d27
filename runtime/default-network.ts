// The network that is there when nobody configured one: a bridge with private addresses of both families, masqueraded.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../cni/call.js'
import { builtIn, type NetworkList, parseConflist } from './libcni/network-list.js'

export const defaultNetworkName = 'plumbline'

/** A file in the configuration directory that defines a network of this name takes its place. */
export function defaultNetwork(stateDir: string): NetworkList {
  const { loadOnlyInlinedPlugins: _, ...list } = parseConflist(JSON.stringify(document(stateDir)), builtIn)
  return list
}

function document(stateDir: string): JsonObject {
  const ranges = [[{ subnet: '10.89.0.0/16' }]]
  // A kernel booted without IPv6 refuses addresses of it. The prefix is fd + "plumb".
  if (existsSync('/proc/sys/net/ipv6')) ranges.push([{ subnet: 'fd70:6c75:6d62::/64' }])
  return {
    cniVersion: '1.1.0',
    name: defaultNetworkName,
    loadOnlyInlinedPlugins: true,
    plugins: [
      {
        type: 'bridge',
        bridge: 'plumbline0',
        isGateway: true,
        isDefaultGateway: true,
        ipMasq: true,
        hairpinMode: false,
        macspoofchk: true,
        ingressPolicy: 'open',
        capabilities: { ips: true, mac: true, portMappings: true, bandwidth: true },
        ipam: { type: 'host-local', ranges, dataDir: join(stateDir, 'leases') },
      },
    ],
  }
}
