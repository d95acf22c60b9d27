// Killing plugins in the middle of their work, and seeing that DEL or GC takes back whatever was done.
import { leftovers } from './difference.js'
import type { Container, FakeHost, Verb, World } from './host.js'
import type { Outcome } from './outcome.js'
import { isAlive, signal, until } from './processes.js'
import type { Conf } from './subjects.js'

export type Rescue = 'DEL' | 'GC'

/** One plugin with one configuration on one host; every case starts from, and must come back to, the same world. */
export class Chaos {
  readonly host: FakeHost
  readonly plugin: string
  readonly conf: Conf
  /** How long an undisturbed ADD takes here. */
  typicalMs = 0
  #baseline: World | undefined

  constructor(host: FakeHost, plugin: string, conf: Conf) {
    this.host = host
    this.plugin = plugin
    this.conf = conf
  }

  call(verb: Verb, container: Container, fault?: string): Outcome {
    return this.host.exec(this.plugin, verb, this.options(container, fault))
  }

  options(container: Container, fault?: string) {
    return {
      id: container.id,
      netns: container.netns,
      ifname: 'eth0',
      conf: { ...this.conf, 'cni.dev/valid-attachments': [] },
      env: { PLUMBLINE_FAULT: fault },
    }
  }

  /** A first ADD and DEL, which leave the world as later cases will find it. Steps of the ADD, in order, where it tells any. */
  prepare(): string[] {
    const container = this.host.container()
    const added = this.call('ADD', container, 'list')
    if (added.code !== 0) throw new Error(`ADD: ${added.stdout}${added.stderr}`)
    this.rescue('DEL', container)
    const begin = performance.now()
    this.call('ADD', container)
    this.typicalMs = performance.now() - begin
    this.rescue('DEL', container)
    container.remove()
    this.#baseline = this.host.snapshot()
    return /^plumbline-steps: (.*)$/m.exec(added.stderr)?.[1]?.split(' ') ?? []
  }

  /** What a runtime does after a crash. Throws when that fails. */
  rescue(how: Rescue, container: Container): void {
    const outcome = this.call(how, container)
    if (outcome.code !== 0) throw new Error(`${how} after the fault: ${outcome.stdout}${outcome.stderr}`)
  }

  /** What is there and should not be, one thing a line. */
  async left(): Promise<string[]> {
    let found: string[] = []
    const isClean = () => {
      found = leftovers(this.#baseline!, this.host.snapshot())
      return found.length === 0
    }
    // A killed one-shot call may have a helper that is still deleting its link.
    await until(isClean, 'the old world', 2000).catch(() => {})
    return found
  }
}

export interface RandomKill {
  readonly verb: 'ADD' | 'DEL' | 'GC'
  readonly target: 'caller' | 'resident' | 'both'
  readonly afterMs: number
  readonly rescue: Rescue
}

/** A small generator with a seed (mulberry32): what failed can be repeated. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function chooseKill(random: () => number, { host, typicalMs }: Chaos): RandomKill {
  const among = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const warm = host.resident !== 'off'
  return {
    verb: among(['ADD', 'ADD', 'DEL', 'DEL', 'GC'] as const),
    target: warm ? among(['caller', 'resident', 'both'] as const) : 'caller',
    afterMs: random() * typicalMs,
    rescue: among(['DEL', 'DEL', 'GC'] as const),
  }
}

/** Starts the verb, kills, rescues. Resolves to how the killed call had ended. */
export async function killAtRandom(chaos: Chaos, kill: RandomKill): Promise<Outcome> {
  const { host, plugin } = chaos
  const container = host.container()
  if (kill.verb !== 'ADD') {
    const added = chaos.call('ADD', container)
    if (added.code !== 0) throw new Error(`ADD: ${added.stdout}${added.stderr}`)
  }
  const resident = residentOf(host)
  const running = host.start(plugin, kill.verb, chaos.options(container))
  await new Promise(resolve => setTimeout(resolve, kill.afterMs))
  if (kill.target !== 'resident') signal(running.pid, 'SIGKILL')
  const doomed = residentOf(host) ?? resident
  if (kill.target !== 'caller' && doomed !== undefined) {
    signal(doomed, 'SIGKILL')
    await until(() => !isAlive(doomed), 'the end of the resident')
  }
  const outcome = await running.done
  chaos.rescue(kill.rescue, container)
  container.remove()
  return outcome
}

function residentOf(host: FakeHost): number | undefined {
  return host.processes().find(({ command }) => command.includes('resident'))?.pid
}
