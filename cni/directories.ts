// Where Plumbline keeps things: the run directory (tmpfs, gone with a reboot) and the state directory (lasting).
import { isAbsolute, normalize } from 'node:path'
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

function directory(env: Env, variable: string, byDefault: string): string {
  const value = env[variable]
  if (value === undefined || value === '') return byDefault
  if (!isAbsolute(value))
    throw new CniError(
      CniCode.invalidEnvironment,
      `${variable} must be an absolute path, got ${JSON.stringify(value)}`,
    )
  const path = normalize(value)
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}
