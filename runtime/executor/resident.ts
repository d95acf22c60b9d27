// The resident: a warm process that serves the launchers of one network namespace and one run directory.
// It holds no state that matters: records, leases and the kernel are the truth, so it may be killed at any time.
import './v8-flags.js'
import { readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLogger } from '../../cni/log.js'
import { Namespace } from '../../kernel/namespace.js'
import { residentReaper } from '../../kernel/teardown.js'
import { UnixServer } from '../../kernel/unix-server.js'
import { plugins } from '../../plugins/registry.js'
import { logFile } from './log-file.js'
import { WorkQueue } from './queue.js'
import { serve } from './serve.js'
import { startWatch } from './watch.js'

const socketPath = process.env.PLUMBLINE_RESIDENT_SOCKET
if (!socketPath)
  throw new Error('PLUMBLINE_RESIDENT_SOCKET is not set: the resident is started by the launcher')
const idleMs = Number(process.env.PLUMBLINE_RESIDENT_IDLE ?? 600) * 1000
const pidPath = socketPath.replace(/sock$/, 'pid')
const buildId = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '..', 'build-id'), 'latin1')

process.umask(0o077)
process.title = 'plumbline-resident'
const kernel = Namespace.host()
const host = { kernel, reaper: residentReaper(kernel), plugins }
const queue = new WorkQueue({ width: 64, depth: 1024, patienceMs: 50_000 })
let lastCall = Date.now()
let draining = false

removeIfThere(socketPath) // the launcher's lock says that whoever bound it is gone
const server = new UnixServer(socketPath, 512, connection => {
  lastCall = Date.now()
  void serve(connection, { buildId, host, queue, isDraining: () => draining, drain })
})
const ours = statSync(socketPath).ino
writeFileSync(pidPath, `${process.pid}\n`)

const { PLUMBLINE_LOG } = process.env
const log = createLogger({ PLUMBLINE_LOG }, logFile(socketPath.replace(/sock$/, 'log')))
const watch = startWatch(host, dirname(socketPath), log)

// Leaves when idle for long and nobody's rules need to be watched, or when the run directory was taken away underneath.
setInterval(
  () => {
    const isIdle = queue.size === 0 && Date.now() - lastCall > idleMs
    if (!stillOurs() || (isIdle && watch?.isNeeded !== true)) drain()
  },
  Math.min(5_000, idleMs / 2 || 1),
)
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, drain)

/** Takes no more calls, ends those it took, and exits; the lock goes with the process. */
function drain(): void {
  if (draining) return
  draining = true
  if (stillOurs()) {
    removeIfThere(socketPath!)
    removeIfThere(pidPath)
  }
  void leave()
}

async function leave(): Promise<void> {
  await queue.idle()
  await host.reaper.idle() // the kernel tidies up in calls that our threads still wait for
  watch?.[Symbol.dispose]()
  server[Symbol.dispose]()
  process.exit(0)
}

function stillOurs(): boolean {
  try {
    return statSync(socketPath!).ino === ours
  } catch {
    return false
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // it was not there, or the directory is gone with it
  }
}
