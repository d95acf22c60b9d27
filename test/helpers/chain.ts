// A chain of plugins as a runtime runs it: ADD forward with each result handed on, DEL backward with the last one.
// CNI SPEC 1.1.0, section 3 "Lifecycle & Ordering".
import type { Container, ExecOptions, FakeHost, Verb } from './host.js'
import type { Outcome, Running } from './outcome.js'
import type { Conf } from './subjects.js'

export interface ChainCall {
  readonly container: Container
  readonly ifname?: string
  /** `runtimeConfig` for the plugins that declare a capability of these names. */
  readonly capabilityArgs?: Conf
  /** The attachments that GC spares. */
  readonly valid?: readonly { readonly containerID: string; readonly ifname: string }[]
  /** Sees every process that is started. */
  readonly watch?: (running: Running) => void
}

/** A network: a name, a version, plugins. */
export interface ChainConf {
  readonly name: string
  readonly cniVersion: string
  readonly plugins: readonly Conf[]
}

/** Runs the verb over the whole chain; stops at the first plugin that fails. The outcome is the last one. */
export async function runChain(
  host: FakeHost,
  conf: ChainConf,
  verb: Exclude<Verb, 'VERSION'>,
  call: ChainCall,
  result?: Conf,
): Promise<{ readonly outcome: Outcome; readonly result: Conf | undefined }> {
  let previous = result
  let outcome: Outcome | undefined
  for (const plugin of verb === 'DEL' ? conf.plugins.toReversed() : conf.plugins) {
    const running = host.start(plugin.type, verb, options(conf, plugin, verb, call, previous))
    call.watch?.(running)
    outcome = await running.done
    if (outcome.code !== 0) break
    if (verb === 'ADD') previous = JSON.parse(outcome.stdout)
  }
  return { outcome: outcome!, result: previous }
}

function options(
  { name, cniVersion }: ChainConf,
  plugin: Conf,
  verb: Verb,
  { container, ifname = 'eth0', capabilityArgs = {}, valid = [] }: ChainCall,
  prevResult: Conf | undefined,
): ExecOptions {
  const { capabilities = {}, ...keys } = plugin
  const runtimeConfig = Object.fromEntries(
    Object.entries(capabilityArgs).filter(([capability]) => capabilities[capability]),
  )
  const attached = verb === 'ADD' || verb === 'DEL' || verb === 'CHECK'
  return {
    ...(attached && { id: container.id, netns: container.netns, ifname }),
    conf: {
      name,
      cniVersion,
      ...keys,
      ...(Object.keys(runtimeConfig).length > 0 && { runtimeConfig }),
      ...(attached && prevResult && { prevResult }),
      ...(verb === 'GC' && { 'cni.dev/valid-attachments': valid, 'cni.dev/attachments': valid }),
    },
  }
}
