// plumbline ps: containers and attached namespaces, with their addresses.
import type { Command } from 'commander'
import { ContainerStore } from '../../runtime/container/state.js'
import type { Rates } from '../../runtime/limit.js'
import { formatRate } from '../../runtime/rate.js'
import { rootSettings, wantsJson } from '../options.js'
import { age, formatTable, print, printJson, shorten } from '../output.js'
import { type ContainerView, statusText, viewContainer } from '../view.js'

const help = `
Status:
  running    its command runs
  exited     its command ended in the background; remove it with: plumbline rm
  attached   a namespace that was attached with: plumbline attach
  dead       its plumbline was killed, or its namespace is gone; put it away with: plumbline gc
`

export function define(command: Command): void {
  command
    .option('-q, --quiet', 'print ids only')
    .addHelpText('after', help)
    .action((flags: { quiet?: boolean }) => ps(command, flags.quiet ?? false))
}

function ps(command: Command, quiet: boolean): void {
  const settings = rootSettings(command)
  const views = new ContainerStore(settings.runDir).list().map(state => viewContainer(settings, state))
  if (wantsJson(command)) printJson(views)
  else if (quiet) print(views.map(({ id }) => `${id}\n`).join(''))
  else
    print(
      formatTable(
        ['ID', 'NAME', 'STATUS', 'AGE', 'NETWORKS', 'ADDRESSES', 'LIMITS', 'COMMAND'],
        views.map(row),
      ),
    )
}

function row(view: ContainerView): string[] {
  const { id, name = '', createdAt, attachments, command, netns, kind } = view
  return [
    id,
    name,
    statusText(view),
    age(createdAt),
    attachments.map(({ network }) => network).join(','),
    attachments.flatMap(({ addresses }) => addresses.map(address => address.split('/')[0]!)).join(','),
    attachments.flatMap(({ rates }) => (rates ? [limitsText(rates)] : [])).join(','),
    kind === 'namespace' ? `(${netns})` : shorten(command.join(' '), 40),
  ]
}

/** `in 20 Mbit/s out 5 Mbit/s` */
function limitsText({ ingress, egress }: Rates): string {
  const parts = [
    ...(ingress === undefined ? [] : [`in ${formatRate(ingress)}`]),
    ...(egress === undefined ? [] : [`out ${formatRate(egress)}`]),
  ]
  return parts.join(' ')
}
