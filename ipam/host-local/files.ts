// The file operations of this plugin, all of them synchronous, in one place: the tests end them half-way.
import * as fs from 'node:fs'

export type Files = Pick<
  typeof fs,
  | 'accessSync'
  | 'closeSync'
  | 'ftruncateSync'
  | 'linkSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readdirSync'
  | 'readFileSync'
  | 'readSync'
  | 'renameSync'
  | 'statSync'
  | 'statfsSync'
  | 'unlinkSync'
  | 'utimesSync'
  | 'writeSync'
>

export const systemFiles: Files = fs

/** True for a system error with one of these codes ('ENOENT'). */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  return code !== undefined && codes.includes(code)
}

/** True for any failed system call, as opposed to an error of ours (or of Node's: ERR_…). */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return typeof (error as NodeJS.ErrnoException | undefined)?.syscall === 'string'
}

/** What a short write means. */
export function noSpace(): NodeJS.ErrnoException {
  const message = 'ENOSPC: no space left on device, write'
  return Object.assign(new Error(message), { code: 'ENOSPC', syscall: 'write' })
}

/** Removes a file; false when there was none. */
export function unlinkIfThere(files: Files, path: string): boolean {
  try {
    files.unlinkSync(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

/** The text of a file, undefined when there is none. */
export function readIfThere(files: Files, path: string): string | undefined {
  try {
    return files.readFileSync(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Writes all of `data` or throws: a short write is a full disk. */
export function writeWhole(files: Files, fd: number, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) {
    const written = files.writeSync(fd, data, done, data.length - done)
    if (written === 0) throw noSpace()
    done += written
  }
}
