// One execution of a plugin: what came in (RawCall), what it means (Call), and what goes out (Reply).
// CNI SPEC 1.1.0, sections 2 "Execution Protocol" and 4 "Plugin Delegation".
import type { NetnsIdentity } from '../kernel/netns.js'
import type { Logger } from './log.js'
import type { Result } from './result.js'

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject
export interface JsonObject {
  [key: string]: JsonValue
}

export type Verb = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION'

/** An execution as the operating system delivers it; nothing is validated yet. */
export interface RawCall {
  /** Plugin type: the name under which the executable was called. */
  readonly plugin: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Reads standard input; called only by the verbs that have one. */
  readonly stdin: () => Uint8Array
  /** CNI_NETNS, opened by the launcher; owned by the callee, who closes it. */
  readonly netnsFd?: number
  /** Why the launcher could not open CNI_NETNS (positive errno). */
  readonly netnsErrno?: number
  /** Where logs go: a line without its newline. */
  readonly stderr: (line: string) => void
}

export interface Reply {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr?: string
}

/** The target namespace, open for the length of the call. */
export interface Netns {
  readonly path: string
  readonly fd: number
  readonly identity: NetnsIdentity
}

/** (network, container ID, ifname): what an attachment is known by. */
export interface AttachmentKey {
  readonly network: string
  readonly containerId: string
  readonly ifname: string
}

/** The parts of a network configuration that mean the same to every plugin. */
export interface NetConf {
  readonly cniVersion: string
  readonly name: string
  readonly type: string
  readonly runtimeConfig: JsonObject
  /** `args` of the network configuration; `args.cni` by convention. */
  readonly args: JsonObject
  /** The whole document as it came, less `prevResult`. */
  readonly raw: JsonObject
  /** Its text, for what a parser loses (see json-keys.ts). Absent where the document did not come in by the door. */
  readonly text?: string
}

/** An execution that passed the door: names checked, configuration decoded, namespace open. */
export interface Call {
  readonly verb: Verb
  readonly plugin: string
  /** Empty for GC and STATUS. */
  readonly containerId: string
  /** Empty for GC and STATUS. */
  readonly ifname: string
  /** Absent for GC and STATUS, and for a DEL whose namespace is gone. */
  readonly netns?: Netns
  /** CNI_NETNS as given, also when it could not be opened. */
  readonly netnsPath: string
  /** CNI_ARGS as given; parsed by the plugins that take any (`parseArgs`). */
  readonly args: string
  /** CNI_PATH, split. */
  readonly path: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly config: NetConf
  readonly prevResult?: Result
  /** `cni.dev/valid-attachments`, for GC. */
  readonly validAttachments: readonly { readonly containerId: string; readonly ifname: string }[]
  readonly log: Logger
  /** True while the plugin runs as the delegate of another, with that one's call. */
  readonly delegated?: boolean
}

export function attachmentKey(call: Call): AttachmentKey {
  return { network: call.config.name, containerId: call.containerId, ifname: call.ifname }
}
