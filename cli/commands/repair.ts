// plumbline repair: what is missing in the packet filter is put back.
import type { Command } from 'commander'
import { isSound, repair } from '../../plugins/repair.js'
import { withHost } from '../../runtime/plugin-host.js'
import { rootSettings, wantsJson } from '../options.js'
import { print, printJson } from '../output.js'

const help = `
The resident does this by itself within a second after somebody has flushed the ruleset; this is for when none runs.
Exit status 1 when something could not be put back.
`

export function define(command: Command): void {
  command.addHelpText('after', help).action(() => run(command))
}

async function run(command: Command): Promise<void> {
  const { runDir, log } = rootSettings(command)
  const report = await withHost(host => repair(host, runDir, log))
  if (wantsJson(command)) printJson(report)
  else if (isSound(report)) print(`nothing is missing (attachments looked at: ${report.attachments})\n`)
  else {
    for (const set of report.fixtures) print(`set ${set}: made again\n`)
    if (report.elements > 0) print(`elements put back: ${report.elements}\n`)
    for (const passage of report.passages) print(`way through ${passage}: opened again\n`)
    for (const failure of report.failures) process.stderr.write(`plumbline: ${failure}\n`)
  }
  if (report.failures.length > 0) process.exitCode = 1
}
