// The runtime's end of plumbline-init: starting it, the conversation on its control socket, its exit. native/init/init.h
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import { distDir } from '../dist.js'
import { RuntimeError } from '../error.js'

export type StdioEnd = number | 'inherit' | 'ignore' | 'pipe'

export interface InitOptions {
  readonly args: readonly string[]
  readonly command: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Standard input, output and error. */
  readonly stdio: readonly [StdioEnd, StdioEnd, StdioEnd]
  /** Lives on without us. */
  readonly detached: boolean
}

export class Init {
  /** PID 1 of the container as the host sees it; rejects when it could not be set up. */
  readonly ready: Promise<number>
  /** Exit status of the process that we started: that of the command, unless it is detached. */
  readonly exited: Promise<number>
  /** When it is a pipe. */
  readonly stdout: Readable | null
  readonly #child: ChildProcess
  readonly #control: Socket
  /** All it had to say; resolves when the command runs, or failed to. */
  readonly #closed: Promise<string[]>

  constructor(mode: 'run' | 'enter', options: InitOptions) {
    const [stdin, stdout, stderr] = options.stdio
    const args = [mode, ...options.args, '--control', '3', ...(options.detached ? ['--detach'] : [])]
    this.#child = spawn(join(distDir(), 'bin', 'plumbline-init'), [...args, '--', ...options.command], {
      cwd: options.cwd,
      env: options.env,
      stdio: [stdin, stdout, stderr, 'pipe'],
    })
    // Node throws away what nobody reads by the time the process ends; this keeps it for whoever comes later.
    this.stdout = this.#child.stdout?.pipe(new PassThrough()) ?? null
    this.#control = this.#child.stdio[3] as unknown as Socket
    this.exited = new Promise((resolve, reject) => {
      this.#child.once('error', error =>
        reject(
          new RuntimeError(`cannot start plumbline-init: ${error.message}`, 'build it with: npm run build'),
        ),
      )
      this.#child.once('exit', (code, signal) => resolve(code ?? 128 + signalNumber(signal)))
    })
    this.exited.catch(() => {})
    const lines = new Lines(this.#control)
    this.ready = this.#isReady(lines)
    this.ready.catch(() => {})
    this.#closed = lines.closed
  }

  /** Lets the command run. Resolves when it does; rejects with ExecError when it cannot be executed. */
  async start(): Promise<void> {
    this.#control.write('!')
    await this.started()
  }

  /** Resolves when the command runs; all there is to wait for with `enter`. Rejects with ExecError. */
  async started(): Promise<void> {
    const error = (await this.#closed).map(parseError).find(found => found !== undefined)
    if (error) throw error
  }

  /** Gives up: the command is not started, and what was set up goes. */
  abandon(): void {
    this.#control.destroy()
  }

  /** Passed on to the command. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Lets our process end while a detached container goes on. */
  release(): void {
    this.#control.destroy()
    this.#child.unref()
  }

  async #isReady(lines: Lines): Promise<number> {
    await Promise.race([lines.until('ready'), this.exited.then(() => lines.closed)])
    const error = lines.all.map(parseError).find(found => found !== undefined)
    if (error) throw error
    const pid = lines.all.map(line => /^pid (\d+)$/.exec(line)?.[1]).find(found => found !== undefined)
    if (pid === undefined || !lines.all.includes('ready'))
      throw new RuntimeError(
        `plumbline-init ended with status ${await this.exited} before the container was ready`,
      )
    return Number(pid)
  }
}

/** The command could not be executed, or its container not be set up. `status` is the exit status shells give this. */
export class ExecError extends RuntimeError {
  readonly status: number

  constructor(status: number, message: string) {
    super(message, status === 125 ? undefined : 'check the command and, with --rootfs, that it is in there')
    this.name = 'ExecError'
    this.status = status
  }
}

function parseError(line: string): ExecError | undefined {
  const match = /^error (\d+) (.*)$/.exec(line)
  if (!match) return undefined
  const status = Number(match[1])
  const what = status === 125 ? 'cannot set up the container' : 'cannot execute'
  return new ExecError(status, `${what}: ${match[2]}`)
}

/** Lines of a stream, as they come. */
class Lines {
  readonly all: string[] = []
  readonly closed: Promise<string[]>
  #rest = ''
  #waiting: (() => void)[] = []

  constructor(socket: Socket) {
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      const lines = (this.#rest + chunk).split('\n')
      this.#rest = lines.pop()!
      this.all.push(...lines)
      for (const wake of this.#waiting) wake()
    })
    socket.on('error', () => {}) // reset by a process that was killed: the end, too
    this.closed = new Promise(resolve =>
      socket.once('close', () => {
        resolve(this.all)
        for (const wake of this.#waiting) wake()
      }),
    )
  }

  /** Resolves when the line has come, or an error, or the end. */
  async until(line: string): Promise<void> {
    while (!this.all.includes(line) && !this.all.some(parseError)) {
      const more = new Promise<void>(resolve => this.#waiting.push(resolve))
      if ((await Promise.race([more.then(() => 'more'), this.closed.then(() => 'end')])) === 'end') return
    }
  }
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return constants.signals[signal ?? 'SIGKILL']
}
