// Many callers at once on one host, with kills at random moments and GC in between. What must never happen: an address or a
// port of the host that two live attachments have; anything left in the end.
import { type ChainConf, runChain } from './chain.js'
import { randomSource } from './chaos.js'
import { leftovers } from './difference.js'
import type { Container, FakeHost, World } from './host.js'
import type { Running } from './outcome.js'
import { signal, until } from './processes.js'
import type { Conf } from './subjects.js'

export interface HammerOptions {
  /** How many ADD/DEL pairs in all. */
  readonly pairs: number
  readonly workers: number
  readonly seed: number
  /** The share of pairs in which something is killed. */
  readonly kills: number
  /** GC, with everybody at rest, after so many pairs. */
  readonly gcEvery: number
  readonly report?: (text: string) => void
}

export interface HammerReport {
  pairs: number
  killed: number
  /** ADDs that were refused because another attachment had the contested port. */
  refused: number
  collections: number
}

/** Ports that the workers fight for. */
const contested = [40_001, 40_002, 40_003]

export class Hammer {
  readonly #host: FakeHost
  readonly #conf: ChainConf
  readonly #options: HammerOptions
  readonly #random: () => number
  readonly #report: HammerReport = { pairs: 0, killed: 0, refused: 0, collections: 0 }
  /** Of live attachments: address or port to holder. */
  readonly #held = new Map<string, string>()
  #resting: Promise<void> | undefined
  #busy = 0
  #begun = 0

  constructor(host: FakeHost, conf: ChainConf, options: HammerOptions) {
    this.#host = host
    this.#conf = conf
    this.#options = options
    this.#random = randomSource(options.seed)
  }

  /** Rejects at the first thing that must not happen. */
  async run(): Promise<HammerReport> {
    const baseline = await this.#prepare()
    const containers = Array.from({ length: this.#options.workers }, () => this.#host.container())
    await Promise.all(containers.map((container, i) => this.#work(container, i)))
    await this.#collect(containers[0]!)
    for (const container of containers) container.remove()
    await this.#expectNothingLeft(baseline)
    return this.#report
  }

  /** What every network leaves on a host: its bridge. */
  async #prepare(): Promise<World> {
    const container = this.#host.container()
    await this.#must('ADD', container, 20_000)
    await this.#must('DEL', container, 20_000)
    await this.#collect(container)
    container.remove()
    return this.#host.snapshot()
  }

  async #work(container: Container, number: number): Promise<void> {
    while (this.#begun < this.#options.pairs) {
      this.#begun++
      while (this.#resting) await this.#resting
      this.#busy++
      try {
        await this.#pair(container, 20_000 + number)
      } finally {
        this.#busy--
      }
      this.#report.pairs++
      if (this.#report.pairs % this.#options.gcEvery === 0) await this.#rest(container)
    }
  }

  async #pair(container: Container, port: number): Promise<void> {
    const kill = this.#random() < this.#options.kills
    const ports = [
      port,
      ...(this.#random() < 0.2 ? [contested[Math.floor(this.#random() * contested.length)]!] : []),
    ]
    const { outcome, result } = await this.#call('ADD', container, ports, kill && this.#random() < 0.5)
    if (outcome.code === 0 && result) {
      this.#take(container.id, result, ports)
      this.#release(container.id)
      await this.#call('DEL', container, ports, kill, result)
    } else if (outcome.error?.code === 106) this.#report.refused++
    // After a kill as after a refusal: DEL, which must succeed. It may be the second.
    await this.#must('DEL', container, port, result)
  }

  /** Notes what an attachment has. Throws where somebody else has it, too. */
  #take(id: string, result: Conf, ports: readonly number[]): void {
    const things = [...result.ips.map(({ address }: Conf) => address), ...ports.map(String)]
    for (const thing of things) {
      const other = this.#held.get(thing)
      if (other !== undefined) throw new Error(`${thing} was given to ${other} and to ${id}`)
      this.#held.set(thing, id)
    }
  }

  /** Before DEL begins: from then on it may be somebody else's. */
  #release(id: string): void {
    for (const [thing, holder] of this.#held) if (holder === id) this.#held.delete(thing)
  }

  async #call(
    verb: 'ADD' | 'DEL',
    container: Container,
    ports: readonly number[],
    kill: boolean,
    result?: Conf,
  ) {
    const portMappings = ports.map(hostPort => ({ hostPort, containerPort: 80, protocol: 'tcp' }))
    let timer: NodeJS.Timeout | undefined
    const watch = (running: Running) => {
      if (!kill || timer) return
      const afterMs = this.#random() * 20
      timer = setTimeout(() => this.#kill(running), afterMs)
    }
    try {
      return await runChain(
        this.#host,
        this.#conf,
        verb,
        { container, capabilityArgs: { portMappings }, watch },
        result,
      )
    } finally {
      clearTimeout(timer)
    }
  }

  /** The caller, or whatever else works for this host at that moment. */
  #kill(running: Running): void {
    this.#report.killed++
    if (this.#random() < 0.7) signal(running.pid, 'SIGKILL')
    else for (const { pid } of this.#host.processes()) signal(pid, 'SIGKILL')
  }

  /** What must succeed once nothing is killed any more: others' kills may still hit it. */
  async #must(verb: 'ADD' | 'DEL', container: Container, port: number, result?: Conf): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { outcome } = await this.#call(verb, container, [port], false, result)
      if (outcome.code === 0) return
      if (attempt === 20) throw new Error(`${verb} of ${container.id}: ${outcome.stdout}${outcome.stderr}`)
    }
  }

  /** GC while nobody else works, as the SPEC demands. */
  async #rest(container: Container): Promise<void> {
    if (this.#resting) return
    let wake = () => {}
    this.#resting = new Promise(resolve => {
      wake = resolve
    })
    try {
      await until(() => this.#busy === 0, 'rest', 60_000)
      await this.#collect(container)
    } finally {
      this.#resting = undefined
      wake()
    }
    this.#options.report?.(`${this.#report.pairs} pairs, ${this.#report.killed} kills`)
  }

  async #collect(container: Container): Promise<void> {
    const { outcome } = await runChain(this.#host, this.#conf, 'GC', { container })
    if (outcome.code !== 0) throw new Error(`GC: ${outcome.stdout}${outcome.stderr}`)
    this.#report.collections++
  }

  async #expectNothingLeft(baseline: World): Promise<void> {
    let found: string[] = []
    const isClean = () => {
      found = leftovers(baseline, this.#host.snapshot())
      return found.length === 0
    }
    await until(isClean, 'the old world', 5000).catch(() => {
      throw new Error(`left behind:\n${found.join('\n')}`)
    })
  }
}
