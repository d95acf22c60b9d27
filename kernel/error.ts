// The one error that leaves this room: what was tried, on what, and what the kernel said.
import { errnoName, errnoNumber, errnoText } from './errno.js'

/** What the kernel adds to an error number (NETLINK_EXT_ACK), and what we know about the cause. */
export interface KernelErrorDetails {
  /** The kernel's own text (NLMSGERR_ATTR_MSG). */
  readonly extack?: string | undefined
  /** Where in the request the offending attribute starts, in bytes from the message header (NLMSGERR_ATTR_OFFS). */
  readonly offset?: number | undefined
  /** Number of an attribute that was needed and not given (NLMSGERR_ATTR_MISS_TYPE). */
  readonly missingType?: number | undefined
  /** Position of the failed request among several that were sent together. */
  readonly index?: number | undefined
  /** What we add ourselves, e.g. the kernel option that is missing. */
  readonly hint?: string | undefined
}

/** A system or netlink call that failed. `code` is the errno name, e.g. 'EEXIST'. */
export class KernelError extends Error {
  override readonly name = 'KernelError'
  /** Named like the tool that would do it: 'link add', 'netns open', 'sysctl set'. */
  readonly operation: string
  /** The object: a link name, a path, a prefix. */
  readonly target: string
  /** Positive; Linux numbering. */
  readonly errno: number
  readonly code: string
  readonly extack?: string | undefined
  readonly offset?: number | undefined
  readonly missingType?: number | undefined
  readonly index?: number | undefined
  readonly hint?: string | undefined

  constructor(operation: string, target: string, errno: number, details: KernelErrorDetails = {}) {
    const code = errnoName(errno)
    const subject = target === '' ? operation : `${operation} ${target}`
    const extack = details.extack === undefined ? '' : `: ${details.extack}`
    const hint = details.hint === undefined ? '' : ` (${details.hint})`
    super(`${subject}: ${code}: ${errnoText(errno)}${extack}${hint}`)
    this.operation = operation
    this.target = target
    this.errno = Math.abs(errno)
    this.code = code
    this.extack = details.extack
    this.offset = details.offset
    this.missingType = details.missingType
    this.index = details.index
    this.hint = details.hint
  }
}

/** Passes a result of the addon through; a negative one is thrown as KernelError. */
export function check(operation: string, target: string, result: number): number {
  if (result < 0) throw new KernelError(operation, target, -result)
  return result
}

/** Runs a node:fs call; its system errors come out as KernelError, everything else as it was. */
export function checkFs<T>(operation: string, target: string, call: () => T): T {
  try {
    return call()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const errno = typeof code === 'string' ? errnoNumber(code) : 0
    throw errno === 0 ? error : new KernelError(operation, target, errno)
  }
}

/** True for a KernelError with one of these errno names. */
export function isErrno(error: unknown, ...codes: readonly string[]): error is KernelError {
  return error instanceof KernelError && codes.includes(error.code)
}

/** The object is not there: ENOENT, ENODEV, ESRCH or EADDRNOTAVAIL, whichever its kind answers with. */
export function isNotFound(error: unknown): error is KernelError {
  return isErrno(error, 'ENOENT', 'ENODEV', 'ESRCH', 'EADDRNOTAVAIL')
}

/** The object is there already. */
export function isExists(error: unknown): error is KernelError {
  return isErrno(error, 'EEXIST')
}

/** Runs `call`; false when it failed because the object is not there. */
export function ignoreNotFound(call: () => void): boolean {
  return unless(isNotFound, call)
}

/** Runs `call`; false when it failed because the object is there already. */
export function ignoreExists(call: () => void): boolean {
  return unless(isExists, call)
}

function unless(expected: (error: unknown) => boolean, call: () => void): boolean {
  try {
    call()
    return true
  } catch (error) {
    if (expected(error)) return false
    throw error
  }
}
