// plumbline check: are attachments as they should be?
import type { Command } from 'commander'
import { isDead } from '../../runtime/container/liveness.js'
import { ContainerStore } from '../../runtime/container/state.js'
import { hintOf, messageOf } from '../../runtime/error.js'
import { type CheckOutcome, checkContainer } from '../../runtime/verify.js'
import { rootSettings, wantsJson } from '../options.js'
import { formatTable, print, printJson } from '../output.js'

export function define(command: Command): void {
  command
    .argument('[container...]', 'ids, beginnings of ids, or names (default: all that are alive)')
    .addHelpText('after', '\nExit status 1 when something is not as it should be.\n')
    .action((references: string[]) => check(command, references))
}

async function check(command: Command, references: readonly string[]): Promise<void> {
  const settings = rootSettings(command)
  const store = new ContainerStore(settings.runDir)
  const alive = () => store.list().filter(state => state.phase !== 'released' && !isDead(state))
  const states = references.length === 0 ? alive() : references.map(reference => store.find(reference))
  const outcomes: CheckOutcome[] = []
  for (const state of states) outcomes.push(...(await checkContainer(settings, state)))
  if (wantsJson(command)) printJson(outcomes.map(toJson))
  else print(formatTable(['CONTAINER', 'NETWORK', 'INTERFACE', 'CHECK'], outcomes.map(row)))
  if (outcomes.some(({ error }) => error !== undefined)) process.exitCode = 1
}

function row({ container, network, ifname, error }: CheckOutcome): string[] {
  return [container, network, ifname, error === undefined ? 'ok' : messageOf(error)]
}

function toJson({ container, network, ifname, error }: CheckOutcome) {
  const hint = hintOf(error)
  return {
    ...{ container, network, ifname, ok: error === undefined },
    ...(error !== undefined && { error: messageOf(error) }),
    ...(hint !== undefined && { hint }),
  }
}
