// The CNI_* variables: which verb needs which, and what they may hold. CNI SPEC 1.1.0, section 2 "Parameters".
// Texts and codes are those of Go's skel package, which runtimes and conformance tests know.
import type { Verb } from './call.js'
import { CniCode, CniError } from './error.js'

export interface Parameters {
  readonly verb: Verb
  /** Empty for GC and STATUS. */
  readonly containerId: string
  /** Empty for GC and STATUS. */
  readonly ifname: string
  /** Empty for GC and STATUS, and for a DEL that was given none. */
  readonly netnsPath: string
  readonly args: string
  readonly path: readonly string[]
}

type Env = Readonly<Record<string, string | undefined>>

const all: readonly Verb[] = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION']

/** Variables in the order in which errors name them, and the verbs that need them. */
const required: readonly (readonly [variable: string, verbs: readonly Verb[]])[] = [
  ['CNI_CONTAINERID', ['ADD', 'DEL', 'CHECK']],
  ['CNI_NETNS', ['ADD', 'CHECK']],
  ['CNI_IFNAME', ['ADD', 'DEL', 'CHECK']],
  ['CNI_PATH', ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS']],
]

/** CNI_COMMAND, undefined when it is missing or empty. Throws CniError 4 when there is no such verb. */
export function readCommand(env: Env): Verb | undefined {
  const command = env.CNI_COMMAND
  if (command === undefined || command === '') return undefined
  if ((all as readonly string[]).includes(command)) return command as Verb
  throw new CniError(
    CniCode.invalidEnvironment,
    `unknown CNI_COMMAND: ${command}`,
    `CNI_COMMAND must be one of ${all.join(', ')}`,
  )
}

/** The parameters of a verb. Throws CniError 4 that lists all missing variables, or names the first invalid one. */
export function readParameters(env: Env, verb: Verb): Parameters {
  const missing = required.filter(([variable, verbs]) => verbs.includes(verb) && !env[variable])
  if (missing.length > 0)
    throw new CniError(
      CniCode.invalidEnvironment,
      `required env variables [${missing.map(([variable]) => variable).join(',')}] missing`,
    )
  const path = (env.CNI_PATH ?? '').split(':').filter(directory => directory !== '')
  if (verb === 'GC' || verb === 'STATUS' || verb === 'VERSION')
    return { verb, containerId: '', ifname: '', netnsPath: '', args: env.CNI_ARGS ?? '', path }
  const containerId = env.CNI_CONTAINERID!
  const ifname = env.CNI_IFNAME!
  validateContainerId(containerId)
  validateIfname(ifname)
  return { verb, containerId, ifname, netnsPath: env.CNI_NETNS ?? '', args: env.CNI_ARGS ?? '', path }
}

/** What a container ID and a network name may hold. */
export function isIdentifier(text: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(text)
}

/** Throws CniError 4. */
export function validateContainerId(containerId: string): void {
  if (!isIdentifier(containerId))
    throw new CniError(CniCode.invalidEnvironment, 'invalid characters in containerID', containerId)
}

/** IFNAMSIZ less the terminating NUL (linux/if.h). */
const maxIfnameBytes = 15

/** Throws CniError 4. */
export function validateIfname(ifname: string): void {
  if (ifname === '') throw invalidIfname('interface name is empty', ifname)
  if (Buffer.byteLength(ifname) > maxIfnameBytes)
    throw new CniError(
      CniCode.invalidEnvironment,
      'interface name is too long',
      `interface name should be less than ${maxIfnameBytes + 1} characters`,
    )
  if (ifname === '.' || ifname === '..') throw invalidIfname('interface name is . or ..', ifname)
  // White space as Go's unicode.IsSpace has it.
  if (/[/:\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/.test(ifname))
    throw invalidIfname('interface name contains / or : or whitespace characters', ifname)
  // The kernel numbers such names (`eth%d`): the link would be called other than we were told.
  if (ifname.includes('%')) throw invalidIfname('interface name contains %', ifname)
}

function invalidIfname(msg: string, ifname: string): CniError {
  return new CniError(CniCode.invalidEnvironment, msg, `CNI_IFNAME is ${JSON.stringify(ifname)}`)
}
