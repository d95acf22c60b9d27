// plumbline gc: what dead containers left behind goes.
import type { Command } from 'commander'
import { collectGarbage } from '../../runtime/gc.js'
import { rootSettings, wantsJson } from '../options.js'
import { formatTable, print, printJson, reportFailure } from '../output.js'

const help = `
Takes down dead containers, removes namespaces and control groups that belong to nobody, and has every network remove what it
holds for attachments that are gone. Attachments of other runtimes on our plugins stay as long as their namespace is there.
A container that ended in the background keeps its exit status and output until: plumbline rm.
`

export function define(command: Command): void {
  command.addHelpText('after', help).action(() => gc(command))
}

async function gc(command: Command): Promise<void> {
  const settings = rootSettings(command)
  const { containers, leftovers, networks, errors } = await collectGarbage(settings)
  if (wantsJson(command)) printJson({ containers, leftovers, networks })
  else {
    for (const id of containers) print(`took down ${id}\n`)
    for (const path of leftovers) print(`removed ${path}\n`)
    const rows = networks.map(({ name, valid, removed }) => [name, `${valid}`, `${removed.length}`])
    print(formatTable(['NETWORK', 'ATTACHMENTS', 'REMOVED'], rows))
  }
  for (const error of errors) process.exitCode = reportFailure(error, { json: wantsJson(command) })
}
