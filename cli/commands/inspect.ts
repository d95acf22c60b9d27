// plumbline inspect: all that is known of a container.
import type { Command } from 'commander'
import { ContainerStore } from '../../runtime/container/state.js'
import { rootSettings, wantsJson } from '../options.js'
import { formatFields, print, printJson } from '../output.js'
import { type AttachmentView, type ContainerView, statusText, viewContainer } from '../view.js'

export function define(command: Command): void {
  command
    .argument('<container>', 'id, beginning of an id, or name')
    .addHelpText('after', '\nWith --json the CNI results are shown whole.\n')
    .action((reference: string) => inspect(command, reference))
}

function inspect(command: Command, reference: string): void {
  const settings = rootSettings(command)
  const view = viewContainer(settings, new ContainerStore(settings.runDir).find(reference))
  if (wantsJson(command)) printJson(view)
  else print(formatFields(fields(view)))
}

function fields(view: ContainerView): [string, string][] {
  const { id, name, kind, pid, createdAt, command, rootfs, netns, log, cgroups, attachments } = view
  const all: [string, string | undefined][] = [
    ['id', id],
    ['name', name],
    ['kind', kind],
    ['status', statusText(view)],
    ['created', createdAt],
    ['pid', pid?.toString()],
    ['command', command.join(' ')],
    ['root directory', rootfs],
    ['namespace', netns],
    ['log', log],
    ['control groups', cgroups.join('\n')],
    ...attachments.map((attachment): [string, string] => [attachment.ifname, describe(attachment)]),
  ]
  return all.filter((field): field is [string, string] => field[1] !== undefined && field[1] !== '')
}

function describe({ network, addresses, mac, attachMs }: AttachmentView): string {
  return [
    `network ${network}`,
    ...addresses.map(address => `address ${address}`),
    ...(mac === undefined ? [] : [`MAC ${mac}`]),
    ...(attachMs === undefined ? ['not attached'] : [`attached in ${attachMs} ms`]),
  ].join('\n')
}
