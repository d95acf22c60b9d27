// What a plugin is: a type name, a parser for its keys, and the five verbs that need it.
// VERSION and the about text are answered at the door from the description alone.
import type { Namespace } from '../kernel/namespace.js'
import type { LinkReaper } from '../kernel/teardown.js'
import type { Call } from './call.js'
import type { Result } from './result.js'

/** What plugins stand on; made once by the executor (resident or one-shot). */
export interface Host {
  /** The namespace the plugins run in: the host's side of every attachment. */
  readonly kernel: Namespace
  /** Removes links and answers when they are gone (not when the kernel has tidied up). */
  readonly reaper: LinkReaper
  /** All plugins of this build by type: IPAM among them, for delegation in process. */
  readonly plugins: ReadonlyMap<string, Plugin>
}

/** `Config` is what `parse` returns; inner code never sees unvalidated keys. */
export interface Plugin<Config = unknown> {
  readonly type: string
  /** One line, printed when the plugin is called by hand. */
  readonly about: string
  /** Names of its steps, where it is made of steps: whose facts its records may hold. */
  readonly steps?: readonly string[]
  /** The CNI versions it speaks, ascending. */
  readonly versions: readonly string[]
  /** Validates every key; pure. Throws a CniError that names key and value. */
  parse(call: Call): Config
  add(call: Call, config: Config, host: Host): Promise<Result>
  /** Idempotent. `config` is undefined when it no longer parses: the record must do. */
  del(call: Call, config: Config | undefined, host: Host): Promise<void>
  check(call: Call, config: Config, host: Host): Promise<void>
  /** Removes whatever belongs to this network and to none of `call.validAttachments`. */
  gc(call: Call, config: Config, host: Host): Promise<void>
  /** Resolves when an ADD could be served now; throws CniError 50 or 51 when not. */
  status(call: Call, config: Config, host: Host): Promise<void>
}

export const allVersions: readonly string[] = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']
export const currentVersion = '1.1.0'
