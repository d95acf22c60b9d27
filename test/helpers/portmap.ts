// Containers with published ports on networks of their own, and the questions that are asked of them.
import type { Test } from 'tap'
import type { Question } from './ask-all.js'
import { leasing, type PluginWorld, pluginWorld, type TestContainer } from './plugin-world.js'
import type { Conf } from './subjects.js'

export interface Way {
  readonly type: 'bridge' | 'ptp'
  readonly chained: boolean
  /** Netfilter sees what passes bridges. */
  readonly seen: boolean
}

export const bridged: Way = { type: 'bridge', chained: true, seen: true }

export function scene(t: Test, { seen }: Way): PluginWorld {
  const world = pluginWorld(t, { uplink: { mtu: 1500 } })
  for (const name of ['iptables', 'ip6tables'])
    world.sh(`echo ${seen ? 1 : 0} >/proc/sys/net/bridge/bridge-nf-call-${name}`)
  return world
}

export interface Attached {
  readonly container: TestContainer
  readonly confs: readonly Conf[]
  readonly addresses: readonly string[]
  readonly gateways: readonly string[]
}

/** Attaches a container to network `number`; `portMappings` in a chained portmap, or inline. */
export async function attach(
  world: PluginWorld,
  { type, chained }: Way,
  portMappings: readonly Conf[],
  { number = 1, keys = {}, families = [4, 6] as const as readonly (4 | 6)[] } = {},
): Promise<Attached> {
  const container = world.container()
  const common = { cniVersion: '1.1.0', name: `net${number}` }
  const conf: Conf = {
    ...common,
    type,
    ...(type === 'bridge' && { bridge: `br${number}`, isDefaultGateway: true }),
    ipMasq: true,
    ipam: {
      ...leasing(world, number, families),
      ...(type === 'ptp' && { routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] }),
    },
    ...(!chained && { ...keys, runtimeConfig: { portMappings } }),
  }
  const confs = [await world.add(conf, container)]
  if (chained)
    confs.push(
      await world.add(
        {
          ...common,
          type: 'portmap',
          ...keys,
          prevResult: confs[0]!.prevResult,
          runtimeConfig: { portMappings },
        },
        container,
      ),
    )
  const { ips } = confs[0]!.prevResult
  return {
    container,
    confs,
    addresses: ips.map(({ address }: Conf) => address.split('/')[0]),
    gateways: ips.map(({ gateway }: Conf) => gateway),
  }
}

export async function detach(world: PluginWorld, { container, confs }: Attached): Promise<void> {
  for (const conf of confs.toReversed()) {
    const { error } = await world.call('DEL', conf, container)
    if (error) throw new Error(error.msg)
  }
}

export const twice = (address: string, port: number): Question[] => [
  { address, port },
  { address, port, transport: 'udp' },
]

export const tcpAndUdp = (hostPort: number | string, containerPort: number | string, hostIP = '') =>
  ['tcp', 'udp'].map(protocol => ({ hostPort, containerPort, protocol, hostIP }))
