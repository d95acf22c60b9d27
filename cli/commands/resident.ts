// plumbline resident status | stop
import type { Command } from 'commander'
import { RuntimeError } from '../../runtime/error.js'
import { readIfThere } from '../../runtime/files.js'
import { commonOptions, rootSettings, wantsJson } from '../options.js'
import { formatFields, print, printJson } from '../output.js'
import { residentPid, residentSocket, stopResident } from '../resident-process.js'

const help = `
The resident answers plugin calls without starting a process for each. There is one for each network namespace and run directory;
it is started by the first call, leaves when it is idle, and can be stopped at any time: containers do not notice.
`

export function define(command: Command): void {
  command.usage('status | stop').helpCommand(false).addHelpText('after', help)
  const sub = (name: string, description: string) =>
    commonOptions(command.command(name).description(description).helpOption('-h, --help', 'explain this'))
  sub('status', 'Say whether a resident runs, and how much memory it takes.').action((_, self: Command) =>
    status(self),
  )
  sub('stop', 'Let the resident finish what it is doing, and stop it.').action((_, self: Command) =>
    stop(self),
  )
}

function status(command: Command): void {
  const settings = rootSettings(command)
  const pid = residentPid(settings)
  const socket = residentSocket(settings)
  const memory = pid === undefined ? undefined : memoryKiB(pid)
  if (wantsJson(command)) {
    printJson({ running: pid !== undefined, ...(pid !== undefined && { pid, memoryKiB: memory }), socket })
    return
  }
  print(
    formatFields([
      ['resident', pid === undefined ? 'not running' : `running, pid ${pid}`],
      ...(memory === undefined ? [] : [['memory', `${Math.round(memory / 1024)} MiB`] as const]),
      ['socket', socket],
    ]),
  )
}

async function stop(command: Command): Promise<void> {
  const pid = await stopResident(rootSettings(command))
  if (wantsJson(command)) printJson({ stopped: pid !== undefined, ...(pid !== undefined && { pid }) })
  else print(pid === undefined ? 'no resident runs\n' : `stopped the resident (pid ${pid})\n`)
}

function memoryKiB(pid: number): number {
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readIfThere(`/proc/${pid}/status`) ?? '')
  if (!rss) throw new RuntimeError('the resident has just ended')
  return Number(rss[1])
}
