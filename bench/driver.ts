// The native driver as an object: one process inside the host's namespace, one command at a time.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

export interface Batch {
  /** One value an attachment: all plugins of the chain. */
  readonly latencyNs: readonly number[]
  /** By plugin, in the order of the chain: what was its part of it. */
  readonly pluginNs: readonly (readonly number[])[]
  readonly wallNs: number
  /** CPU of the executables and of all they waited for. */
  readonly userUs: number
  readonly systemUs: number
  /** CPU of the driver itself. */
  readonly driverUs: number
  readonly failed: number
  readonly errors: readonly {
    readonly program: string
    readonly exitCode: number
    readonly output: string
  }[]
}

export interface DriverOptions {
  readonly driver: string
  readonly hostNetns: string
  /** The chain: executables, each with the file its configuration is in. */
  readonly plugins: readonly { readonly path: string; readonly confFile: string }[]
  readonly netnsPrefix: string
  readonly env: Readonly<Record<string, string>>
}

export class Driver {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #answers: AsyncIterator<string>

  constructor(options: DriverOptions) {
    const { driver, hostNetns, plugins, netnsPrefix, env } = options
    const chain = plugins.flatMap(plugin => [plugin.path, plugin.confFile])
    const command = [`--net=${hostNetns}`, '--', driver, netnsPrefix, 'eth0', ...chain]
    // Detached: Ctrl-C is ours to obey.
    this.#child = spawn('nsenter', command, { env, stdio: ['pipe', 'pipe', 'inherit'], detached: true })
    this.#child.stdin.on('error', () => undefined) // EPIPE: #ask finds that it has ended
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** One call for each attachment from `from` to `to - 1`, `workers` at a time. Throws when any of them fails. */
  async run(verb: 'ADD' | 'DEL' | 'CHECK', from: number, to: number, workers = 1): Promise<Batch> {
    const batch = (await this.#ask(`${verb} ${from} ${to} ${workers}`)) as Batch
    if (batch.failed > 0)
      throw new Error(`${batch.failed} of ${to - from} ${verb} failed: ${JSON.stringify(batch.errors)}`)
    return batch
  }

  /** Calls of a program that does nothing. */
  async noop(program: string, count: number, workers = 1): Promise<Batch> {
    return (await this.#ask(`noop ${program} ${count} ${workers}`)) as Batch
  }

  async makeNetns(from: number, to: number): Promise<void> {
    await this.#netns('netns', from, to)
  }

  async removeNetns(from: number, to: number): Promise<void> {
    await this.#netns('unnetns', from, to)
  }

  close(): void {
    this.#child.stdin.end()
  }

  /** At once, whatever it is doing. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async #netns(command: string, from: number, to: number): Promise<void> {
    const { errno } = (await this.#ask(`${command} ${from} ${to}`)) as { errno: number }
    if (errno !== 0) throw new Error(`${command} ${from} ${to}: errno ${errno}`)
  }

  async #ask(command: string): Promise<unknown> {
    this.#child.stdin.write(`${command}\n`)
    const { value, done } = await this.#answers.next()
    if (done) throw new Error(`the driver ended at: ${command}`)
    return JSON.parse(value)
  }
}
