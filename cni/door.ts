// The front door: an execution comes in raw, is checked from end to end, and only then reaches a plugin.
// What goes out is the one JSON document that the SPEC allows on stdout. CNI SPEC 1.1.0, sections 2 and 5.
import type { Call, RawCall, Reply, Verb } from './call.js'
import { decodeInput, type Input } from './decode.js'
import { dispatch, parseConfig } from './dispatch.js'
import { readCommand, readParameters } from './environment.js'
import { CniCode, CniError } from './error.js'
import { messageOf, toCniError } from './failure.js'
import { createLogger, type Logger } from './log.js'
import { TargetNetns } from './netns.js'
import { currentVersion, type Host, type Plugin } from './plugin.js'
import type { Result } from './result.js'
import { parseResult } from './result-parse.js'
import { printResult } from './result-print.js'
import { isVersion, requireSupported, requireVerb } from './versions.js'

/**
 * Answers one execution. Owns `raw.netnsFd` from here on. Never rejects: a failure is a reply with an error document and
 * exit code 1. Nothing outside of this process has been touched when the plugin's verb begins.
 */
export async function handle(raw: RawCall, host: Host): Promise<Reply> {
  const seen = { version: currentVersion }
  try {
    using target = new TargetNetns(raw)
    return await answer(raw, host, target, seen)
  } catch (error) {
    const { code, message, details } = toCniError(error)
    return json(1, { cniVersion: seen.version, code, msg: message, ...(details ? { details } : {}) })
  }
}

/** `seen.version` becomes the configuration's, for the error document. */
async function answer(
  raw: RawCall,
  host: Host,
  target: TargetNetns,
  seen: { version: string },
): Promise<Reply> {
  const plugin = findOwn(raw, host)
  const verb = readCommand(raw.env)
  if (verb === undefined) return about(plugin)
  if (verb === 'VERSION') return versions(plugin)
  const parameters = readParameters(raw.env, verb)
  const input = decodeInput(raw.stdin, verb)
  const { cniVersion, name } = input.config
  if (isVersion(cniVersion)) seen.version = cniVersion
  requireSupported(cniVersion, plugin.versions)
  requireVerb(cniVersion, verb)
  const log = createLogger(raw.env, raw.stderr, {
    plugin: plugin.type,
    verb,
    network: name,
    containerId: parameters.containerId || undefined,
    ifname: parameters.ifname || undefined,
  })
  const prevResult = previousResult(input, verb, log)
  const call: Call = {
    ...parameters,
    plugin: plugin.type,
    env: raw.env,
    config: input.config,
    ...(prevResult ? { prevResult } : {}),
    validAttachments: input.validAttachments,
    log,
  }
  const config = parseConfig(plugin, call)
  const netns = target.open(parameters, log)
  return run(plugin, netns ? { ...call, netns } : call, config, host)
}

async function run(plugin: Plugin, call: Call, config: unknown, host: Host): Promise<Reply> {
  const begin = performance.now()
  try {
    const result = await dispatch(plugin, call, config, host)
    const reply = call.verb === 'ADD' ? await print(result, plugin, call, config, host) : silence
    call.log.debug('done', { ms: since(begin) })
    return reply
  } catch (error) {
    const { code, message, cause } = toCniError(error)
    // The runtime is told and logs it; a stack is worth having only for what nobody foresaw.
    if (code === CniCode.internal)
      call.log.error('unforeseen error', {
        error: message,
        stack: cause instanceof Error ? cause.stack : undefined,
      })
    else call.log.info('failed', { code, error: message, ms: since(begin) })
    throw error
  }
}

/** The result in the caller's version. One that does not fit takes the attachment back: the caller can't have it. */
async function print(
  result: Result,
  plugin: Plugin,
  call: Call,
  config: unknown,
  host: Host,
): Promise<Reply> {
  try {
    return json(0, printResult(result, call.config.cniVersion))
  } catch (error) {
    await plugin
      .del({ ...call, verb: 'DEL' }, config, host)
      .catch(failure => call.log.warn('taking back the attachment failed', { error: messageOf(failure) }))
    throw error
  }
}

function findOwn({ plugin }: RawCall, host: Host): Plugin {
  const found = host.plugins.get(plugin)
  if (found) return found
  throw new CniError(
    CniCode.invalidEnvironment,
    `unknown plugin ${JSON.stringify(plugin)}`,
    `the executable was called by a name that is none of ${[...host.plugins.keys()].join(', ')}`,
  )
}

/** Called by hand, without CNI_COMMAND. */
function about({ about, versions }: Plugin): Reply {
  return {
    exitCode: 0,
    stdout: '',
    stderr: `${about}\nCNI protocol versions supported: ${versions.join(', ')}\n`,
  }
}

function versions({ versions }: Plugin): Reply {
  return json(0, { cniVersion: currentVersion, supportedVersions: versions })
}

/** SPEC section 3: mandatory for CHECK, welcome for DEL, present in a chain for ADD; GC and STATUS have none. */
function previousResult({ prevResult, config }: Input, verb: Verb, log: Logger): Result | undefined {
  if (verb === 'GC' || verb === 'STATUS') return undefined
  if (prevResult === undefined) {
    if (verb !== 'CHECK') return undefined
    throw new CniError(
      CniCode.invalidConfig,
      'required prevResult missing',
      'CHECK needs the result of the final ADD in the configuration',
    )
  }
  try {
    return parseResult(prevResult, config.cniVersion)
  } catch (error) {
    if (verb !== 'DEL') throw error
    // The runtime's cache may be damaged; DEL must succeed without it.
    log.warn('prevResult is invalid and ignored', { error: messageOf(error) })
    return undefined
  }
}

const silence: Reply = { exitCode: 0, stdout: '' }

function json(exitCode: number, document: object): Reply {
  return { exitCode, stdout: `${JSON.stringify(document)}\n` }
}

function since(begin: number): number {
  return Math.round((performance.now() - begin) * 1000) / 1000
}
