// Network namespaces for tests: made in a directory of the test's own, gone when the test ends, however it ends.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Namespace } from '../../kernel/namespace.js'
import { createNetns, openNetns, removeNetns } from '../../kernel/netns.js'

/** As much of tap's test object as is needed here. */
export interface TestScope {
  after(fn: () => void): void
}

/** A namespace of a test. `ns` has its verbs; `fd` is open on it. Loopback is down, nothing else is in it. */
export interface TestNetns {
  readonly path: string
  readonly fd: number
  readonly ns: Namespace
  /** What `ip -j ARGS` prints in it, parsed. */
  ip(args: string): Json
  /** What a command line (no quoting) prints in it. */
  run(command: string): string
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the tools print
export type Json = any

/** One namespace that lives as long as the test. */
export function tempNetns(t: TestScope): TestNetns {
  const directory = mkdtempSync(join(tmpdir(), `plumbline-test-${process.pid}-`))
  const path = join(directory, 'netns')
  const opened: { fd?: number; ns?: Namespace } = {}
  t.after(() => {
    opened.ns?.[Symbol.dispose]()
    if (opened.fd !== undefined) closeSync(opened.fd)
    removeNetns(path)
    rmSync(directory, { recursive: true })
  })
  createNetns(path)
  opened.fd = openNetns(path)
  opened.ns = Namespace.open(opened.fd)
  const { fd, ns } = opened
  return { path, fd, ns, ip: args => ipJson(path, args), run: command => runIn(path, command) }
}

/** Runs `fn` with `count` fresh namespaces. They live as long as the test does. */
export function withNamespaces<T>(t: TestScope, count: number, fn: (...namespaces: TestNetns[]) => T): T {
  return fn(...Array.from({ length: count }, () => tempNetns(t)))
}

/** What `ip -j ARGS` prints in the namespace at `netns`, parsed; [] when it prints nothing. */
export function ipJson(netns: string, args: string): Json {
  return toolJson(netns, `ip -j ${args}`)
}

export function bridgeJson(netns: string, args: string): Json {
  return toolJson(netns, `bridge -j ${args}`)
}

export function tcJson(netns: string, args: string): Json {
  return toolJson(netns, `tc -j ${args}`)
}

/** Runs a command line, split at blanks, in the namespace at `netns`. Throws with its stderr when it fails. */
export function runIn(netns: string, command: string): string {
  return execFileSync('nsenter', [`--net=${netns}`, ...command.split(' ')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  })
}

function toolJson(netns: string, command: string): Json {
  const text = runIn(netns, command).trim()
  return text === '' ? [] : JSON.parse(text)
}
