// Where Plumbline keeps things: the run directory (tmpfs, gone with a reboot) and the state directory (lasting); and where it
// looks for what an administrator has put there.
import { mkdirSync } from 'node:fs'
import { dirname, isAbsolute, normalize } from 'node:path'
import { CniCode, CniError } from './error.js'

type Env = Readonly<Record<string, string | undefined>>

/** PLUMBLINE_RUN_DIR, by default /run/plumbline: records, sockets, locks. Throws CniError 4 when it is no absolute path. */
export function runDir(env: Env): string {
  return directory(env, 'PLUMBLINE_RUN_DIR', '/run/plumbline')
}

/** PLUMBLINE_STATE_DIR, by default /var/lib/plumbline: what outlives a boot. Throws CniError 4 when it is no absolute path. */
export function stateDir(env: Env): string {
  return directory(env, 'PLUMBLINE_STATE_DIR', '/var/lib/plumbline')
}

/** PLUMBLINE_TUNING_DIR, by default /etc/cni/tuning: the list of kernel settings that may be changed. Throws CniError 4 likewise. */
export function tuningDir(env: Env): string {
  return directory(env, 'PLUMBLINE_TUNING_DIR', '/etc/cni/tuning')
}

function directory(env: Env, variable: string, byDefault: string): string {
  const value = env[variable]
  if (value === undefined || value === '') return byDefault
  const path = normalize(value)
  if (!isAbsolute(value) || /^\/(proc|sys)(\/|$)/.test(path))
    throw new CniError(
      CniCode.invalidEnvironment,
      `${variable} must be an absolute path, and not below /proc or /sys, got ${JSON.stringify(value)}`,
    )
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

/** Makes a directory and those above it. Not `mkdir` with `recursive`: Node 20 never returns from that below /proc. */
export function makeDirectory(path: string, mode = 0o700): void {
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    makeDirectory(dirname(path), mode)
    makeOne(path, mode)
  }
}

function makeOne(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error // somebody else may be as quick
  }
}
