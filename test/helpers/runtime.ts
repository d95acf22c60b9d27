// A runtime's part in the tests: calls with all that a runtime puts in.
import type { Test } from 'tap'
import { leftovers } from './difference.js'
import type { Container, ExecOptions, FakeHost, Verb } from './host.js'
import type { Outcome } from './outcome.js'
import type { Conf, Subject } from './subjects.js'

/** One subject on one host: calls of it with all that a runtime would put in. */
export class Runtime {
  readonly t: Test
  readonly host: FakeHost
  readonly subject: Subject
  readonly conf: Conf

  constructor(t: Test, host: FakeHost, subject: Subject, more: Conf = {}) {
    this.t = t
    this.host = host
    this.subject = subject
    this.conf = { ...subject.conf(host), ...more }
  }

  call(verb: Verb, container: Container, options: ExecOptions = {}): Outcome {
    const { type, ifname } = this.subject
    return this.host.exec(type, verb, {
      id: container.id,
      netns: container.netns,
      ifname,
      conf: this.conf,
      ...options,
    })
  }

  /** ADD that must succeed; resolves to the configuration with its result in it, as CHECK and DEL get it. */
  add(container: Container, options: ExecOptions = {}): Conf {
    const outcome = this.call('ADD', container, options)
    if (outcome.code !== 0) throw new Error(`ADD: ${outcome.stdout} ${outcome.stderr}`)
    return { ...this.conf, prevResult: outcome.json }
  }

  gc(valid: readonly { readonly containerID: string; readonly ifname: string }[]): Outcome {
    const conf = { ...this.conf, 'cni.dev/valid-attachments': valid, 'cni.dev/attachments': valid }
    return this.host.exec(this.subject.type, 'GC', { conf })
  }

  status(more: Conf = {}): Outcome {
    return this.host.exec(this.subject.type, 'STATUS', { conf: { ...this.conf, ...more } })
  }

  succeeds(outcome: Outcome, what: string): void {
    this.t.match(outcome, { code: 0, stdout: '' }, `${what}: ${outcome.stdout}${outcome.stderr}`)
  }

  /** What stays for ever is made by a first attachment; the world after it is what DEL must bring back. */
  baseline(): () => void {
    const container = this.host.container()
    this.succeeds(this.call('DEL', container, { conf: this.add(container) }), 'DEL of the first attachment')
    container.remove()
    const before = this.host.snapshot()
    return () => this.t.strictSame(leftovers(before, this.host.snapshot()), [], 'nothing is left')
  }
}
