// Small files that are written whole and read whole.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { hasCode } from './error.js'

let count = 0

/** Writes so that a reader sees the old content or the new one. Mode 0600; missing directories are made 0700. */
export function writeFileAtomic(path: string, content: string): void {
  // A leading dot: nothing that lists such directories takes a half-written file for a whole one.
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${++count}`)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    writeFileSync(temporary, content, { mode: 0o600, flag: 'wx' })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** The content, undefined when there is no such file. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Names in a directory, sorted by their bytes; none when there is no such directory. */
export function listIfThere(directory: string): string[] {
  try {
    return readdirSync(directory).sort()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}
