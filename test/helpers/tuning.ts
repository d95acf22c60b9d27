// A tuning plugin behind bridge, and all kernel settings of a namespace to compare.
import { handle } from '../../cni/door.js'
import {
  type Answer,
  type CallOptions,
  type PluginWorld,
  plainConf,
  type TestContainer,
} from './plugin-world.js'
import { sh } from './sh.js'
import type { Conf } from './subjects.js'

/** No list of this machine's has a say. */
export function tuningEnv(world: PluginWorld): Record<string, string> {
  return { PLUMBLINE_TUNING_DIR: `${world.root}/tuning` }
}

export interface Tuned {
  readonly container: TestContainer
  readonly ifname: string
  /** The configuration of tuning with what came before. */
  readonly conf: Conf
  /** Name of the host's end. */
  readonly end: string
  call(verb: 'ADD' | 'CHECK' | 'DEL', more?: CallOptions & { conf?: Conf }): Promise<Answer>
}

/** An attachment by bridge, and what tuning is to be called with; not yet tuned. */
export async function behindBridge(
  world: PluginWorld,
  keys: Conf,
  options: { bridge?: Conf; container?: TestContainer; ifname?: string } = {},
): Promise<Tuned> {
  const container = options.container ?? world.container()
  const ifname = options.ifname ?? 'eth0'
  const bridge = options.bridge ?? plainConf()
  const { prevResult, cniVersion, name } = await world.add(bridge, container, { ifname })
  const conf = { cniVersion, name, type: 'tuning', prevResult, ...keys }
  return {
    container,
    ifname,
    conf,
    end: prevResult.interfaces?.[1].name,
    call: (verb, { conf: other, env, ...rest } = {}) =>
      world.call(verb, other ?? conf, container, { ifname, env: { ...tuningEnv(world), ...env }, ...rest }),
  }
}

/** Tuned, too: `conf` has the result. */
export async function tuned(
  world: PluginWorld,
  keys: Conf,
  options: Parameters<typeof behindBridge>[2] & CallOptions = {},
): Promise<Tuned> {
  const { bridge: _1, container: _2, ifname: _3, ...call } = options
  const plain = await behindBridge(world, keys, options)
  const answer = await plain.call('ADD', call)
  if (answer.code !== 0) throw new Error(`ADD: ${answer.stdout}${answer.log}`)
  const conf = { ...plain.conf, prevResult: answer.json }
  return { ...plain, conf, call: (verb, more = {}) => plain.call(verb, { conf, ...more }) }
}

/** An ADD of tuning whose document is not what JSON.stringify makes. */
export async function addText(world: PluginWorld, tuned: Tuned, text: string): Promise<Answer['error']> {
  const env = {
    ...tuningEnv(world),
    PLUMBLINE_RUN_DIR: world.runDir,
    CNI_COMMAND: 'ADD',
    CNI_PATH: world.root,
    CNI_CONTAINERID: tuned.container.id,
    CNI_NETNS: tuned.container.path,
    CNI_IFNAME: tuned.ifname,
  }
  const raw = { plugin: 'tuning', env, stdin: () => Buffer.from(text), stderr: () => {} }
  const { exitCode, stdout } = await handle(raw, world.host)
  return exitCode === 0 ? undefined : JSON.parse(stdout)
}

/** Settings that change by themselves. */
const restless = /nf_conntrack_count/

/** Path below /proc/sys/net to value, of everything that can be read. */
export function allSysctls(netns: string): Record<string, string> {
  const text = sh(
    'cd /proc/sys/net; find . -type f -perm -400 -exec grep -H "" {} + 2>/dev/null || true',
    netns,
  )
  const lines = text.split('\n').filter(line => line !== '' && !restless.test(line))
  return Object.fromEntries(
    lines.map(line => [line.slice(2, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
}

/** What tuning may change of a link. */
export function attributes(where: { ip(args: string): Conf }, link: string): Conf {
  const { address, mtu, txqlen, flags } = where.ip(`link show dev ${link}`)[0]
  const on = flags.filter((flag: string) => ['PROMISC', 'ALLMULTI'].includes(flag))
  return { address, mtu, txqlen: txqlen ?? 0, on }
}
