// Containers behind bridge (or ptp) and firewall, on a host of the test's own.
import type { Test } from 'tap'
import { bridgeConf, leasing, type PluginWorld, ptpConf, type TestContainer } from './plugin-world.js'
import type { Conf } from './subjects.js'

export interface Walled {
  readonly container: TestContainer
  /** The interface plugin's configuration with its result, and the firewall's with the last one. */
  readonly link: Conf
  readonly firewall: Conf
  readonly v4: string
  readonly v6: string
  readonly mac: string
  /** The host's end, and the bridge (or the host's end again). */
  readonly end: string
  readonly bridge: string
}

export interface Walls {
  readonly network?: string
  /** `bridge` or `ptp`; another bridge has another name and another subnet. */
  readonly link?: (world: PluginWorld, more: Conf) => Conf
  readonly bridge?: string
  readonly subnet?: number
  /** More keys of the interface plugin. */
  readonly keys?: Conf
  /** Keys of the firewall. */
  readonly firewall?: Conf
}

export const onBridge = (world: PluginWorld, more: Conf) =>
  bridgeConf(world, { macspoofchk: false, portIsolation: false, hairpinMode: false, ...more })

export const onPtp = ptpConf

/** Attaches a container with a firewall. */
export async function wall(world: PluginWorld, walls: Walls = {}): Promise<Walled> {
  const { network = 'walled', link = onBridge, bridge = 'brtest', subnet = 7 } = walls
  const container = world.container()
  const conf = link(world, {
    name: network,
    ipam: { ...leasing(world, subnet), routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] },
    ...(link === onPtp ? {} : { bridge }),
    ...walls.keys,
  })
  const linked = await world.add(conf, container)
  const firewall = await world.add(
    { ...firewallConf(network, walls.firewall), prevResult: linked.prevResult },
    container,
  )
  const { interfaces, ips } = linked.prevResult
  const end = interfaces.find((each: Conf) => /^pl[sv]/.test(each.name)).name
  return {
    container,
    link: linked,
    firewall,
    v4: ips[0].address.split('/')[0],
    v6: ips[1].address.split('/')[0],
    mac: interfaces.find((each: Conf) => each.sandbox).mac,
    end,
    bridge: link === onPtp ? end : bridge,
  }
}

export function firewallConf(network: string, more: Conf = {}): Conf {
  return { cniVersion: '1.1.0', name: network, type: 'firewall', ...more }
}

/** DEL of both, which must succeed. */
export async function unwall(t: Test, world: PluginWorld, walled: Walled): Promise<void> {
  for (const conf of [walled.firewall, walled.link]) {
    const { code, stdout, log } = await world.call('DEL', conf, walled.container)
    t.equal(code, 0, `DEL by ${conf.type} ${stdout}${log}`)
  }
}

/** Whether one echo request is answered; what passes takes milliseconds. */
export function pings(from: Pick<TestContainer, 'trySh'>, to: string): boolean {
  const patience = 2
  return from.trySh(`ping -n -q -c 1 -W ${patience} ${to}`).code === 0
}

/** Whether it stays without an answer. */
export function isCutOff(from: Pick<TestContainer, 'trySh'>, to: string): boolean {
  return from.trySh(`ping -n -q -c 1 -W 0.3 ${to}`).code === 1
}
