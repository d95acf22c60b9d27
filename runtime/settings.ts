// Where the runtime looks and keeps things. Options of a command come before the environment, the environment before the defaults.
import { isAbsolute, join, resolve } from 'node:path'
import { runDir, stateDir } from '../cni/directories.js'
import { createLogger, type Logger } from '../cni/log.js'
import { distDir } from './dist.js'
import { RuntimeError } from './error.js'
import { ResultCache } from './libcni/cache.js'
import type { Libcni } from './libcni/network.js'

export interface Settings {
  /** Containers, their namespaces, locks; gone with a reboot. */
  readonly runDir: string
  /** Results and leases; lasting. */
  readonly stateDir: string
  readonly confDir: string
  readonly cniPath: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Logger
}

export interface SettingsOptions {
  readonly confDir?: string | undefined
  /** Directories separated by ':'. */
  readonly cniPath?: string | undefined
}

export const defaultConfDir = '/etc/cni/net.d'

/** Ours come first: a plugin type that we have is served by us. */
export const defaultCniPath = (): string[] => [join(distDir(), 'cni'), '/opt/cni/bin', '/usr/lib/cni']

/** Throws a RuntimeError or CniError for a directory that cannot be one. */
export function makeSettings(
  options: SettingsOptions,
  env: Readonly<Record<string, string | undefined>>,
): Settings {
  return {
    runDir: runDir(env),
    stateDir: stateDir(env),
    confDir: resolve(options.confDir ?? defaultConfDir),
    cniPath: parseCniPath(options.cniPath),
    env,
    log: createLogger(env, line => process.stderr.write(`${line}\n`)),
  }
}

/** To run plugins with; those that attached a container come first when it is about that one. */
export function libcniOf({ cniPath, env, log, stateDir }: Settings, first: readonly string[] = []): Libcni {
  return { cniPath: [...new Set([...first, ...cniPath])], env, log, cache: new ResultCache(stateDir) }
}

function parseCniPath(text: string | undefined): readonly string[] {
  if (text === undefined) return defaultCniPath()
  const directories = text.split(':').filter(directory => directory !== '')
  const relative = directories.find(directory => !isAbsolute(directory))
  if (directories.length > 0 && relative === undefined) return directories
  throw new RuntimeError(
    `--cni-path ${JSON.stringify(text)} names no absolute directories`,
    'give absolute directories, separated by ":"',
  )
}
