// Where control groups are mounted. proc(5), /proc/pid/mounts
import { readFileSync } from 'node:fs'

export interface Hierarchies {
  /** Mount points of v1 controllers by their name. */
  readonly v1: ReadonlyMap<string, string>
  /** Mount point of the v2 hierarchy. */
  readonly v2: string | undefined
}

/** Reads the mount table. `text` is in the form of /proc/mounts. */
export function readHierarchies(text: string = readFileSync('/proc/mounts', 'utf8')): Hierarchies {
  const v1 = new Map<string, string>()
  let v2: string | undefined
  for (const line of text.split('\n')) {
    const [, path = '', type, options = ''] = line.split(' ')
    if (type === 'cgroup2') v2 ??= unescapePath(path)
    if (type === 'cgroup')
      for (const option of options.split(',')) if (!v1.has(option)) v1.set(option, unescapePath(path))
  }
  return { v1, v2 }
}

/** Blanks and backslashes stand as \ooo. */
function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
