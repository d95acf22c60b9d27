// One connection of a launcher: read the call, accept it, run it, answer.
import { closeSync, write } from 'node:fs'
import type { RawCall, Reply } from '../../cni/call.js'
import { handle } from '../../cni/door.js'
import { CniCode, CniError } from '../../cni/error.js'
import type { Host } from '../../cni/plugin.js'
import type { UnixConnection } from '../../kernel/unix-server.js'
import { Answer, encodeAnswer } from './frame.js'
import { BusyError, type WorkQueue } from './queue.js'
import { type Request, readRequest } from './read-request.js'

export interface Service {
  readonly buildId: string
  readonly host: Host
  readonly queue: WorkQueue
  isDraining(): boolean
  drain(): void
}

/** Takes one request, runs it, answers. Never rejects; closes the connection and every descriptor it brought. */
export async function serve(connection: UnixConnection, service: Service): Promise<void> {
  using _ = connection
  const request = await readRequest(connection)
  if (!request) return
  const [stderrFd, netnsFd] = request.fds
  try {
    const refusal = refuse(request, service)
    // Once 'A' is out, the call is ours for good: the launcher will not run it again.
    const sent = await connection.write(Uint8Array.of(refusal ?? Answer.accepted))
    if (refusal !== undefined || !sent) {
      if (netnsFd !== undefined) closeSync(netnsFd)
      return
    }
    const log = stderrFd === undefined ? undefined : new Stderr(stderrFd)
    const reply = await queued(
      service,
      rawCall(request, netnsFd, line => log?.print(line)),
    )
    if (reply.stderr) log?.print(reply.stderr.trimEnd())
    await log?.flushed()
    await connection.write(encodeAnswer(reply.exitCode, reply.stdout))
  } finally {
    for (const fd of request.fds) if (fd !== netnsFd) closeSync(fd)
  }
}

function refuse(request: Request, service: Service): number | undefined {
  if (service.isDraining()) return Answer.draining
  if (request.buildId === service.buildId) return undefined
  service.drain() // an upgrade: make room for the new build's resident
  return Answer.otherBuild
}

/** `handle` takes over `netnsFd`, and closes it. */
function rawCall(request: Request, netnsFd: number | undefined, stderr: (line: string) => void): RawCall {
  const { env, stdin } = request
  const errno = env.PLUMBLINE_NETNS_ERRNO
  return {
    plugin: env.PLUMBLINE_PLUGIN ?? '',
    env,
    stdin: () => stdin,
    ...(netnsFd !== undefined && { netnsFd }),
    ...(errno !== undefined && { netnsErrno: Number(errno) }),
    stderr,
  }
}

async function queued(service: Service, call: RawCall): Promise<Reply> {
  const key = `${call.env.CNI_CONTAINERID ?? ''}@${call.env.CNI_IFNAME ?? ''}`
  try {
    return await service.queue.run(key === '@' ? `${key}${++anonymous}` : key, () =>
      handle(call, service.host),
    )
  } catch (error) {
    if (call.netnsFd !== undefined) closeSync(call.netnsFd) // `handle` never saw it
    const busy = new CniError(
      error instanceof BusyError ? CniCode.tryAgain : CniCode.internal,
      `the resident could not take the call: ${(error as Error).message}`,
      'try again later',
    )
    return {
      exitCode: 1,
      stdout: JSON.stringify({ code: busy.code, msg: busy.message, details: busy.details }),
    }
  }
}

let anonymous = 0

/** A caller's stderr. Written off the main thread, since a caller that does not read its pipe must stall nobody else. */
class Stderr {
  readonly #fd: number
  #last: Promise<void> = Promise.resolve()

  constructor(fd: number) {
    this.#fd = fd
  }

  print(line: string): void {
    const before = this.#last
    this.#last = before.then(() => new Promise(resolve => write(this.#fd, `${line}\n`, () => resolve())))
  }

  flushed(): Promise<void> {
    return this.#last
  }
}
