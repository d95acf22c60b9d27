// One more command in a container that runs.
import { RuntimeError } from '../error.js'
import type { Settings } from '../settings.js'
import { cgroupProcs } from './cgroup.js'
import { containerEnv } from './create.js'
import { Init, type InitOptions } from './init.js'
import { isAlive } from './process.js'
import type { ContainerState } from './state.js'

export interface ExecOptions {
  readonly command: readonly string[]
  readonly stdio?: InitOptions['stdio']
}

export interface RunningCommand {
  readonly exited: Promise<number>
  signal(name: NodeJS.Signals): void
}

/** Runs a command in the namespaces and control groups of a container, with no more privileges than its own. */
export async function execIn(
  settings: Settings,
  state: ContainerState,
  { command, stdio = ['inherit', 'inherit', 'inherit'] }: ExecOptions,
): Promise<RunningCommand> {
  const name = state.name ?? state.id
  if (state.kind === 'namespace')
    throw new RuntimeError(
      `${name} is a network namespace without a container`,
      `run the command with: nsenter --net=${state.netns.path}`,
    )
  if (state.process === undefined || !isAlive(state.process))
    throw new RuntimeError(`container ${name} is not running`, 'list containers with: plumbline ps')
  const init = new Init('enter', {
    args: [
      ...['--pid', String(state.process.pid)],
      ...cgroupProcs(state.cgroups).flatMap(file => ['--cgroup', file]),
    ],
    command,
    cwd: state.rootfs === undefined ? process.cwd() : '/',
    env: containerEnv(state, settings.env),
    stdio,
    detached: false,
  })
  await init.started()
  return { exited: init.exited, signal: signal => init.signal(signal) }
}
