// Two states of a world, compared line by line: short answers to "what has changed" and "what was left".
import type { World } from './host.js'

/** What has been added (`+`) or is gone (`-`), one thing a line; empty when the worlds are the same. */
export function changes(before: Partial<World>, after: Partial<World>): string[] {
  const [old, now] = [lines(before), lines(after)]
  return [...minus(now, old).map(line => `+ ${line}`), ...minus(old, now).map(line => `- ${line}`)]
}

/**
 * What an attachment left on the host when it was taken back. Cursors may have moved on, and GC may have taken away what
 * no attachment needs any longer: tables of ours, the loop, index files. Containers are not looked at.
 */
export function leftovers(before: World, after: World): string[] {
  const ofHost = ({ leases, records, run, host }: World) => ({ leases, records, run, host })
  return changes(ofHost(before), ofHost(after)).filter(line => !/^- (nft|run) |^- .*\bpl-lo[01]\b/.test(line))
}

/** Everything as lines, `kind name: content`. */
function lines(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.map(item => `${path.trim()} ${text(item)}`)
  if (typeof value !== 'object' || value === null) return [`${path.trim()} ${text(value)}`]
  return Object.entries(value).flatMap(([key, inner]) => {
    // A link is told as a whole.
    if (/(^| )links$/.test(path)) return [`link ${key} ${text(linkFacts(key, inner))}`]
    return lines(inner, key === 'host' ? path : key === 'nft' || key === 'run' ? key : `${path} ${key}`)
  })
}

/** GC takes the loop away, and the next who needs it makes another. */
function linkFacts(name: string, facts: unknown): unknown {
  return name.startsWith('pl-lo') ? { ...(facts as object), ifindex: undefined } : facts
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Multiset difference. */
function minus(from: readonly string[], what: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const line of what) left.set(line, (left.get(line) ?? 0) + 1)
  return from.filter(line => {
    const count = left.get(line) ?? 0
    left.set(line, count - 1)
    return count <= 0
  })
}
