// plumbline detach: a network namespace off its networks.
import type { Command } from 'commander'
import { detachNamespace, netnsPath } from '../../runtime/namespaces.js'
import { collect, rootSettings, wantsJson } from '../options.js'
import { print, printJson } from '../output.js'

const help = `
Works also when the namespace is gone. One that was made by "plumbline attach --create" goes with its last attachment.

Examples:
  plumbline detach blue
  plumbline detach blue --network backend
`

export function define(command: Command): void {
  command
    .argument('<netns>', 'path or name of a network namespace')
    .option('-n, --network <name>', 'network to leave; may be repeated (default: all)', collect)
    .addHelpText('after', help)
    .action((reference: string, { network = [] }: { network?: string[] }) =>
      detach(command, reference, network),
    )
}

async function detach(command: Command, reference: string, networks: readonly string[]): Promise<void> {
  const settings = rootSettings(command)
  const detached = await detachNamespace(settings, netnsPath(reference), networks)
  const removed = detached.map(({ network, ifname }) => ({ network, ifname }))
  if (wantsJson(command)) printJson({ detached: removed })
  else print(removed.map(({ network, ifname }) => `${ifname} detached from ${network}\n`).join(''))
}
