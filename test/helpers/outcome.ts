// How an execution of a CNI plugin ended, and how to start one.
import { spawn, spawnSync } from 'node:child_process'

export interface CniErrorObject {
  readonly code: number
  readonly msg: string
  readonly details?: string
  readonly cniVersion?: string
}

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** stdout, when it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: results are looked into freely by tests
  readonly json: any
  /** stdout as an error object, when the exit code is not 0 and it has a numeric `code`. */
  readonly error: CniErrorObject | undefined
}

export interface Execution {
  readonly file: string
  readonly netns: string
  readonly env: Readonly<Record<string, string>>
  readonly stdin: string | Uint8Array
}

/** Plugins answer within this, in whatever state the machine is. */
const limitMs = 60_000

/** Runs the executable inside the namespace and waits for it. */
export function execute(execution: Execution): Outcome {
  const { status, signal, stdout, stderr, error } = spawnSync('nsenter', commandLine(execution), {
    env: execution.env,
    input: execution.stdin,
    timeout: limitMs,
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 26,
  })
  // EPIPE: it answered without reading all of its input, as it may.
  if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  return outcome(status, signal, stdout.toString(), stderr.toString())
}

export interface Running {
  /** Of the executable itself: nsenter execs it. */
  readonly pid: number
  readonly done: Promise<Outcome>
}

/** Starts the executable inside the namespace. */
export function start(execution: Execution): Running {
  const child = spawn('nsenter', commandLine(execution), {
    env: execution.env,
    timeout: limitMs,
    killSignal: 'SIGKILL',
  })
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  child.stdout.on('data', chunk => chunks.stdout.push(chunk))
  child.stderr.on('data', chunk => chunks.stderr.push(chunk))
  child.stdin.on('error', () => {}) // EPIPE, as above
  child.stdin.end(execution.stdin)
  const done = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) =>
      resolve(
        outcome(
          code,
          signal,
          Buffer.concat(chunks.stdout).toString(),
          Buffer.concat(chunks.stderr).toString(),
        ),
      ),
    )
  })
  return { pid: child.pid!, done }
}

function commandLine({ netns, file }: Execution): string[] {
  return [`--net=${netns}`, '--', file]
}

function outcome(
  code: number | null,
  signal: NodeJS.Signals | null,
  stdout: string,
  stderr: string,
): Outcome {
  const json = parse(stdout)
  const error = code !== 0 && typeof json?.code === 'number' ? (json as CniErrorObject) : undefined
  return { code, signal, stdout, stderr, json, error }
}

// biome-ignore lint/suspicious/noExplicitAny: see Outcome.json
function parse(text: string): any {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
