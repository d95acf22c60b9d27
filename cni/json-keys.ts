// The keys of a JSON object as its text has them. RFC 8259 lets a name stand twice in an object; JSON.parse keeps the last
// and says nothing, which hides that somebody meant two things.
import { canonicalKey, keyIndex } from './fold.js'

interface Open {
  /** How many elements of the path lead here; -1 off the path. */
  readonly depth: number
  readonly isObject: boolean
  /** The next string is a key. */
  atKey: boolean
  /** The last key leads further along the path. */
  leads: boolean
}

/**
 * The keys of all objects at `path` (whose elements match in any case, as everywhere), in order, with repetitions.
 * `text` must have been parsed before: what is no JSON yields nonsense.
 */
export function keysAt(text: string, path: readonly string[]): string[] {
  const indexes = path.map(element => keyIndex([element]))
  const keys: string[] = []
  const open: Open[] = []
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],]/g
  for (const [token] of text.matchAll(tokens)) {
    const inside = open.at(-1)
    if (token === '{' || token === '[') {
      const depth = inside === undefined ? 0 : inside.leads ? inside.depth + 1 : -1
      open.push({ depth, isObject: token === '{', atKey: token === '{', leads: false })
    } else if (token === '}' || token === ']') open.pop()
    else if (inside === undefined) continue
    else if (token === ',') inside.atKey = inside.isObject
    else if (inside.atKey) {
      inside.atKey = false
      if (inside.depth < 0) continue
      const key = JSON.parse(token) as string
      if (inside.depth === path.length) keys.push(key)
      else inside.leads = canonicalKey(indexes[inside.depth]!, key) !== undefined
    }
  }
  return keys
}
