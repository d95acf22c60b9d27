// A runtime's part in the tests: calls with all that a runtime puts in.
import type { Test } from 'tap'
import { leftovers } from './difference.js'
import type { Container, ExecOptions, FakeHost, Verb, World } from './host.js'
import type { Outcome } from './outcome.js'
import type { Conf, Subject } from './subjects.js'

/** What a chained subject works on, and how it was made. */
interface Made {
  readonly call: ExecOptions
  readonly result: Conf
  /** Of the subject's configuration for this attachment. */
  readonly keys: Conf
}

/** One subject on one host: calls of it with all that a runtime would put in. A chained one finds an interface. */
export class Runtime {
  readonly t: Test
  readonly host: FakeHost
  readonly subject: Subject
  readonly conf: Conf
  /** By container and interface. */
  readonly #made = new Map<string, Made>()

  constructor(t: Test, host: FakeHost, subject: Subject, more: Conf = {}) {
    this.t = t
    this.host = host
    this.subject = subject
    this.conf = { ...subject.conf(host), ...more }
  }

  /** At ADD of a chained subject, the interface is made first, unless it is there. */
  call(verb: Verb, container: Container, options: ExecOptions = {}): Outcome {
    const { type, ifname } = this.subject
    const { id, netns } = container
    const conf = options.conf ?? this.conf
    const made = verb === 'ADD' && this.#interfaceFor(container, options)
    const chained = made ? { ...(conf as Conf), ...made.keys, prevResult: made.result } : conf
    return this.host.exec(type, verb, { id, netns, ifname, ...options, conf: chained })
  }

  /** ADD that must succeed; resolves to the configuration with its result in it, as CHECK and DEL get it. */
  add(container: Container, options: ExecOptions = {}): Conf {
    const outcome = this.call('ADD', container, options)
    if (outcome.code !== 0) throw new Error(`ADD: ${outcome.stdout} ${outcome.stderr}`)
    return { ...this.conf, ...this.#interfaceFor(container, options)?.keys, prevResult: outcome.json }
  }

  /** What came before a chained subject's ADD. */
  previous(container: Container): Conf | undefined {
    return this.#interfaceFor(container)?.result
  }

  /** Takes away the interfaces that were made for a chained subject. */
  detach(): void {
    for (const { call } of this.#made.values())
      this.succeeds(this.host.exec('bridge', 'DEL', call), 'DEL of what made the interface')
    this.#made.clear()
  }

  #interfaceFor(container: Container, options: ExecOptions = {}): Made | undefined {
    const { behind, nth, ifname } = this.subject
    if (!behind) return undefined
    const { id, netns } = container
    const call = { id, netns, ifname: options.ifname ?? ifname, ...(options.dir && { dir: options.dir }) }
    const key = `${id}@${call.ifname}`
    const conf = behind(this.host, this.conf.cniVersion)
    const made = this.#made.get(key) ?? {
      result: this.#succeeding({ ...call, conf }),
      keys: nth?.(this.#made.size) ?? {},
      call: { ...call, conf },
    }
    this.#made.set(key, made)
    return made
  }

  #succeeding(call: ExecOptions): Conf {
    const { code, json, stdout, stderr } = this.host.exec('bridge', 'ADD', call)
    if (code !== 0) throw new Error(`ADD of what makes the interface: ${stdout} ${stderr}`)
    return json
  }

  /** Of a chained subject, and then of what makes its interfaces. */
  gc(valid: readonly { readonly containerID: string; readonly ifname: string }[]): Outcome {
    const lists = { 'cni.dev/valid-attachments': valid, 'cni.dev/attachments': valid }
    const own = this.host.exec(this.subject.type, 'GC', { conf: { ...this.conf, ...lists } })
    if (own.code !== 0 || !this.subject.behind) return own
    return this.host.exec('bridge', 'GC', { conf: { ...this.subject.behind(this.host), ...lists } })
  }

  status(more: Conf = {}): Outcome {
    return this.host.exec(this.subject.type, 'STATUS', { conf: { ...this.conf, ...more } })
  }

  succeeds(outcome: Outcome, what: string): void {
    this.t.match(outcome, { code: 0, stdout: '' }, `${what}: ${outcome.stdout}${outcome.stderr}`)
  }

  /** What stays for ever is made by a first attachment, once for each subject; the world after it is what DEL must bring back. */
  baseline(): () => void {
    const known = baselines.get(this.host) ?? new Map<Subject, World>()
    baselines.set(this.host, known)
    const before = known.get(this.subject) ?? this.#afterFirst()
    known.set(this.subject, before)
    return () => {
      this.detach()
      this.t.strictSame(leftovers(before, this.host.snapshot()), [], 'nothing is left')
    }
  }

  #afterFirst(): World {
    const container = this.host.container()
    this.succeeds(this.call('DEL', container, { conf: this.add(container) }), 'DEL of the first attachment')
    this.detach()
    container.remove()
    return this.host.snapshot()
  }
}

const baselines = new WeakMap<FakeHost, Map<Subject, World>>()
