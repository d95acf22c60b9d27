// Execution of a foreign plugin: environment and stdin in, JSON on stdout out. CNI SPEC 1.1.0, sections 2 and 5.
// node:child_process takes milliseconds to load, so it is loaded when the first foreign plugin is met.
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { basename } from 'node:path'
import { CniCode, CniError } from './error.js'
import type { Logger } from './log.js'

export interface Execution {
  /** The executable. */
  readonly path: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: string
  /** Gets the plugin's stderr, line by line as it comes. */
  readonly log: Logger
  /** After which it is killed with all its children. Default: two minutes, as long as kubelet waits. */
  readonly deadlineMs?: number
}

/** How a process ended. */
interface Outcome {
  readonly stdout: string
  readonly lastLine: string
  readonly exitCode: number | null
  readonly signal: string | null
  readonly stopped: string | undefined
}

const defaultDeadlineMs = 120_000
/** A plugin that prints more than the launcher would read is out of order. */
const maxStdout = 4 * 1024 * 1024
const maxLine = 64 * 1024
/** Waits between attempts while the file is still being written (ETXTBSY): 3 s in all. */
const busyDelaysMs = [50, 100, 200, 400, 800, 1600]

/**
 * Runs a plugin to its end; resolves to its stdout. Rejects with the CniError it printed, or with CniError 104 when it
 * could not be started, was killed, took too long, or failed without saying why in JSON.
 */
export async function execPlugin(execution: Execution): Promise<string> {
  const outcome = await collect(await start(execution), execution)
  const name = JSON.stringify(basename(execution.path))
  if (outcome.stopped !== undefined) throw failed(`plugin ${name} ${outcome.stopped}`, outcome)
  if (outcome.signal !== null) throw failed(`plugin ${name} was killed by ${outcome.signal}`, outcome)
  if (outcome.exitCode === 0) return outcome.stdout
  throw (
    printedError(outcome.stdout) ??
    failed(`plugin ${name} exited with ${outcome.exitCode} and printed no CNI error`, outcome)
  )
}

async function start({ path, env, log }: Execution): Promise<ChildProcessWithoutNullStreams> {
  const { spawn } = await import('node:child_process')
  for (let attempt = 0; ; attempt++) {
    try {
      // Detached: a group of its own, so that the deadline reaches its children too.
      return await new Promise((resolve, reject) => {
        const child = spawn(path, [], { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
        child.once('spawn', () => resolve(child))
        child.once('error', reject)
      })
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      const delay = busyDelaysMs[attempt]
      if (code !== 'ETXTBSY' || delay === undefined)
        throw new CniError(CniCode.delegateFailed, `cannot execute ${path}: ${code ?? message}`)
      log.info('plugin is being written, trying again', { path, delayMs: delay })
      await new Promise(resolve => setTimeout(resolve, delay))
    }
  }
}

function collect(child: ChildProcessWithoutNullStreams, execution: Execution): Promise<Outcome> {
  const deadlineMs = execution.deadlineMs ?? defaultDeadlineMs
  const chunks: Buffer[] = []
  let size = 0
  let stopped: string | undefined
  const stop = (why: string) => {
    // Its answer may be complete while a child of its own still holds the pipes.
    if (child.exitCode === null && child.signalCode === null) {
      stopped = why
      killGroup(child.pid)
    }
    child.stdout.destroy()
    child.stderr.destroy()
  }
  const timer = setTimeout(() => stop(`did not answer within ${deadlineMs / 1000} s`), deadlineMs)
  const lines = new LineSplitter(line => execution.log.print(line))
  child.stderr.setEncoding('utf8').on('data', (text: string) => lines.push(text))
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > maxStdout) stop(`printed more than ${maxStdout} bytes`)
    else chunks.push(chunk)
  })
  // EPIPE: it did not want to read its input, which is its own business.
  child.stdin.on('error', () => {})
  child.stdin.end(execution.stdin)
  return new Promise(resolve =>
    child.once('close', (exitCode, signal) => {
      clearTimeout(timer)
      lines.end()
      resolve({ stdout: Buffer.concat(chunks).toString(), lastLine: lines.last, exitCode, signal, stopped })
    }),
  )
}

function killGroup(pid: number | undefined): void {
  try {
    process.kill(-pid!, 'SIGKILL')
  } catch {
    // It ended in this very moment.
  }
}

class LineSplitter {
  /** The last line that was not blank. */
  last = ''
  #rest = ''
  readonly #print: (line: string) => void

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  push(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) this.#emit(line)
    if (this.#rest.length > maxLine) this.end()
  }

  end(): void {
    if (this.#rest !== '') this.#emit(this.#rest)
    this.#rest = ''
  }

  #emit(line: string): void {
    if (line.trim() !== '') this.last = line.trim()
    this.#print(line)
  }
}

/** The CNI error on a failed plugin's stdout, undefined when there is none. */
function printedError(stdout: string): CniError | undefined {
  try {
    const { code, msg, details } = JSON.parse(stdout) as { code?: unknown; msg?: unknown; details?: unknown }
    if (!Number.isSafeInteger(code) || typeof msg !== 'string') return undefined
    return new CniError(
      code as number,
      msg,
      typeof details === 'string' && details !== '' ? details : undefined,
    )
  } catch {
    return undefined
  }
}

function failed(msg: string, { lastLine }: Outcome): CniError {
  const details = lastLine === '' ? undefined : `its last words: ${lastLine.slice(0, 200)}`
  return new CniError(CniCode.delegateFailed, msg, details)
}
