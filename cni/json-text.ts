// JSON documents from outside: decoding that can say where a document is broken, and that refuses abysses. RFC 8259.
// JSON.parse alone names a position only sometimes, and quotes the document, which may hold secrets.

export class JsonSyntaxError extends Error {}

/** Deeper documents are refused: what walks them later would run out of stack. */
const maxDepth = 1000

/** Parses JSON; throws JsonSyntaxError with line, column and reason, never with the text itself. */
export function parseJson(text: string): unknown {
  // A document must be twice as long as it is deep.
  if (text.length > 2 * maxDepth && isTooDeep(text))
    throw new JsonSyntaxError(`nested deeper than ${maxDepth} levels`)
  try {
    return JSON.parse(text)
  } catch {
    const { offset, expected } = new Scanner(text).firstError()
    const before = text.slice(0, offset)
    const line = before.split('\n').length
    const column = offset - before.lastIndexOf('\n')
    const found = offset < text.length ? 'unexpected character' : 'unexpected end'
    throw new JsonSyntaxError(`${found} at line ${line} column ${column}, expected ${expected}`)
  }
}

function isTooDeep(text: string): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (inString) {
      if (unit === 0x5c) i++
      else if (unit === 0x22) inString = false
    } else if (unit === 0x22) inString = true
    else if (unit === 0x5b || unit === 0x7b) {
      if (++depth > maxDepth) return true
    } else if (unit === 0x5d || unit === 0x7d) depth--
  }
  return false
}

/** Finds the place where a document stops being JSON. Without recursion: what is open is kept on a stack of brackets. */
class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  firstError(): { offset: number; expected: string } {
    const open: ('}' | ']')[] = []
    let expected = this.#value(open)
    while (expected === undefined) {
      this.#space()
      const closer = open.at(-1)
      if (closer === undefined) return { offset: this.#at, expected: 'the end' }
      if (this.#take(closer)) open.pop()
      else if (!this.#take(',')) expected = `"," or "${closer}"`
      else expected = (closer === '}' ? this.#key() : undefined) ?? this.#value(open)
    }
    return { offset: this.#at, expected }
  }

  /** Passes over a value, up to and including the first scalar or empty bracket in it. Returns what was missing. */
  #value(open: ('}' | ']')[]): string | undefined {
    for (;;) {
      this.#space()
      if (this.#take('{')) {
        this.#space()
        if (this.#take('}')) return undefined
        open.push('}')
        const missing = this.#key()
        if (missing !== undefined) return missing === 'a key' ? 'a key or "}"' : missing
      } else if (this.#take('[')) {
        this.#space()
        if (this.#take(']')) return undefined
        open.push(']')
      } else {
        if (this.#text[this.#at] === '"') return this.#string()
        return this.#match(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y)
          ? undefined
          : 'a value'
      }
    }
  }

  #key(): string | undefined {
    this.#space()
    if (this.#text[this.#at] !== '"') return 'a key'
    const missing = this.#string()
    if (missing !== undefined) return missing
    this.#space()
    return this.#take(':') ? undefined : '":"'
  }

  #string(): string | undefined {
    this.#match(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*/y)
    return this.#take('"') ? undefined : 'the rest of a string'
  }

  #space(): void {
    this.#match(/[ \t\n\r]*/y)
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    if (!pattern.test(this.#text)) return false
    this.#at = pattern.lastIndex
    return true
  }
}
