// Conditions in the syntax of nft(8), "PAYLOAD EXPRESSIONS" and "META EXPRESSIONS": matches one behind the other.
import { th } from '../../kernel/nft/selectors/transport.js'
import type { Statement } from '../../kernel/nft/statement.js'
import { ConditionError, noWayOut, quote } from './condition-error.js'
import {
  addressSpan,
  connectionState,
  interfaceName,
  markNumber,
  matchAddress,
  matchInterface,
  matchMark,
  matchPort,
  matchProtocol,
  matchState,
  portFields,
  portSpan,
  protocolName,
} from './condition-values.js'

/** What stands behind a selector: which of the values, or none of them. */
interface Relation {
  readonly inverted: boolean
  readonly values: readonly string[]
}

/** Throws ConditionError. */
export function parseNft(text: string, family: 4 | 6): Statement[] {
  const words = new Words(text)
  const statements: Statement[] = []
  while (!words.done) statements.push(...parseMatch(words, family))
  return statements
}

/** `0x1`, `"eth0"`, `{`, `!=`, … */
class Words {
  readonly #words: readonly string[]
  #at = 0

  constructor(text: string) {
    this.#words = text.match(/"[^"]*"|!=|==|<=|>=|[{},&|^!=<>]|[^\s{},&|^!=<>"]+|"/g) ?? []
  }

  get done(): boolean {
    return this.#at === this.#words.length
  }

  /** The next one, unread. */
  get next(): string | undefined {
    return this.#words[this.#at]
  }

  take(): string | undefined {
    return this.#words[this.#at++]
  }

  /** Takes the next one when it is one of these. */
  accept(...wanted: readonly string[]): boolean {
    const found = this.next !== undefined && wanted.includes(this.next)
    if (found) this.#at++
    return found
  }
}

const ports = { ...portFields, th } as const

function parseMatch(words: Words, family: 4 | 6): Statement[] {
  const word = words.take()!
  switch (word) {
    case 'ip':
    case 'ip6':
      if (word !== (family === 4 ? 'ip' : 'ip6'))
        throw new ConditionError(`${quote(word)} is not the family of these conditions`)
      return parseNetwork(words, word, family)
    case 'tcp':
    case 'udp':
    case 'sctp':
    case 'th': {
      const field = words.take()
      if (field !== 'sport' && field !== 'dport') throw unsupported(`${word} ${field ?? ''}`)
      const { inverted, values } = parseRelation(words)
      return matchPort(
        ports[word][field],
        values.map(value => portSpan(value, '-')),
        inverted,
      )
    }
    case 'meta':
      return parseMeta(words, words.take(), 'meta ')
    case 'ct': {
      const field = words.take()
      if (field === 'mark') return parseMark(words, 'ct')
      if (field === 'state') return parseState(words)
      throw unsupported(`ct ${field ?? ''}`)
    }
    default:
      return parseMeta(words, word, '')
  }
}

function parseNetwork(words: Words, word: string, family: 4 | 6): Statement[] {
  const field = words.take()
  if (field === 'saddr' || field === 'daddr') {
    const { inverted, values } = parseRelation(words)
    return matchAddress(
      family,
      field,
      values.map(value => addressSpan(value, family)),
      inverted,
    )
  }
  if (field === (family === 4 ? 'protocol' : 'nexthdr')) return parseProtocol(words)
  throw unsupported(`${word} ${field ?? ''}`)
}

/** Those that nft takes without the word `meta`, and those that it does not. */
function parseMeta(words: Words, key: string | undefined, prefix: '' | 'meta '): Statement[] {
  switch (key) {
    case 'iifname':
    case 'iif': {
      const { inverted, values } = parseRelation(words)
      return matchInterface(
        values.map(value => interfaceName(value.replace(/^"(.*)"$/, '$1'), '*')),
        inverted,
      )
    }
    case 'oifname':
    case 'oif':
      throw noWayOut(`${prefix}${key}`)
    case 'mark':
      return parseMark(words, 'meta')
    case 'l4proto':
      if (prefix !== '') return parseProtocol(words)
  }
  throw unsupported(`${prefix}${key ?? ''}`)
}

function parseProtocol(words: Words): Statement[] {
  const { inverted, values } = parseRelation(words)
  return matchProtocol(values.map(protocolName), inverted)
}

/** `mark 0x1`, `mark & 0xff == 0x10`, `mark != { … }` of one value. */
function parseMark(words: Words, of: 'meta' | 'ct'): Statement[] {
  const mask = words.accept('&', 'and') ? markNumber(words.take() ?? '') : undefined
  if (mask !== undefined && words.next !== '==' && words.next !== '!=')
    throw new ConditionError(`${quote(words.next)} where == or != is expected behind the mask`)
  const { inverted, values } = parseRelation(words)
  const [only, ...others] = values
  if (others.length > 0) throw new ConditionError(`a set of marks (${values.join(', ')}) is not supported`)
  return matchMark(of, markNumber(only!), mask, inverted)
}

/** `ct state new,related`: any of them. */
function parseState(words: Words): Statement[] {
  const inverted = words.next === '!='
  words.accept('==', '!=')
  const braced = words.next === '{'
  const values = braced ? parseSet(words) : [takeValue(words)]
  while (!braced && words.accept(',')) values.push(takeValue(words))
  return matchState(values.map(connectionState), inverted)
}

function parseRelation(words: Words): Relation {
  const inverted = words.next === '!='
  words.accept('==', '!=')
  return { inverted, values: words.next === '{' ? parseSet(words) : [takeValue(words)] }
}

function parseSet(words: Words): string[] {
  words.take()
  const values: string[] = []
  while (!words.accept('}')) {
    values.push(takeValue(words))
    if (!words.accept(',') && words.next !== '}')
      throw new ConditionError(`${quote(words.next)} where "," or "}" is expected`)
  }
  if (values.length === 0) throw new ConditionError('"{ }" holds nothing')
  return values
}

function takeValue(words: Words): string {
  const value = words.take()
  if (value === undefined) throw new ConditionError('a value is missing at the end')
  if (/^[{},&|^!=<>]/.test(value)) throw new ConditionError(`${quote(value)} is not supported here`)
  if (value === '.') throw new ConditionError('"." is not supported: match one thing after the other')
  if (/^[@$]/.test(value))
    throw new ConditionError(`${quote(value)} is not supported: sets of other tables can not be looked up`)
  return value
}

function unsupported(text: string): ConditionError {
  return new ConditionError(`${quote(text.trim())} is not supported`)
}
