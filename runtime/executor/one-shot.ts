// One call in a process of its own: what the launcher execs where no resident answers.
import { readFileSync, writeSync } from 'node:fs'
import type { RawCall } from '../../cni/call.js'
import { handle } from '../../cni/door.js'
import { Namespace } from '../../kernel/namespace.js'
import { oneShotReaper } from '../../kernel/teardown.js'
import { plugins } from '../../plugins/registry.js'

const kernel = Namespace.host()
const call: RawCall = {
  plugin: process.env.PLUMBLINE_PLUGIN ?? '',
  env: process.env,
  stdin: () => readFileSync(0),
  stderr: line => writeAll(2, `${line}\n`),
}

handle(call, { kernel, reaper: oneShotReaper(kernel), plugins }).then(reply => {
  if (reply.stderr) writeAll(2, reply.stderr)
  writeAll(1, reply.stdout)
  process.exit(reply.exitCode)
})

/** Pipes of a caller may be non-blocking: writes what they take until all is written. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}
