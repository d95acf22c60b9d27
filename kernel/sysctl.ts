// Kernel settings of one network namespace: /proc/sys/net. The kernel shows each opener the files of the namespace it is in.
// Documentation/networking/ip-sysctl.rst
import { closeSync, constants, readFileSync, readSync, writeSync } from 'node:fs'
import { addon, type OpenRequest } from '../native/addon.js'
import { check, checkFs, isErrno, KernelError } from './error.js'

const ENOENT = 2
const EACCES = 13
const { O_RDONLY, O_RDWR, O_WRONLY } = constants

/** More than the longest value: the kernel gives a list in one read only, and cuts it off where the buffer ends. */
const MAX_VALUE = 65536

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

  /** Values in one visit to the namespace; a KernelError in place of one that can't be had. */
  getAll(paths: readonly string[]): (string | KernelError)[] {
    if (paths.length === 0) return []
    const buffer = Buffer.allocUnsafe(MAX_VALUE)
    return this.#open(paths, O_RDONLY).map((fd, i) => {
      try {
        return readValue('sysctl get', paths[i]!, check('sysctl get', paths[i]!, fd), buffer)
      } catch (error) {
        if (error instanceof KernelError) return error
        throw error
      } finally {
        if (fd >= 0) closeSync(fd)
      }
    })
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

  /**
   * Writes in the given order, having opened all of them first, and then reads what came of each: the kernel rounds, sorts and
   * merges. Undefined for one that can only be written. Throws the first error; its `target` is the path.
   */
  update(settings: readonly (readonly [path: string, value: string])[]): (string | undefined)[] {
    if (settings.length === 0) return []
    const fds = this.#openForUpdate(settings.map(([path]) => path))
    try {
      for (const [i, [path]] of settings.entries()) check('sysctl set', path, fds[i]!)
      // With its newline also the empty value is one.
      for (const [i, [path, value]] of settings.entries())
        checkFs('sysctl set', path, () => writeSync(fds[i]!, `${value}\n`))
      const buffer = Buffer.allocUnsafe(MAX_VALUE)
      return settings.map(([path], i) => {
        try {
          return readValue('sysctl get', path, fds[i]!, buffer)
        } catch (error) {
          if (isErrno(error, 'EBADF', 'EIO')) return undefined
          throw error
        }
      })
    } finally {
      for (const fd of fds) if (fd >= 0) closeSync(fd)
    }
  }

  /** For reading and writing; those that can't be read (net/ipv4/route/flush) for writing. */
  #openForUpdate(paths: readonly string[]): number[] {
    const fds = this.#open(paths, O_RDWR)
    const refused = paths.filter((_, i) => fds[i] === -EACCES)
    if (refused.length === 0) return fds
    const second = this.#open(refused, O_WRONLY)
    return fds.map(fd => (fd === -EACCES ? second.shift()! : fd))
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

function readValue(operation: string, path: string, fd: number, buffer: Buffer): string {
  const length = checkFs(operation, path, () => readSync(fd, buffer, 0, buffer.length, 0))
  return buffer.toString('latin1', 0, length).trimEnd()
}
