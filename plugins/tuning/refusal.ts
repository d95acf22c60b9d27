// What the kernel answers to a setting, in the terms of the configuration that asked for it.
import { CniCode, CniError } from '../../cni/error.js'
import { isErrno, KernelError } from '../../kernel/error.js'
import type { SysctlConfig } from './sysctl-config.js'

/** Errors that another configuration would not meet. */
const faultsOfValue = [
  'EINVAL',
  'ERANGE',
  'EDOM',
  'ENOENT',
  'EISDIR',
  'ENOTDIR',
  'EACCES',
  'EADDRNOTAVAIL',
] as const

/**
 * For an error of the kernel, CniError 7 or 103 that names key, value and reason; other errors as they are. `pathOf` says under
 * which path a setting was opened.
 */
export function sysctlRefusal(
  error: unknown,
  wishes: SysctlConfig,
  pathOf: (wish: SysctlConfig[number]) => string = wish => wish.path,
): unknown {
  if (!(error instanceof KernelError)) return error
  const wish = wishes.find(wish => pathOf(wish) === error.target)
  return wish ? refusal(`sysctl ${wish.key}`, wish.value, error) : error
}

/** The same for one key and its value. */
export function refusal(key: string, value: unknown, error: KernelError): CniError {
  const code = isErrno(error, ...faultsOfValue) ? CniCode.invalidConfig : CniCode.kernel
  return new CniError(
    code,
    `can not set ${key} to ${JSON.stringify(value)}: ${reasonOf(error)}`,
    hint(error),
    {
      cause: error,
    },
  )
}

/** The errno with its text, and what the kernel has to add, without the operation. */
function reasonOf({ message, operation, target }: KernelError): string {
  const subject = `${operation} ${target}: `
  return message.startsWith(subject) ? message.slice(subject.length) : message
}

function hint(error: KernelError): string | undefined {
  if (isErrno(error, 'ENOENT'))
    return `there is no ${error.target} in the container's namespace; a module may not be loaded`
  return isErrno(error, 'EACCES') ? 'it is read-only in the namespaces of containers' : undefined
}
