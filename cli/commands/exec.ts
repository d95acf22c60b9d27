// plumbline exec: one more command in a running container.
import type { Command } from 'commander'
import { execIn } from '../../runtime/container/exec.js'
import { ExecError } from '../../runtime/container/init.js'
import { ContainerStore } from '../../runtime/container/state.js'
import { rootSettings } from '../options.js'
import { forwardSignals, type SignalTarget } from '../signals.js'

const help = `
The command gets the namespaces, control groups and privileges of the container, and ends with it at the latest.
Exit status: that of the command; 125 when it could not get in, 126 or 127 when it cannot be executed.

Examples:
  plumbline exec web -- ip address
  plumbline exec web -- sh
`

export function define(command: Command): void {
  command
    .usage('CONTAINER -- COMMAND [ARGUMENTS...]')
    .argument('<container>', 'id, beginning of an id, or name')
    .argument('<command...>', 'what to run')
    .passThroughOptions()
    .addHelpText('after', help)
    // The container's name ends the options, so a "--" after it is handed on to us.
    .action((reference: string, words: string[]) =>
      exec(command, reference, words[0] === '--' ? words.slice(1) : words),
    )
}

async function exec(command: Command, reference: string, words: readonly string[]): Promise<void> {
  const settings = rootSettings(command)
  const state = new ContainerStore(settings.runDir).find(reference)
  let target: SignalTarget | undefined
  // For good: a late signal must not spoil the exit status.
  forwardSignals(signal => target?.signal(signal))
  const running = await execIn(settings, state, { command: words }).catch(error => {
    throw error instanceof ExecError ? error : Object.assign(error as Error, { status: 125 })
  })
  target = running
  process.exitCode = await running.exited
}
