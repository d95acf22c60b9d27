// Settings of a whole namespace, for which several attachments of one container may ask. The value of whoever came last holds; when
// that one goes, the value goes back to what another asks for, and with the last of them to what it was before the first.
import type { AttachmentKey, Call, JsonObject } from '../../cni/call.js'
import { runDir } from '../../cni/directories.js'
import type { Host } from '../../cni/plugin.js'
import { type AttachmentRecord, RecordStore } from '../../cni/record.js'
import { Namespace } from '../../kernel/namespace.js'
import type { NetnsIdentity } from '../../kernel/netns.js'

/** One setting on record. */
export type SettingFacts = {
  /** Below /proc/sys, under the interface's final name. */
  path: string
  /** As it was asked for. */
  value: string
  /** Before any attachment changed it. Absent where it can't be read, and where it goes with the interface. */
  before?: string
  /** What the kernel made of `value`. Absent until ADD has succeeded, and where it can't be read. */
  reached?: string
}

/** What the step `sysctl` puts on record. */
export type SysctlFacts = { netns: { dev: number; ino: number }; settings: SettingFacts[] }

export const sysctlStepName = 'sysctl'

/** An attachment, and its namespace where this is still open. */
export interface Whose {
  readonly key: AttachmentKey
  readonly call: Call
  readonly host: Host
  readonly netns: { readonly fd: number; readonly identity: NetnsIdentity }
}

/** The settings that others ask for in the same namespace. */
export class OtherWishes {
  readonly #latestFirst: readonly SettingFacts[]

  private constructor(latestFirst: readonly SettingFacts[]) {
    this.#latestFirst = latestFirst
  }

  /** O(networks x interfaces in the container), whatever the number of attachments. */
  static of(whose: Whose): OtherWishes {
    const records = othersOf(whose).filter(({ netns }) => isSame(netns, whose.netns.identity))
    records.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
    return new OtherWishes(
      records.flatMap(({ facts }) => (facts[sysctlStepName] as SysctlFacts | undefined)?.settings ?? []),
    )
  }

  /** The value before the first of them changed it; undefined when none of them did. */
  origin(path: string): string | undefined {
    return this.#latestFirst.find(setting => setting.path === path && setting.before !== undefined)?.before
  }

  /** What the latest of them asks for; undefined when none does. */
  value(path: string): string | undefined {
    const setting = this.#latestFirst.find(setting => setting.path === path)
    return setting && (setting.reached ?? setting.value)
  }
}

/** Records of other plugins for the same interface, and of all plugins for the container's other interfaces. */
function othersOf({ key, call, host, netns }: Whose): AttachmentRecord[] {
  const store = new RecordStore(runDir(call.env))
  const types = [...host.plugins.values()]
    .filter(plugin => plugin.steps?.includes(sysctlStepName))
    .map(plugin => plugin.type)
  using inside = Namespace.open(netns.fd)
  const ifnames = inside.link.list().map(({ name }) => name)
  const keys = store
    .networks()
    .flatMap(network => ifnames.map(ifname => ({ network, containerId: key.containerId, ifname })))
    .filter(({ ifname }) => ifname !== key.ifname && ifname !== 'lo')
  return [
    ...types.filter(type => type !== call.plugin).map(type => store.read(key, type)),
    ...keys.flatMap(other => types.map(type => store.read(other, type))),
  ].filter(record => record !== undefined)
}

export function sysctlFacts(facts: JsonObject | undefined): SysctlFacts | undefined {
  return facts as SysctlFacts | undefined
}

export function isSame(a: { dev: number; ino: number }, b: NetnsIdentity): boolean {
  return a.dev === b.dev && a.ino === b.ino
}
