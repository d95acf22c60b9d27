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
}

/** True while the suite is pointed at the reference plugins, to see that it asks nothing that they rightly refuse. */
export const testsReference = pluginDir === referenceDir

export const versions = testsReference
  ? ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0']
  : ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']

export const newest = versions.at(-1)!

export const modes: readonly ResidentMode[] = testsReference ? ['off'] : ['off', 'require']

export const atLeast = (version: string, minimum: string) =>
  versions.indexOf(version) >= versions.indexOf(minimum)

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
]
