// Plugins without a process around them: calls go in by the front door, and the host that they work on is a network
// namespace of the test. Milliseconds for a call; what it did is looked at with the tools of the distribution.
import { closeSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Verb } from '../../cni/call.js'
import { handle } from '../../cni/door.js'
import type { Host } from '../../cni/plugin.js'
import { Namespace } from '../../kernel/namespace.js'
import { createNetns, openNetns, removeNetns } from '../../kernel/netns.js'
import type { Element } from '../../kernel/nft/element.js'
import { residentReaper } from '../../kernel/teardown.js'
import { plugins } from '../../plugins/registry.js'
import type { Address } from '../../wire/route/address.js'
import { IFF_PROMISC, IFF_UP, RT_TABLE_MAIN } from '../../wire/route/constants.js'
import type { Link } from '../../wire/route/link.js'
import type { Route } from '../../wire/route/route.js'
import { type FilesWorld, filesWorld } from './files-world.js'
import { bridgeJson, ipJson, type Json, runIn, type TestScope, tempNetns } from './netns.js'
import { type NetnsWorld, netnsWorld } from './netns-world.js'
import { type ShResult, sh, trySh } from './sh.js'
import type { Conf } from './subjects.js'
import { addUplink, type Uplink } from './uplink.js'

/** How a call ended: the document on stdout, and what was logged. */
export interface Answer {
  readonly code: number
  readonly json: Json
  /** The error document; undefined for a success. */
  readonly error: { readonly code: number; readonly msg: string; readonly details?: string } | undefined
  readonly stdout: string
  readonly log: string
}

export interface CallOptions {
  /** Default: that of the container. */
  readonly id?: string
  readonly ifname?: string
  /** Default: the container's; undefined leaves CNI_NETNS out. */
  readonly netns?: string | undefined
  readonly args?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface Inside {
  readonly path: string
  ip(args: string): Json
  sh(script: string): string
  trySh(script: string): ShResult
}

export interface TestContainer extends Inside {
  readonly id: string
  /** Takes the namespace away, with all that is in it. */
  remove(): void
}

export interface PluginState extends FilesWorld {
  readonly host: NetnsWorld
  readonly containers: Readonly<Record<string, NetnsWorld>>
}

export interface Glance extends FilesWorld {
  readonly generation: number
  readonly elements: readonly Element[]
  readonly links: readonly Link[]
  readonly addresses: readonly Address[]
  readonly routes: readonly Route[]
  readonly forwarding: readonly string[]
  readonly inside: readonly unknown[]
}

export interface PluginWorld extends Inside {
  readonly root: string
  readonly runDir: string
  readonly dataDir: string
  readonly host: Host
  readonly ns: Namespace
  readonly uplink: Uplink | undefined
  bridge(args: string): Json
  /** The ruleset, without its header. */
  nft(): Json[]
  container(): TestContainer
  call(
    verb: Verb,
    conf: Conf | string,
    container?: TestContainer,
    options?: CallOptions,
    host?: Host,
  ): Promise<Answer>
  /** ADD that must succeed; the configuration with its result, as CHECK and DEL get it. */
  add(conf: Conf, container: TestContainer, options?: CallOptions): Promise<Conf>
  gc(conf: Conf, valid: readonly { id: string; ifname?: string }[]): Promise<Answer>
  /** The state as the verbs of this build list it: of the host, and of one container. A millisecond. */
  glance(container?: TestContainer): Glance
  /** Everything there is, as the tools of the distribution print it. */
  state(): PluginState
  /** The same, less what a DEL does not bring back: how far the allocators went. */
  lasting(): Omit<PluginState, 'cursors'>
  /** The same, less the containers: quicker. */
  outside(): Omit<PluginState, 'cursors' | 'containers'>
}

let count = 0

/** The run directory belongs on a tmpfs. */
const shm = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A host of a test's own, gone with the test. */
export function pluginWorld(t: TestScope, options: { uplink?: { mtu: number } } = {}): PluginWorld {
  const root = mkdtempSync(`${shm}/plumbline-test-${process.pid}-`)
  const containers = new Map<string, TestContainer>()
  let uplink: Uplink | undefined
  t.after(() => {
    for (const { path } of containers.values()) removeNetns(path)
    if (uplink) removeNetns(uplink.peer)
    rmSync(root, { recursive: true, force: true })
  })
  const { ns, path } = tempNetns(t)
  const reaper = residentReaper(ns)
  t.after(async () => {
    await reaper.idle()
    reaper[Symbol.dispose]()
  })
  const host: Host = { kernel: ns, reaper, plugins }
  const runDir = `${root}/run`
  const dataDir = `${root}/data`
  mkdirSync(dataDir)
  // Settings are born with the machine's.
  sh('ip link set lo up; cd /proc/sys/net; echo 0 >ipv4/ip_forward; echo 0 >ipv6/conf/all/forwarding', path)
  if (options.uplink) uplink = addUplink(root, path, options.uplink.mtu)

  const world: PluginWorld = {
    ...inside(path),
    root,
    runDir,
    dataDir,
    host,
    ns,
    uplink,
    bridge: args => bridgeJson(path, args),
    nft: () =>
      (JSON.parse(runIn(path, 'nft -j list ruleset')).nftables as Json[]).filter(each => !each.metainfo),
    container() {
      const id = `pl${process.pid}c${++count}`
      const file = `${root}/${id}`
      createNetns(file)
      const container = {
        ...inside(file),
        id,
        remove() {
          containers.delete(id)
          removeNetns(file)
        },
      }
      containers.set(id, container)
      return container
    },
    async call(verb, conf, container, call = {}, on = host) {
      const log: string[] = []
      const stdin = Buffer.from(typeof conf === 'string' ? conf : JSON.stringify(conf))
      const env = {
        PLUMBLINE_RUN_DIR: runDir,
        PLUMBLINE_STATE_DIR: `${root}/state`,
        CNI_COMMAND: verb,
        CNI_PATH: root,
        CNI_CONTAINERID: call.id ?? container?.id,
        CNI_NETNS: 'netns' in call ? call.netns : container?.path,
        CNI_IFNAME: call.ifname ?? (container || call.id ? 'eth0' : undefined),
        CNI_ARGS: call.args,
        ...call.env,
      }
      const plugin = typeof conf === 'string' ? 'bridge' : conf.type
      const raw = { plugin, env, stdin: () => stdin, stderr: (line: string) => void log.push(line) }
      const { exitCode: code, stdout } = await handle(raw, on)
      const json = stdout === '' ? undefined : JSON.parse(stdout)
      return { code, json, error: code === 0 ? undefined : json, stdout, log: log.join('\n') }
    },
    async add(conf, container, call) {
      const { code, json, stdout, log } = await world.call('ADD', conf, container, call)
      if (code !== 0) throw new Error(`ADD: ${stdout}${log}`)
      return { ...conf, prevResult: json }
    },
    gc(conf, valid) {
      const list = valid.map(({ id, ifname = 'eth0' }) => ({ containerID: id, ifname }))
      return world.call('GC', { ...conf, 'cni.dev/valid-attachments': list, 'cni.dev/attachments': list })
    },
    glance: container => ({
      ...filesWorld(dataDir, runDir),
      generation: ns.nft.list.generation(),
      elements: ns.nft.list
        .tables()
        .flatMap(table => ns.nft.list.sets(table).flatMap(set => ns.nft.list.elements(set))),
      ...glanceAt(ns),
      forwarding: ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'].map(path => ns.sysctl.get(`net/${path}`)),
      inside: container ? Object.values(glanceInside(container)) : [],
    }),
    state: () => ({
      ...filesWorld(dataDir, runDir),
      host: netnsWorld(path),
      containers: Object.fromEntries([...containers.values()].map(c => [c.id, netnsWorld(c.path)])),
    }),
    lasting() {
      const { cursors: _cursors, ...rest } = world.state()
      return rest
    },
    outside() {
      const { cursors: _cursors, ...files } = filesWorld(dataDir, runDir)
      return { ...files, host: netnsWorld(path) }
    },
  }
  return world
}

function glanceInside({ path }: TestContainer) {
  const fd = openNetns(path)
  try {
    using ns = Namespace.open(fd)
    return glanceAt(ns)
  } finally {
    closeSync(fd)
  }
}

/** Less what changes by itself. */
function glanceAt({ link, addr, route }: Namespace) {
  return {
    links: link.list().map(({ index, name, kind, flags, mtu, address, master, peerIndex, port }) => ({
      ...{ index, name, kind, mtu, address, master, peerIndex },
      flags: flags & (IFF_UP | IFF_PROMISC),
      port: port && { hairpin: port.hairpin, isolated: port.isolated },
    })) as unknown as Link[],
    addresses: addr.list().filter(each => !each.address.ip.isLinkLocal()),
    routes: route
      .list({ table: RT_TABLE_MAIN })
      .filter(each => !each.dst.ip.isLinkLocal())
      .map(({ flags: _linkdown, ...rest }) => rest),
  }
}

function inside(path: string): Inside {
  return {
    path,
    ip: args => ipJson(path, args),
    sh: script => sh(script, path),
    trySh: script => trySh(script, path),
  }
}

/** Keys of host-local: both families, or those of one. */
export function leasing(world: PluginWorld, number: number, families: readonly (4 | 6)[] = [4, 6]): Conf {
  return {
    type: 'host-local',
    dataDir: world.dataDir,
    ranges: families.map(family => [
      { subnet: family === 4 ? `10.${number}.0.0/24` : `fd00:${number}::/64` },
    ]),
  }
}

/** Everything that bridge can be asked for at once, but VLANs. */
export function bridgeConf(world: PluginWorld, more: Conf = {}): Conf {
  return {
    cniVersion: '1.1.0',
    name: 'bridged',
    type: 'bridge',
    bridge: 'brtest',
    isDefaultGateway: true,
    ipMasq: true,
    macspoofchk: true,
    hairpinMode: true,
    portIsolation: true,
    ipam: leasing(world, 1),
    ...more,
  }
}

export function ptpConf(world: PluginWorld, more: Conf = {}): Conf {
  return {
    cniVersion: '1.1.0',
    name: 'routed',
    type: 'ptp',
    ipMasq: true,
    ipam: { ...leasing(world, 2), routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] },
    ...more,
  }
}

/** Layer 2 only. */
export function plainConf(more: Conf = {}): Conf {
  return { cniVersion: '1.1.0', name: 'plain', type: 'bridge', bridge: 'brplain', ...more }
}

/** A configuration of each shape that interface plugins have, for what must hold of all of them. */
export const confs: Record<string, (world: PluginWorld) => Conf> = {
  bridge: world => bridgeConf(world),
  'bridge without IPAM': () => plainConf({ macspoofchk: true }),
  ptp: world => ptpConf(world),
}
