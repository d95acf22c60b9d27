// Kernel settings of one network namespace: /proc/sys/net. The kernel shows each opener the files of the namespace it is in.
// Documentation/networking/ip-sysctl.rst
import { closeSync, constants, readFileSync, readSync, writeSync } from 'node:fs'
import { addon, type OpenRequest } from '../native/addon.js'
import { check, checkFs } from './error.js'

const ENOENT = 2
const { O_RDONLY, O_RDWR, O_WRONLY } = constants

/**
 * A path below /proc/sys ('net/ipv4/ip_forward') and its value. With `optional`, a path that does not exist is passed over:
 * no net/ipv6 where the kernel was booted without IPv6.
 */
export type SysctlSetting = readonly [path: string, value: string | number, options?: { optional?: boolean }]

export class Sysctl {
  readonly #netnsFd: number

  /** `netnsFd` -1 is this process's own namespace; another fd is borrowed and must stay open. */
  constructor(netnsFd: number) {
    this.#netnsFd = netnsFd
  }

  /** The value, without the newline. KernelError ENOENT when there is no such setting. */
  get(path: string): string {
    const [fd] = this.#open([path], O_RDONLY)
    check('sysctl get', path, fd!)
    try {
      return checkFs('sysctl get', path, () => readFileSync(fd!, 'latin1')).trimEnd()
    } finally {
      closeSync(fd!)
    }
  }

  set(path: string, value: string | number, options?: { optional?: boolean }): void {
    this.setAll([[path, value, options ?? {}]])
  }

  /** Writes in the given order, opening all of them first. Throws the first error. */
  setAll(settings: readonly SysctlSetting[]): void {
    if (settings.length === 0) return
    const paths = settings.map(([path]) => path)
    writeSettings(settings, this.#open(paths, O_WRONLY))
  }

  /** Writes unless the value is already that. Returns the value it replaced, for whoever must restore it. */
  ensure(path: string, value: string | number): string | undefined {
    const [fd] = this.#open([path], O_RDWR)
    check('sysctl set', path, fd!)
    try {
      return checkFs('sysctl set', path, () => {
        const buffer = Buffer.alloc(4096)
        const before = buffer.toString('latin1', 0, readSync(fd!, buffer, 0, buffer.length, 0)).trimEnd()
        if (before === String(value)) return undefined
        writeSync(fd!, String(value), 0)
        return before
      })
    } finally {
      closeSync(fd!)
    }
  }

  #open(paths: readonly string[], flags: number): number[] {
    return addon.openIn(
      this.#netnsFd,
      paths.map(path => sysctlOpenRequest(path, flags)),
    )
  }
}

/** What to ask of `openIn` for one setting; with `writeSettings`, for those who open other things on the same thread. */
export function sysctlOpenRequest(path: string, flags = O_WRONLY): OpenRequest {
  return { path: `/proc/sys/${path}`, flags }
}

/** Writes settings through the results of `openIn` (descriptors or -errno), and closes all of these. */
export function writeSettings(settings: readonly SysctlSetting[], results: readonly number[]): void {
  try {
    for (const [i, [path, value, options]] of settings.entries()) {
      const fd = results[i]!
      if (fd === -ENOENT && options?.optional) continue
      check('sysctl set', path, fd)
      checkFs('sysctl set', path, () => writeSync(fd, String(value)))
    }
  } finally {
    for (const fd of results) if (fd >= 0) closeSync(fd)
  }
}
