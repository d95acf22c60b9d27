// Attachments with limits, in every way in which a container gets them.
import type { AttachmentKey } from '../../cni/call.js'
import { ifbIfname } from '../../plugins/names.js'
import { type Json, tcJson } from './netns.js'
import {
  type Answer,
  bridgeConf,
  type CallOptions,
  leasing,
  type PluginWorld,
  ptpConf,
  type TestContainer,
} from './plugin-world.js'
import type { Conf } from './subjects.js'

export interface Limited {
  readonly world: PluginWorld
  readonly container: TestContainer
  readonly key: AttachmentKey
  /** Of the plugin that limits, with the result. */
  readonly conf: Conf
  /** Name of the host's end. */
  readonly end: string
  /** Name that an ifb has, or would have. */
  readonly ifb: string
  call(verb: 'ADD' | 'CHECK' | 'DEL', options?: CallOptions & { conf?: Conf }): Promise<Answer>
}

export interface Place {
  readonly container?: TestContainer
  readonly ifname?: string
}

/** Makes what comes before limits, and says what to call for them. */
type Way = (world: PluginWorld, keys: Conf, place: Required<Place>) => Promise<Conf>

const v4 = (world: PluginWorld) => ({
  ipam: leasing(world, 1, [4]),
  macspoofchk: false,
  portIsolation: false,
})

export const ways: Readonly<Record<string, Way>> = {
  'in bridge': async (world, bandwidth) => bridgeConf(world, { ...v4(world), bandwidth }),
  'in ptp': async (world, bandwidth) => ptpConf(world, { bandwidth }),
  'behind bridge': async (world, keys, { container, ifname }) => {
    const { cniVersion, name, prevResult } = await world.add(bridgeConf(world, v4(world)), container, {
      ifname,
    })
    return { cniVersion, name, type: 'bandwidth', ...keys, prevResult }
  },
  "behind somebody else's": async (world, keys, { container, ifname }) => {
    const end = `veth${container.id.slice(-3)}${ifname.slice(-1)}`
    world.sh(`ip link add ${end} up type veth peer name ${ifname} netns ${container.path}`)
    container.sh(`ip link set ${ifname} up`)
    const prevResult = {
      cniVersion: '1.1.0',
      interfaces: [{ name: end }, { name: ifname, sandbox: container.path }],
      ips: [{ address: '10.3.0.2/24', interface: 1 }],
    }
    return { cniVersion: '1.1.0', name: 'foreign', type: 'bandwidth', ...keys, prevResult }
  },
}

/** What is there before the ADD of the plugin that limits. */
export async function toBeLimited(
  world: PluginWorld,
  way: string,
  keys: Conf,
  place: Place = {},
): Promise<Limited> {
  const { container = world.container(), ifname = 'eth0' } = place
  return withResult(world, await ways[way]!(world, keys, { container, ifname }), container, ifname)
}

export async function withLimits(
  world: PluginWorld,
  way: string,
  keys: Conf,
  place: Place = {},
): Promise<Limited> {
  const before = await toBeLimited(world, way, keys, place)
  const { code, json, stdout, log } = await before.call('ADD')
  if (code !== 0) throw new Error(`ADD: ${stdout}${log}`)
  return withResult(world, { ...before.conf, prevResult: json }, before.container, before.key.ifname)
}

export function withResult(
  world: PluginWorld,
  conf: Conf,
  container: TestContainer,
  ifname: string,
): Limited {
  const key = { network: conf.name, containerId: container.id, ifname }
  return {
    world,
    container,
    key,
    conf,
    end: conf.prevResult?.interfaces.find(
      ({ name, sandbox }: Conf) => !sandbox && /^(pl[vs]|veth)/.test(name),
    )?.name,
    ifb: ifbIfname(key),
    call: (verb, { conf: other, ...options } = {}) =>
      world.call(verb, other ?? conf, container, { ifname, ...options }),
  }
}

/** What limits a link, as tc says: its root qdisc, what hangs on its ingress. */
export function shaping({ path }: PluginWorld, link: string): Json {
  const [root, ...others] = tcJson(path, `qdisc show dev ${link}`) as Json[]
  const { rate, burst } = root?.options ?? {}
  const filters = tcJson(path, `filter show dev ${link} ingress`) as Json[]
  return {
    root: root?.kind,
    ...(rate !== undefined && { rate, burst }),
    others: others.map(({ kind }) => kind),
    to: filters.flatMap(({ options }) => options?.actions?.map((each: Json) => each.to_dev) ?? []),
  }
}
