// Running things for tests: shell scripts, optionally inside a network namespace, always with a time limit.
import { spawnSync } from 'node:child_process'

/** What commands find in their environment. */
export const plainEnv = { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' } as const

export interface ShResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a script with `sh -e` and hands back how it went. */
export function trySh(script: string, netns?: string): ShResult {
  // tap hooks every Node process below it through this variable, whatever environment we give.
  const shell = ['sh', '-ec', `unset NODE_OPTIONS\n${script}`]
  const command = netns === undefined ? shell : ['nsenter', `--net=${netns}`, '--', ...shell]
  const { status, stdout, stderr, error } = spawnSync(command[0]!, command.slice(1), {
    encoding: 'utf8',
    env: plainEnv,
    timeout: 30_000,
    maxBuffer: 1 << 28,
  })
  if (error) throw error
  return { code: status, stdout, stderr }
}

/** Runs a script with `sh -e`; throws with its output when it fails. */
export function sh(script: string, netns?: string): string {
  const { code, stdout, stderr } = trySh(script, netns)
  if (code !== 0)
    throw new Error(`${netns ? `in ${netns}: ` : ''}${script}\nexit code ${code}\n${stderr}${stdout}`)
  return stdout
}
