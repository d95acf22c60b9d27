// Delegation to an IPAM plugin: our own in process, a foreign one by exec. CNI SPEC 1.1.0, section 4.
import type { Call, JsonObject, Verb } from './call.js'
import { dispatch, parseConfig } from './dispatch.js'
import { CniCode, CniError } from './error.js'
import { execPlugin } from './exec-plugin.js'
import { messageOf } from './failure.js'
import { findPlugin, isOwnExecutable } from './find-plugin.js'
import type { Host, Plugin } from './plugin.js'
import { emptyResult, type Result } from './result.js'
import { parseResult } from './result-parse.js'
import { printResult } from './result-print.js'

export type DelegatedVerb = Exclude<Verb, 'VERSION'>

/**
 * Runs a verb of the IPAM plugin `ipam.type` for this call: its container ID, ifname, namespace, arguments and
 * `config.raw`, whatever the call's own verb. In process when the type is one of ours and CNI_PATH holds no foreign
 * executable of that name; else by exec. ADD resolves to the IPAM's result; when it fails, the IPAM's DEL has been run.
 * Rejects with the IPAM's CniError; with CniError 7 when there is no such plugin (STATUS: 50), 104 when it broke down.
 *
 * A foreign plugin may be too old to know GC and STATUS. It says so with code 1, 3 or 4: wrong version, no container ID, or
 * an unknown CNI_COMMAND, whichever it looks at first. That passes, since it has nothing to collect and nothing to complain
 * of; unless it does not speak the configuration's version at all, so that its ADD would fail: then STATUS rejects with 50.
 */
export function delegateIpam(
  call: Call,
  ipam: { readonly type: string },
  host: Host,
  verb: 'ADD',
): Promise<Result>
export function delegateIpam(
  call: Call,
  ipam: { readonly type: string },
  host: Host,
  verb: Exclude<DelegatedVerb, 'ADD'>,
): Promise<void>
export async function delegateIpam(
  call: Call,
  ipam: { readonly type: string },
  host: Host,
  verb: DelegatedVerb,
): Promise<unknown> {
  if (verb === 'ADD') return prepareIpam(call, ipam, host)()
  await chooseDelegate(call, ipam.type, host, verb)(verb)()
  return undefined
}

/**
 * An ADD by this IPAM plugin, to be run later. Throws what it would throw before it does anything: CniError 7 for a plugin that is
 * not there, or for its keys.
 */
export function prepareIpam(call: Call, ipam: { readonly type: string }, host: Host): () => Promise<Result> {
  const prepare = chooseDelegate(call, ipam.type, host, 'ADD')
  const run = prepare('ADD')
  return async () => {
    try {
      return await run()
    } catch (error) {
      // What the delegate found there already belongs to a live attachment.
      if (error instanceof CniError && error.code === CniCode.alreadyAttached) throw error
      // SPEC: a plugin whose delegate fails at ADD should run the delegate's DEL before it returns.
      await prepare('DEL')().catch(failure =>
        call.log.warn('DEL after a failed ADD failed too', { ipam: ipam.type, error: messageOf(failure) }),
      )
      throw error
    }
  }
}

/** Validates for a verb, and gives back the work to do. */
type Prepare = (verb: DelegatedVerb) => () => Promise<Result>

function chooseDelegate(call: Call, type: string, host: Host, verb: DelegatedVerb): Prepare {
  // The delegate sees the same configuration: a plugin that delegates again would never come to an end.
  if (call.delegated || type === call.plugin)
    throw new CniError(
      CniCode.invalidConfig,
      `invalid value for "ipam.type": ${JSON.stringify(type)} is no IPAM plugin`,
    )
  const path = findPlugin(type, call.path)
  const own = host.plugins.get(type)
  if (own && (path === undefined || isOwnExecutable(path))) return inProcess(own, call, host)
  if (path !== undefined) return foreign(type, path, call)
  throw new CniError(
    verb === 'STATUS' ? CniCode.notAvailable : CniCode.invalidConfig,
    `failed to find plugin ${JSON.stringify(type)} in path [${call.path.join(' ')}]`,
    'ipam.type must name an executable in a directory of CNI_PATH',
  )
}

function inProcess(plugin: Plugin, call: Call, host: Host): Prepare {
  return verb => {
    const log = call.log.with({ plugin: plugin.type })
    const inner: Call = { ...call, verb, plugin: plugin.type, delegated: true, log }
    const config = parseConfig(plugin, inner)
    return () => dispatch(plugin, inner, config, host)
  }
}

function foreign(type: string, path: string, call: Call): Prepare {
  const stdin = JSON.stringify(wholeConfig(call))
  const exec = (verb: Verb) => execPlugin({ path, env: environment(call, verb), stdin, log: call.log })
  return verb => async () => {
    if (verb === 'ADD') return readResult(await exec(verb), type, call.config.cniVersion)
    try {
      await exec(verb)
    } catch (error) {
      if ((verb !== 'GC' && verb !== 'STATUS') || !isTooOld(error)) throw error
      if (verb === 'STATUS') requireSpoken(await exec('VERSION'), type, call.config.cniVersion)
      call.log.debug(`the IPAM plugin knows no ${verb}`, { ipam: type, error: messageOf(error) })
    }
    return emptyResult
  }
}

function isTooOld(error: unknown): boolean {
  const codes: readonly number[] = [
    CniCode.incompatibleVersion,
    CniCode.unknownContainer,
    CniCode.invalidEnvironment,
  ]
  return error instanceof CniError && codes.includes(error.code)
}

/** Throws CniError 50 when a plugin's answer to VERSION does not hold the version. */
function requireSpoken(stdout: string, type: string, version: string): void {
  let spoken: unknown
  try {
    spoken = (JSON.parse(stdout) as { supportedVersions?: unknown }).supportedVersions
  } catch {
    spoken = undefined
  }
  if (Array.isArray(spoken) && spoken.includes(version)) return
  throw new CniError(
    CniCode.notAvailable,
    `plugin ${JSON.stringify(type)} does not speak CNI ${version}`,
    `it speaks ${JSON.stringify(spoken) ?? 'no version'}`,
  )
}

function readResult(stdout: string, type: string, version: string): Result {
  try {
    return parseResult(JSON.parse(stdout), version, 'result')
  } catch (error) {
    const why = error instanceof CniError ? error.message : 'it is no JSON'
    throw new CniError(
      CniCode.delegateFailed,
      `plugin ${JSON.stringify(type)} printed no valid result: ${why}`,
    )
  }
}

/**
 * The caller's environment with this call's parameters, and without what our launcher tells our executor. A foreign plugin may exec one
 * of ours in turn: not by the resident, where it would wait behind the very call that waits for it.
 */
function environment(call: Call, verb: Verb): Record<string, string | undefined> {
  const { PLUMBLINE_PLUGIN: _plugin, PLUMBLINE_NETNS_ERRNO: _errno, ...rest } = call.env
  const env = { ...rest, PLUMBLINE_RESIDENT: 'off' }
  if (verb !== 'ADD' && verb !== 'DEL' && verb !== 'CHECK') return { ...env, CNI_COMMAND: verb }
  return {
    ...env,
    CNI_COMMAND: verb,
    CNI_CONTAINERID: call.containerId,
    CNI_IFNAME: call.ifname,
    CNI_NETNS: call.netnsPath,
    CNI_ARGS: call.args,
  }
}

/** The document as it came, `prevResult` included. */
function wholeConfig({ config, prevResult }: Call): JsonObject {
  if (prevResult === undefined) return config.raw
  try {
    return { ...config.raw, prevResult: printResult(prevResult, config.cniVersion) }
  } catch {
    return config.raw // a result without addresses has no form in the oldest versions
  }
}
