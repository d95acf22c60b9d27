// The executables under test with a configuration that works, and the ways in which they are run.
import type { FakeHost, ResidentMode } from './host.js'
import { pluginDir, referenceDir } from './needs.js'

/** A configuration document; anything may be in it, that is what the tests are about. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Conf = Record<string, any>

export interface Subject {
  readonly type: string
  readonly ifname: string
  /** False for IPAM plugins, which enter no namespace. */
  readonly attaches: boolean
  /** Keys of CNI_ARGS that it takes; undefined when it ignores CNI_ARGS altogether. */
  readonly args: readonly string[] | undefined
  /** A configuration that works. */
  conf(host: FakeHost, version?: string): Conf
  /** Of a chained plugin: the configuration of the plugin that makes the interface before. */
  behind?(host: FakeHost, version?: string): Conf
  /** Keys of a network's attachment number n, where two of them can't have the same. */
  nth?(n: number): Conf
  /** The first version that the reference plugin takes, where it is not the first of all. */
  readonly referenceSince?: string
  /** CHECK of the reference plugin fails on what its ADD has made. */
  readonly referenceCheckFails?: true
}

/** True while the suite is pointed at the reference plugins, to see that it asks nothing that they rightly refuse. */
export const testsReference = pluginDir === referenceDir

export const versions = testsReference
  ? ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0']
  : ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']

export const newest = versions.at(-1)!

/** Those that a subject takes. */
export function versionsOf({ referenceSince }: Subject): readonly string[] {
  return testsReference && referenceSince ? versions.slice(versions.indexOf(referenceSince)) : versions
}

export const modes: readonly ResidentMode[] = testsReference ? ['off'] : ['off', 'require']

export const atLeast = (version: string, minimum: string) =>
  versions.indexOf(version) >= versions.indexOf(minimum)

/** Whether an attachment that is as ADD left it passes CHECK. */
export const passesCheck = ({ referenceCheckFails }: Subject) => !(testsReference && referenceCheckFails)

/** host-local over both families; unique addresses for each network. */
export function hostLocal(host: FakeHost, number = 1): Conf {
  return {
    type: 'host-local',
    dataDir: host.dataDir,
    ranges: [[{ subnet: `10.${number}.0.0/24` }], [{ subnet: `fd00:${number}::/64` }]],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  }
}

export function staticIpam(number = 9): Conf {
  return {
    type: 'static',
    addresses: [
      { address: `10.${number}.0.7/24`, gateway: `10.${number}.0.1` },
      { address: `fd00:${number}::7/64`, gateway: `fd00:${number}::1` },
    ],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  }
}

/** A chained plugin with a bridge before it, on a network of its own. */
function chained(
  number: number,
  keys: Conf & { readonly type: string },
  more: Partial<Subject> = {},
): Subject {
  const common = (version: string) => ({ cniVersion: version, name: `behind-${keys.type}` })
  return {
    type: keys.type,
    ifname: 'eth0',
    attaches: true,
    args: undefined,
    conf: (_host, version = newest) => ({ ...common(version), ...keys }),
    behind: (host, version = newest) => ({
      ...common(version),
      type: 'bridge',
      bridge: `br${keys.type}`,
      isGateway: true,
      ipam: hostLocal(host, number),
    }),
    ...more,
  }
}

const publishing = (hostPort: number): Conf => ({
  runtimeConfig: { portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp' }] },
})

export const subjects: readonly Subject[] = [
  {
    type: 'bridge',
    ifname: 'eth0',
    attaches: true,
    args: ['MAC', 'IP', 'GATEWAY'],
    conf: (host, version = newest) => ({
      cniVersion: version,
      name: 'bridged',
      type: 'bridge',
      bridge: 'brtest',
      isGateway: true,
      ipMasq: true,
      ipam: hostLocal(host, 1),
    }),
  },
  {
    type: 'ptp',
    ifname: 'eth0',
    attaches: true,
    args: ['MAC', 'IP', 'GATEWAY'],
    conf: (host, version = newest) => ({
      cniVersion: version,
      name: 'routed',
      type: 'ptp',
      ipMasq: true,
      ipam: hostLocal(host, 2),
    }),
  },
  {
    type: 'loopback',
    ifname: 'lo',
    attaches: true,
    args: undefined,
    conf: (_host, version = newest) => ({ cniVersion: version, name: 'loop', type: 'loopback' }),
  },
  {
    type: 'host-local',
    ifname: 'eth0',
    attaches: false,
    args: ['IP'],
    conf: (host, version = newest) => ({
      cniVersion: version,
      name: 'leased',
      type: 'bridge',
      ipam: hostLocal(host, 3),
    }),
  },
  {
    type: 'static',
    ifname: 'eth0',
    attaches: false,
    args: ['IP', 'GATEWAY'],
    conf: (_host, version = newest) => ({
      cniVersion: version,
      name: 'fixed',
      type: 'bridge',
      ipam: staticIpam(),
    }),
  },
  chained(
    11,
    { type: 'portmap', snat: true, ...publishing(8080) },
    // It looks for the rules of IPv4 among those of IPv6.
    { nth: n => publishing(8080 + n), referenceCheckFails: true },
  ),
  chained(
    12,
    { type: 'bandwidth', ingressRate: 50e6, ingressBurst: 5e6, egressRate: 20e6, egressBurst: 2e6 },
    { referenceSince: '0.3.0' },
  ),
  chained(13, { type: 'firewall', ingressPolicy: 'same-bridge' }, { referenceSince: '0.4.0' }),
  chained(14, { type: 'tuning', sysctl: { 'net.core.somaxconn': '500' }, promisc: true }, { args: ['MAC'] }),
]
