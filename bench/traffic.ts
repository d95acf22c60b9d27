// Traffic through a candidate's networks (traffic/): every process belongs to the candidate and ends with it.
import { spawn } from 'node:child_process'
import type { Candidate } from './candidate.js'

/** A namespace of a candidate, as Candidate.netns takes it. */
export type Where = string | number

export class Traffic {
  readonly #candidate: Candidate
  readonly #program: string

  /** `program`: path of dist/bench/traffic. */
  constructor(candidate: Candidate, program: string) {
    this.#candidate = candidate
    this.#program = program
  }

  /** A TCP server that closes every connection. It runs until `stop` is called, or the candidate closed. */
  async listen(where: Where, port: number): Promise<{ stop: () => void }> {
    const server = this.#start(where, ['listen', port])
    await server.ready
    return server
  }

  /** Nanoseconds of `count` fresh connections, spread over `ports` host ports; `start` is the number of the first. */
  async connect(
    where: Where,
    to: { readonly address: string; readonly port: number; readonly ports: number },
    { start = 0, count }: { readonly start?: number; readonly count: number },
  ): Promise<number[]> {
    const args = ['connect', to.address, to.port, to.ports, start, count]
    return JSON.parse(await this.#start(where, args).output) as number[]
  }

  /** Sends UDP at `bits` a second on the wire, and counts what arrives from the first datagram on. */
  async pass(how: {
    readonly from: Where
    readonly to: Where
    readonly address: string
    readonly bits: number
    /** How long it is counted, a multiple of 100. */
    readonly ms: number
    /** Datagrams of 1472 bytes that are handed to the kernel at once. */
    readonly segments?: number
  }): Promise<Passed> {
    const { from, to, address, bits, ms, segments = 1 } = how
    const sink = this.#start(to, ['sink', discard, ms])
    await sink.ready
    const flood = this.#start(from, ['flood', address, discard, bits, ms + 2000, segments])
    const failure = flood.output.then(() => sink.output) // rejects when it cannot send
    const passed = await Promise.race([sink.output, failure]).finally(flood.stop)
    return JSON.parse(passed) as Passed
  }

  #start(where: Where, args: readonly (string | number)[]): Running {
    const words = args.map(String)
    const child = spawn('nsenter', [`--net=${this.#candidate.netns(where)}`, '--', this.#program, ...words], {
      env: this.#candidate.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    let [printed, complaints] = ['', '']
    child.stderr.on('data', chunk => {
      complaints += chunk
    })
    const output = new Promise<string>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => {
        if (code === 0) resolve(printed.replace(readyLine, ''))
        else reject(new Error(`${words.join(' ')}: ${complaints.trim() || signal || `exit status ${code}`}`))
      })
    })
    const ready = new Promise<void>((resolve, reject) => {
      child.stdout.on('data', chunk => {
        printed += chunk
        if (printed.startsWith(readyLine)) resolve()
      })
      output.catch(reject)
    })
    ready.catch(() => undefined) // who waits for the output alone hears it there
    return { ready, output, stop: () => void child.kill('SIGKILL') }
  }
}

interface Running {
  readonly ready: Promise<void>
  /** What it printed, at its end; rejects with what it says on stderr when it fails. */
  readonly output: Promise<string>
  readonly stop: () => void
}

export interface Passed {
  /** Bytes on the wire in every 100 ms: Ethernet frames without preamble and checksum, as a qdisc counts them. */
  readonly bins: readonly number[]
  /** Datagrams that came, but not as far as the one who counts. */
  readonly lost: number
}

const discard = 9
const readyLine = 'ready\n'
