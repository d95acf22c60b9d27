// Reads TAP as it comes, counts assertions, and keeps what is needed to explain failures and skips.
// Only leaves count: a test point that sums up a subtest counts when it fails for a reason of its own.

export class Tally {
  passed = 0
  failed = 0
  /** @type {{ name: string, details: string }[]} */
  failures = []
  /** @type {{ name: string, reason: string }[]} */
  skips = []
  #onFile
  /** What has been seen inside the subtest that is open at each depth. */
  #inside = [emptyInside()]
  #names = []
  #details = undefined
  #rest = ''

  /** `onFile` is told of every test file that has ended. */
  constructor(onFile) {
    this.#onFile = onFile
  }

  write(chunk) {
    const lines = (this.#rest + chunk).split('\n')
    this.#rest = lines.pop()
    for (const line of lines) this.#line(line)
  }

  end() {
    if (this.#rest !== '') this.#line(this.#rest)
    this.#rest = ''
  }

  #line(line) {
    if (this.#collectDetails(line)) return
    const depth = Math.floor(/^ */.exec(line)[0].length / 4)
    const text = line.trim()
    const subtest = /^# Subtest: (.*)/.exec(text)
    if (subtest) {
      // tap writes a subtest's comment at the depth of its parent
      this.#names[depth] = subtest[1]
      this.#inside[depth + 1] = emptyInside()
      return
    }
    if (text.startsWith('Bail out!')) return this.#fail(this.#names.slice(0, depth + 1).join(' > '), text)
    const point = /^(not ok|ok) \d+(?: - (.*?))?(?: # (SKIP|TODO|time=\S+)\s*(.*))?$/.exec(text)
    if (point) this.#point(depth, point)
  }

  #point(depth, [, verdict, name = '', directive = '', reason = '']) {
    const children = this.#inside[depth + 1]?.points > 0 ? this.#inside[depth + 1] : undefined
    this.#inside[depth + 1] = emptyInside()
    this.#inside[depth] ??= emptyInside()
    const mine = this.#inside[depth]
    mine.points++
    const path = [...this.#names.slice(0, depth), name].join(' > ')
    if (directive === 'SKIP' || directive === 'TODO') {
      this.skips.push({ name: path, reason: reason || directive.toLowerCase() })
    } else if (verdict === 'not ok') {
      mine.failed = true
      if (!children?.failed) this.#fail(path, '')
    } else if (!children) {
      this.passed++
    }
    if (depth === 0) this.#onFile?.(name, verdict === 'ok', /^time=(.*)/.exec(directive)?.[1])
  }

  #fail(name, details) {
    this.failed++
    this.failures.push({ name, details })
  }

  /** The YAML block below a failure; true when the line was part of one. */
  #collectDetails(line) {
    const text = line.trim()
    if (this.#details === undefined) {
      if (text !== '---') return false
      this.#details = { indent: line.indexOf('---'), lines: [] }
      return true
    }
    if (text === '...' && line.indexOf('...') === this.#details.indent) {
      const last = this.failures.at(-1)
      if (last && last.details === '') last.details = this.#details.lines.join('\n')
      this.#details = undefined
    } else {
      this.#details.lines.push(line.slice(this.#details.indent))
    }
    return true
  }
}

const emptyInside = () => ({ points: 0, failed: false })
