// plumbline status: could networks take a container now?
import type { Command } from 'commander'
import { hintOf, messageOf } from '../../runtime/error.js'
import { findNetwork, listNetworks } from '../../runtime/networks.js'
import { networkTrouble } from '../../runtime/verify.js'
import { rootSettings, wantsJson } from '../options.js'
import { formatTable, print, printJson } from '../output.js'

interface Readiness {
  readonly name: string
  readonly ready: boolean
  readonly reason?: string
  readonly hint?: string
}

export function define(command: Command): void {
  command
    .argument('[network...]', 'names of networks (default: all)')
    .addHelpText('after', '\nExit status 1 when one of them could not, or a configuration cannot be read.\n')
    .action((names: string[]) => status(command, names))
}

async function status(command: Command, names: readonly string[]): Promise<void> {
  const settings = rootSettings(command)
  const all = listNetworks(settings)
  const networks = names.length === 0 ? all.networks : names.map(name => findNetwork(settings, name))
  const rows: Readiness[] = []
  for (const network of networks) rows.push(readiness(network.name, await networkTrouble(settings, network)))
  if (names.length === 0) rows.push(...all.problems.map(problem => readiness('(unusable)', problem)))
  if (wantsJson(command)) printJson(rows)
  else print(formatTable(['NETWORK', 'READY', 'REASON'], rows.map(row)))
  if (rows.some(({ ready }) => !ready)) process.exitCode = 1
}

function readiness(name: string, trouble: unknown): Readiness {
  const hint = hintOf(trouble)
  if (trouble === undefined) return { name, ready: true }
  return { name, ready: false, reason: messageOf(trouble), ...(hint !== undefined && { hint }) }
}

function row({ name, ready, reason = '', hint }: Readiness): string[] {
  return [name, ready ? 'yes' : 'no', hint === undefined ? reason : `${reason} (${hint})`]
}
