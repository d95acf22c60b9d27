// The configurations that are compared, as libcni hands them to the plugins. A text of the form `{i*A+B}` is a number to the
// driver: attachment * A + B (driver/template.h).

export interface PluginConf {
  readonly type: string
  /** Further keys. */
  readonly keys: Readonly<Record<string, unknown>>
}

/** Bits (per second), as the bandwidth plugin has them. The reference takes no rate without a burst. */
export interface Limit {
  readonly rate: number
  readonly burst?: number
}

/** What is asked for beside the bridge. */
export interface Extras {
  /** Host ports per attachment, each to port 80. */
  readonly ports?: number
  /** The same limit in both directions. */
  readonly limit?: Limit
  readonly firewall?: true
}

/** Host port of attachment 0. */
export const firstPort = 20_000

/** What the chain is measured with: one port, a limit, the firewall. */
export const wholeChain: Extras = { ports: 1, limit: { rate: 100e6, burst: 10e6 }, firewall: true }

/** The burst (bits) that runtimes hand over when nobody asked for one: what fits 32 bits with a sign. */
export const runtimesBurst = 2 ** 31 - 1

/** A bridge, and behind it a plugin for everything else, as a conflist has it. */
export function chained(dataDir: string, { ports, limit, firewall }: Extras): PluginConf[] {
  const portMappings = ports && { snat: true, runtimeConfig: { portMappings: mappings(ports) } }
  return [
    bridge(dataDir),
    ...(portMappings ? [{ type: 'portmap', keys: portMappings }] : []),
    ...(limit ? [{ type: 'bandwidth', keys: bandwidth(limit) }] : []),
    ...(firewall ? [{ type: 'firewall', keys: { backend: 'iptables' } }] : []),
  ]
}

/** The same in one plugin. */
export function inline(dataDir: string, { ports, limit, firewall }: Extras): PluginConf[] {
  const { type, keys } = bridge(dataDir)
  return [
    {
      type,
      keys: {
        ...keys,
        ...(ports && { snat: true, runtimeConfig: { portMappings: mappings(ports) } }),
        ...(limit && { bandwidth: bandwidth(limit) }),
        ...(firewall && { ingressPolicy: 'open' }),
      },
    },
  ]
}

/** What every plugin of a list is given. */
export function configurationText({ type, keys }: PluginConf): string {
  return JSON.stringify({ cniVersion: '1.0.0', name: 'bench', type, ...keys })
}

function bridge(dataDir: string): PluginConf {
  return {
    type: 'bridge',
    keys: {
      bridge: 'bench0',
      isGateway: true,
      ipMasq: true,
      ipam: {
        type: 'host-local',
        dataDir,
        ranges: [[{ subnet: '10.88.0.0/16' }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
  }
}

/** Address of the bridge itself. */
export const gateway = '10.88.0.1'

function mappings(ports: number): object[] {
  return Array.from({ length: ports }, (_, k) => ({
    hostPort: `{i*${ports}+${firstPort + k}}`,
    containerPort: 80,
    protocol: 'tcp',
  }))
}

function bandwidth({ rate, burst }: Limit): Record<string, number> {
  return {
    ingressRate: rate,
    egressRate: rate,
    ...(burst === undefined ? {} : { ingressBurst: burst, egressBurst: burst }),
  }
}
