// Where a plugin's executable is. CNI SPEC 1.1.0, section 4 "Plugin Delegation".
import { type Stats, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CniCode, CniError } from './error.js'

/**
 * The first regular file called `type` in the directories of CNI_PATH, undefined when there is none. Throws CniError 7 for
 * a type that is no plain file name: it comes from a configuration, and must not lead out of CNI_PATH.
 */
export function findPlugin(type: string, path: readonly string[]): string | undefined {
  if (type === '') throw new CniError(CniCode.invalidConfig, 'no plugin name provided')
  if (/[/\\\0]/.test(type) || type === '.' || type === '..')
    throw new CniError(CniCode.invalidConfig, `invalid plugin name: ${type}`, 'a type must not hold a path')
  for (const directory of path) {
    const file = join(directory, type)
    if (stat(file)?.isFile()) return file
  }
  return undefined
}

/** True when the file is Plumbline's launcher under whatever name: the same inode after symbolic links. */
export function isOwnExecutable(path: string, launcher?: string): boolean {
  const own = launcher === undefined ? ownLauncher() : stat(launcher)
  const other = stat(path)
  return own !== undefined && other !== undefined && own.ino === other.ino && own.dev === other.dev
}

/** Looked up once: a launcher that is replaced while we run is that of another build, to which this process says no. */
function ownLauncher(): Stats | undefined {
  launcher ??= stat(launcherPath())
  return launcher
}

let launcher: Stats | undefined

/** dist/bin/plumbline-launcher, seen from dist/bundle (bundled) or dist/lib/cni (not). */
function launcherPath(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  const dist = basename(here) === 'bundle' ? dirname(here) : dirname(dirname(here))
  return join(dist, 'bin', 'plumbline-launcher')
}

function stat(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined // EACCES, ENOTDIR, ELOOP: not there for us
  }
}
