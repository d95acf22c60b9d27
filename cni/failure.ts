// From whatever was thrown to the one error a runtime is told. CNI SPEC 1.1.0, section 5 "Error".
import { KernelError } from '../kernel/error.js'
import { CniCode, CniError } from './error.js'

/** What to do about errors that users can do something about. */
const advice: Readonly<Record<string, string>> = {
  EPERM: 'Plumbline needs root, or CAP_NET_ADMIN and CAP_SYS_ADMIN',
  EACCES: 'Plumbline needs root, or CAP_NET_ADMIN and CAP_SYS_ADMIN',
  EOPNOTSUPP: 'this kernel was built without it',
  EAFNOSUPPORT: 'this kernel was built or booted without the address family',
  EPROTONOSUPPORT: 'this kernel was built without it',
  EMFILE: 'raise the limit of open files (RLIMIT_NOFILE)',
  ENFILE: 'raise fs.file-max',
  ENOSPC: 'no space is left: in the file system, or in a table of the kernel',
  EROFS: 'the file system is read-only; PLUMBLINE_RUN_DIR and PLUMBLINE_STATE_DIR may lead elsewhere',
  ENOMEM: 'the machine, or this cgroup, is out of memory',
  ENOBUFS: 'the kernel is out of memory for network buffers',
}

/** Any thrown value as a CniError. Never throws. */
export function toCniError(error: unknown): CniError {
  try {
    return convert(error, 0)
  } catch {
    return new CniError(CniCode.internal, 'an error that cannot be printed')
  }
}

/** The text of any thrown value. Never throws. */
export function messageOf(error: unknown): string {
  return toCniError(error).message
}

function convert(error: unknown, depth: number): CniError {
  if (error instanceof CniError) return error
  if (error instanceof AggregateError && depth < 8) return several(error, depth)
  if (error instanceof KernelError)
    return new CniError(CniCode.kernel, error.message, advice[error.code], { cause: error })
  if (!(error instanceof Error))
    return new CniError(
      CniCode.internal,
      `thrown: ${typeof error === 'object' ? JSON.stringify(error) : String(error)}`,
    )
  // A system call of node:fs. Its message is "ENOENT: no such file or directory, open '/x'".
  const { code, syscall } = error as NodeJS.ErrnoException
  if (typeof code === 'string' && typeof syscall === 'string')
    return new CniError(CniCode.io, error.message, advice[code], { cause: error })
  return new CniError(CniCode.internal, error.message || error.name, undefined, { cause: error })
}

/** One error stands for itself; of several with one code the first speaks; else the code says that they differ. */
function several(aggregate: AggregateError, depth: number): CniError {
  const errors = aggregate.errors.map(error => convert(error, depth + 1))
  const first = errors[0]
  if (first === undefined)
    return new CniError(CniCode.internal, aggregate.message || 'several errors, none of them told')
  if (errors.length === 1) return first
  const code = errors.every(error => error.code === first.code) ? first.code : CniCode.several
  const details = errors.map(withDetails).join('; ')
  return new CniError(code, aggregate.message || `${errors.length} errors: ${first.message}`, details, {
    cause: aggregate,
  })
}

function withDetails(error: CniError): string {
  return error.details === undefined ? error.message : `${error.message} (${error.details})`
}
