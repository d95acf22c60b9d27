// Calls, hosts and plugins for tests of what stands behind the door, without a runtime in front of it.
import type { Call, JsonObject, RawCall, Verb } from '../../cni/call.js'
import { CniError } from '../../cni/error.js'
import type { LogFields, Logger } from '../../cni/log.js'
import { allVersions, type Host, type Plugin } from '../../cni/plugin.js'
import { emptyResult, type Result } from '../../cni/result.js'

export interface Entry {
  readonly level: 'error' | 'warn' | 'info' | 'debug' | 'print'
  readonly msg: string
  readonly fields: LogFields
}

/** A logger that keeps its entries. */
export function recordingLog(entries: Entry[] = [], context: LogFields = {}): Logger & { entries: Entry[] } {
  const at = (level: Entry['level']) => (msg: string, fields?: LogFields) =>
    void entries.push({ level, msg, fields: { ...context, ...fields } })
  return {
    entries,
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    print: at('print'),
    with: fields => recordingLog(entries, { ...context, ...fields }),
  }
}

export interface CallOptions extends Partial<Omit<Call, 'config'>> {
  /** The configuration document; `name` and `cniVersion` have defaults. */
  readonly conf?: JsonObject
}

/** A call as a plugin gets it. */
export function makeCall({ conf = {}, ...rest }: CallOptions = {}): Call {
  const raw: JsonObject = { cniVersion: '1.1.0', name: 'net', type: 'fake', ...conf }
  return {
    verb: 'ADD',
    plugin: 'fake',
    containerId: 'box',
    ifname: 'eth0',
    netnsPath: '/run/netns/box',
    args: '',
    path: [],
    env: {},
    config: {
      cniVersion: String(raw.cniVersion),
      name: String(raw.name),
      type: String(raw.type),
      runtimeConfig: (raw.runtimeConfig ?? {}) as JsonObject,
      args: (raw.args ?? {}) as JsonObject,
      raw,
    },
    validAttachments: [],
    log: recordingLog(),
    ...rest,
  }
}

/** A plugin that notes what it is asked; `answers` replaces single verbs, or `parse`. */
export function recordingPlugin(
  type: string,
  answers: Partial<Plugin> & { readonly result?: Result } = {},
): Plugin & { readonly calls: { verb: Verb | 'parse'; call: Call; config: unknown }[] } {
  const calls: { verb: Verb | 'parse'; call: Call; config: unknown }[] = []
  const noting = (verb: Verb) => async (call: Call, config: unknown, host: Host) => {
    calls.push({ verb, call, config })
    const own = answers[verb.toLowerCase() as 'add']
    return own ? own(call, config, host) : (answers.result ?? emptyResult)
  }
  const quiet = (verb: Verb) => async (call: Call, config: unknown, host: Host) =>
    void (await noting(verb)(call, config, host))
  return {
    calls,
    type,
    about: `${type} for tests`,
    versions: answers.versions ?? allVersions,
    parse(call) {
      calls.push({ verb: 'parse', call, config: undefined })
      return answers.parse ? answers.parse(call) : { parsedFor: call.verb }
    },
    add: noting('ADD'),
    del: quiet('DEL'),
    check: quiet('CHECK'),
    gc: quiet('GC'),
    status: quiet('STATUS'),
  }
}

/** A host with these plugins, and without a kernel. */
export function hostOf(...plugins: readonly Plugin[]): Host {
  return { plugins: new Map(plugins.map(plugin => [plugin.type, plugin])) } as unknown as Host
}

/** An execution as the door gets it. */
export function rawCall(
  env: Readonly<Record<string, string | undefined>>,
  stdin: string | Uint8Array | (() => Uint8Array),
  rest: Partial<RawCall> = {},
): RawCall {
  return {
    plugin: 'fake',
    env,
    stdin:
      typeof stdin === 'function' ? stdin : () => (typeof stdin === 'string' ? Buffer.from(stdin) : stdin),
    stderr: () => {},
    ...rest,
  }
}

/** What a function throws, or its promise rejects with: `{ code, msg, details? }` of a CniError. Fails on anything else. */
export async function cniErrorOf(
  work: () => unknown,
): Promise<{ code: number; msg: string; details?: string }> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof CniError)) throw error
    const { code, message: msg, details } = error
    return { code, msg, ...(details === undefined ? {} : { details }) }
  }
  throw new Error('nothing was thrown')
}
