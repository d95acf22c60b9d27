// plumbline network ls | inspect | create | rm
import type { Command } from 'commander'
import { validAttachments } from '../../runtime/container/liveness.js'
import { ContainerStore } from '../../runtime/container/state.js'
import { messageOf } from '../../runtime/error.js'
import type { NetworkList } from '../../runtime/libcni/network-list.js'
import { removeNetwork } from '../../runtime/network-remove.js'
import { findNetwork, listNetworks } from '../../runtime/networks.js'
import type { Settings } from '../../runtime/settings.js'
import { eachOf } from '../each.js'
import { commonOptions, rootSettings, settingsOf, wantsJson } from '../options.js'
import { formatFields, formatTable, print, printJson } from '../output.js'
import { defineCreate } from './network-create.js'

export function define(command: Command): void {
  command.usage('ls | inspect NAME | create NAME | rm NAME...').helpCommand(false)
  const sub = (name: string, description: string) =>
    commonOptions(command.command(name).description(description).helpOption('-h, --help', 'explain this'))
  sub('ls', 'List networks, the built-in one included.').action((_, self: Command) => ls(self))
  sub('inspect', "Show a network's configuration and who is attached to it.")
    .argument('<network>', 'name of a network')
    .action((name: string, _, self: Command) => inspect(self, name))
  defineCreate(command)
  sub(
    'rm',
    'Remove what networks left on this machine: bridge, packet filter objects, leases. Their configuration stays.',
  )
    .argument('<network...>', 'names of networks nobody is attached to')
    .action((names: string[], _, self: Command) => rm(self, names))
}

function ls(command: Command): void {
  const settings = settingsOf(command)
  const { networks, problems } = listNetworks(settings)
  if (wantsJson(command)) {
    printJson({ networks: networks.map(summary), problems: problems.map(messageOf) })
    return
  }
  const row = (network: NetworkList) => {
    const { name, cniVersion, plugins, source } = summary(network)
    return [name, cniVersion, plugins.join(','), source]
  }
  print(formatTable(['NAME', 'VERSION', 'PLUGINS', 'SOURCE'], networks.map(row)))
  for (const problem of problems) process.stderr.write(`plumbline: ${problem.message}\n`)
}

function summary({ name, cniVersion, plugins, source }: NetworkList) {
  return { name, cniVersion, plugins: plugins.map(({ type }) => type), source }
}

function inspect(command: Command, name: string): void {
  const settings = settingsOf(command)
  const network = findNetwork(settings, name)
  // Who is attached is only for root to know.
  const attached = process.geteuid?.() === 0 ? attachedTo(settings, name) : undefined
  if (wantsJson(command)) {
    printJson({ ...summary(network), config: network.raw, ...(attached && { attachments: attached }) })
    return
  }
  print(
    formatFields([
      ['name', network.name],
      ['version', network.cniVersion],
      ['source', network.source],
      [
        'attached',
        attached
          ? attached.map(one => `${one.container} ${one.ifname}`).join('\n') || 'nobody'
          : '(only root may know)',
      ],
      ['configuration', JSON.stringify(network.raw, null, 2)],
    ]),
  )
}

function attachedTo(settings: Settings, name: string) {
  return new ContainerStore(settings.runDir).list().flatMap(state =>
    validAttachments(state)
      .filter(({ network }) => network === name)
      .map(({ ifname }) => ({ container: state.id, ifname })),
  )
}

async function rm(command: Command, names: readonly string[]): Promise<void> {
  const settings = rootSettings(command)
  const json = wantsJson(command)
  const done = await eachOf(names, { json }, async name => {
    const removed = await removeNetwork(settings, name)
    if (!json)
      print(removed.map(thing => `${name}: removed ${thing}\n`).join('') || `${name}: nothing to remove\n`)
    return { name, removed }
  })
  if (json) printJson(done)
}
