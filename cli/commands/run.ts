// plumbline run: a command in a new container, on networks, with limits.
import type { Command } from 'commander'
import {
  type ContainerOptions,
  createContainer,
  type RunningContainer,
} from '../../runtime/container/create.js'
import { ExecError } from '../../runtime/container/init.js'
import { type Limits, parseCpus, parseMemory } from '../../runtime/container/limits.js'
import { takeDown } from '../../runtime/container/take-down.js'
import { defaultNetworkName } from '../../runtime/default-network.js'
import { findNetwork } from '../../runtime/networks.js'
import { planAttachments } from '../../runtime/plan.js'
import type { Settings } from '../../runtime/settings.js'
import { type AttachmentOptions, attachmentOptions, rootSettings, wantsJson, wishesOf } from '../options.js'
import { print, printJson } from '../output.js'
import { forwardSignals, type SignalTarget } from '../signals.js'
import { viewContainer } from '../view.js'

interface RunFlags extends Omit<AttachmentOptions, 'network'> {
  readonly network?: readonly string[] | boolean
  readonly name?: string
  readonly detach?: boolean
  readonly rootfs?: string
  readonly memory?: string
  readonly cpus?: string
}

/** Exit status when the container failed, as opposed to its command. */
const ownFailure = 125

const help = `
The command gets network, mount, UTS, IPC and PID namespaces of its own, a default set of capabilities and no_new_privs.
It starts when all networks are attached. When it ends, everything goes, and plumbline exits with its exit status;
with --detach its exit status and output stay until: plumbline rm.

Without --rootfs it sees the files of this machine, those of the system read-only.

Exit status: that of the command; 125 when the container failed, 126 or 127 when the command cannot be executed.

Examples:
  plumbline run -- ip address
  plumbline run --publish 8080:80 --publish 127.0.0.1:9000-9010:9000-9010/udp --egress-rate 50mbit -- ./server
  plumbline run -n frontend -n backend --name app --detach -- ./server
  plumbline run --rootfs ./image --memory 512m --cpus 0.5 -- /bin/sh
`

export function define(command: Command): void {
  attachmentOptions(command)
    .usage('[options] -- COMMAND [ARGUMENTS...]')
    .argument('<command...>', 'what to run')
    .option('--no-network', 'no network but loopback')
    .option('--name <name>', 'name to call it by, also its host name')
    .option('-d, --detach', 'let it run in the background, and print its id')
    .option('--rootfs <dir>', 'root directory of the container')
    .option('--memory <amount>', 'limit of memory, as in 512m or 1g')
    .option('--cpus <number>', 'limit of processor time, as in 0.5 or 2')
    .passThroughOptions()
    .addHelpText('after', help)
    .action((words: string[], flags: RunFlags) => run(command, words, flags))
}

async function run(command: Command, words: readonly string[], flags: RunFlags): Promise<void> {
  const settings = rootSettings(command)
  const options = containerOptions(settings, words, flags)
  const controller = new AbortController()
  let target: SignalTarget | undefined
  // For good: a late signal must not spoil the exit status.
  forwardSignals(signal => (target ? target.signal(signal) : controller.abort(signal)))
  const container = await createContainer(settings, options, controller.signal).catch(error => {
    throw asRunFailure(error, controller.signal)
  })
  target = container
  // One that came when it was too late to turn back, and too early to be passed on.
  if (controller.signal.aborted) container.signal(controller.signal.reason as NodeJS.Signals)
  if (options.detach) printDetached(settings, container, wantsJson(command))
  else process.exitCode = await waitAndRemove(settings, container)
}

function containerOptions(settings: Settings, words: readonly string[], flags: RunFlags): ContainerOptions {
  const { name, detach = false, rootfs } = flags
  return {
    command: words,
    attachments: plan(settings, flags),
    limits: limitsOf(flags),
    detach,
    ...(name !== undefined && { name }),
    ...(rootfs !== undefined && { rootfs }),
  }
}

function plan(settings: Settings, { network = [defaultNetworkName], ...flags }: RunFlags) {
  // --no-network makes it false, and not naming any makes it true.
  const names = typeof network === 'boolean' ? (network ? [defaultNetworkName] : []) : network
  const networks = names.map(name => findNetwork(settings, name))
  return planAttachments(networks, wishesOf(flags))
}

function limitsOf({ memory, cpus }: RunFlags): Limits {
  return {
    ...(memory !== undefined && { memory: parseMemory(memory) }),
    ...(cpus !== undefined && { cpus: parseCpus(cpus) }),
  }
}

function printDetached(settings: Settings, { state }: RunningContainer, json: boolean): void {
  if (json) printJson(viewContainer(settings, state))
  else print(`${state.id}\n`)
}

/** A failed removal counts, but not more than the command's own failure. */
async function waitAndRemove(settings: Settings, { state, exited }: RunningContainer): Promise<number> {
  const status = await exited
  try {
    await takeDown(settings, state.id)
  } catch (error) {
    throw Object.assign(error as Error, { status: status || ownFailure })
  }
  return status
}

function asRunFailure(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted)
    return Object.assign(new Error(`interrupted by ${signal.reason} before the command was started`), {
      status: 130,
    })
  if (error instanceof ExecError) return error
  return Object.assign(error as Error, { status: ownFailure })
}
