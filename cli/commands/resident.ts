// plumbline resident status | stop
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { isAlive, processIdentity, waitUntil } from '../../runtime/container/process.js'
import { RuntimeError } from '../../runtime/error.js'
import { readIfThere } from '../../runtime/files.js'
import type { Settings } from '../../runtime/settings.js'
import { commonOptions, rootSettings, wantsJson } from '../options.js'
import { formatFields, print, printJson } from '../output.js'

const help = `
The resident answers plugin calls without starting a process for each. There is one for each network namespace and run directory;
it is started by the first call, leaves when it is idle, and can be stopped at any time: containers do not notice.
`

export function define(command: Command): void {
  command.usage('status | stop').addHelpText('after', help)
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
  const report = { running: pid !== undefined, ...(pid !== undefined && { pid, memoryKiB: memoryKiB(pid) }) }
  if (wantsJson(command)) printJson({ ...report, socket: `${basePath(settings)}.sock` })
  else
    print(
      formatFields([
        ['resident', pid === undefined ? 'not running' : `running, pid ${pid}`],
        ...(pid === undefined ? [] : [['memory', `${Math.round(memoryKiB(pid) / 1024)} MiB`] as const]),
        ['socket', `${basePath(settings)}.sock`],
      ]),
    )
}

async function stop(command: Command): Promise<void> {
  const settings = rootSettings(command)
  const pid = residentPid(settings)
  const identity = pid === undefined ? undefined : processIdentity(pid)
  if (identity !== undefined) {
    process.kill(identity.pid, 'SIGTERM')
    await waitUntil(() => !isAlive(identity), `the resident (pid ${identity.pid}) to end`, 60_000)
  }
  if (wantsJson(command)) printJson({ stopped: identity !== undefined })
  else print(identity === undefined ? 'no resident runs\n' : `stopped the resident (pid ${identity.pid})\n`)
}

/** Of the resident of our network namespace, undefined when none runs. */
function residentPid(settings: Settings): number | undefined {
  const pid = Number(readIfThere(`${basePath(settings)}.pid`) ?? 0)
  if (!Number.isSafeInteger(pid) || pid <= 0 || processIdentity(pid) === undefined) return undefined
  // The file may be that of a resident that was killed, and the pid another process's by now.
  const command = readIfThere(`/proc/${pid}/cmdline`) ?? ''
  return /plumbline-resident|resident\.cjs/.test(command) ? pid : undefined
}

function basePath({ runDir }: Settings): string {
  return join(runDir, `resident-${statSync('/proc/self/ns/net').ino}`)
}

function memoryKiB(pid: number): number {
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readIfThere(`/proc/${pid}/status`) ?? '')
  if (!rss) throw new RuntimeError('the resident has just ended')
  return Number(rss[1])
}
