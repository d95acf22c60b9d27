// Containers with published ports on a plugin world: bridge or ptp, with the ports in a chained portmap or (where given) inline.

import { leasing, type PluginWorld, type TestContainer } from './plugin-world.js'
import { serve } from './service.js'
import type { Conf } from './subjects.js'

export interface PortMap {
  readonly hostPort: number | string
  readonly containerPort: number | string
  readonly protocol?: string
  readonly hostIP?: string
}

export interface Publishing {
  readonly type: 'bridge' | 'ptp'
  readonly chained: boolean
  /** More keys of the plugin that publishes. */
  readonly keys?: Conf
}

/** What DEL and CHECK of one attachment are called with, in order of the chain. */
export interface PublishedAttachment {
  readonly container: TestContainer
  readonly confs: readonly Conf[]
  /** Name of the host end. */
  readonly hostIfname: string
  /** Of the container: IPv4, IPv6. */
  readonly addresses: readonly string[]
  readonly gateways: readonly string[]
}

/** The plugins of a network, in order. */
export function publishingConfs(
  world: PluginWorld,
  { type, chained, keys }: Publishing,
  ports: readonly PortMap[],
): Conf[] {
  const common = { cniVersion: '1.1.0', name: 'published' }
  const interfaceConf = {
    ...common,
    type,
    ...(type === 'bridge' && { bridge: 'br0', isDefaultGateway: true }),
    ipam: {
      ...leasing(world, 1),
      ...(type === 'ptp' && { routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] }),
    },
  }
  if (!chained) return [{ ...interfaceConf, ...keys, portMappings: ports as unknown as Conf[] }]
  return [interfaceConf, { ...common, type: 'portmap', ...keys, runtimeConfig: { portMappings: ports } }]
}

export async function publish(
  world: PluginWorld,
  publishing: Publishing,
  ports: readonly PortMap[],
  container = world.container(),
): Promise<PublishedAttachment> {
  let prevResult: Conf | undefined
  const confs: Conf[] = []
  for (const conf of publishingConfs(world, publishing, ports)) {
    const added = await world.add(prevResult ? { ...conf, prevResult } : conf, container)
    prevResult = added.prevResult as Conf
    confs.push(conf)
  }
  const result = prevResult!
  return {
    container,
    confs: confs.map(conf => ({ ...conf, prevResult: result })),
    hostIfname: result.interfaces.find((one: Conf) => /^pl[sv]/.test(one.name)).name,
    addresses: result.ips.map(({ address }: Conf) => address.split('/')[0]),
    gateways: result.ips.map(({ gateway }: Conf) => gateway),
  }
}

/** DEL backward over the chain. */
export async function unpublish(
  world: PluginWorld,
  { container, confs }: PublishedAttachment,
): Promise<void> {
  for (const conf of confs.toReversed()) {
    const { code, stdout } = await world.call('DEL', conf, container)
    if (code !== 0) throw new Error(`DEL: ${stdout}`)
  }
}

/** The first error of CHECK over the chain, or undefined. */
export async function checked(
  world: PluginWorld,
  { container, confs }: PublishedAttachment,
): Promise<string | undefined> {
  for (const conf of confs) {
    const { error } = await world.call('CHECK', conf, container)
    if (error) return error.msg
  }
  return undefined
}

/** GC forward over the chain. */
export async function collect(
  world: PluginWorld,
  { confs }: Pick<PublishedAttachment, 'confs'>,
  valid: readonly PublishedAttachment[],
): Promise<void> {
  for (const conf of confs) {
    const { code, stdout } = await world.gc(
      conf,
      valid.map(({ container }) => container),
    )
    if (code !== 0) throw new Error(`GC: ${stdout}`)
  }
}

/** TCP and UDP on port 80 of the container. */
export async function serveBoth(
  t: { after(fn: () => void): void },
  { path }: TestContainer,
  greeting: string,
): Promise<void> {
  for (const transport of ['tcp', 'udp'] as const)
    await serve(t, { netns: path, port: 80, transport, greeting })
}

/** Whether netfilter sees what passes bridges. */
export function seeBridged(world: PluginWorld, on: boolean): void {
  for (const name of ['iptables', 'ip6tables'])
    world.sh(`echo ${on ? 1 : 0} >/proc/sys/net/bridge/bridge-nf-call-${name}`)
}
