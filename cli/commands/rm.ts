// plumbline rm: containers go, with their attachments, namespaces and files.
import type { Command } from 'commander'
import { ContainerStore } from '../../runtime/container/state.js'
import { requireEnded, takeDown } from '../../runtime/container/take-down.js'
import { eachOf } from '../each.js'
import { rootSettings, wantsJson } from '../options.js'
import { print, printJson } from '../output.js'

export function define(command: Command): void {
  command
    .argument('<container...>', 'ids, beginnings of ids, or names')
    .option('-f, --force', 'kill what is running first')
    .addHelpText('after', '\nCan be repeated: what could not be taken down the first time is tried again.\n')
    .action((references: string[], flags: { force?: boolean }) =>
      rm(command, references, flags.force ?? false),
    )
}

async function rm(command: Command, references: readonly string[], force: boolean): Promise<void> {
  const settings = rootSettings(command)
  const store = new ContainerStore(settings.runDir)
  const json = wantsJson(command)
  const removed = await eachOf(references, { json }, async reference => {
    const state = store.find(reference)
    if (!force) requireEnded(state)
    await takeDown(settings, state.id)
    if (!json) print(`${reference}\n`)
    return state.id
  })
  if (json) printJson({ removed })
}
