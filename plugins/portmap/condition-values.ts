// The values that conditions compare with, and the matches that are made of them: the same for both syntaxes.
import type { Selector } from '../../kernel/nft/selector.js'
import { ct } from '../../kernel/nft/selectors/ct.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { ip, ip6 } from '../../kernel/nft/selectors/network.js'
import { sctp, tcp, udp } from '../../kernel/nft/selectors/transport.js'
import type { Statement } from '../../kernel/nft/statement.js'
import { masked, match } from '../../kernel/nft/statements/match.js'
import { ctStates } from '../../kernel/nft/symbols.js'
import { range, type Value } from '../../kernel/nft/value.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { isIfname } from '../config.js'
import { ConditionError, quote } from './condition-error.js'

/** The ports of each protocol that has any to map. */
export const portFields = { tcp, udp, sctp } as const

/** Numbers from one to another, both included. */
export interface Span {
  readonly from: bigint
  readonly to: bigint
}

/** An address, a prefix, or `first-last`. */
export function addressSpan(text: string, family: 4 | 6): Span {
  const [from, to] = text.split('-').map(part => prefixOf(part))
  if (from?.family !== family || (to && to.family !== family) || text.split('-').length > 2)
    throw new ConditionError(`${quote(text)} is no IPv${family} address, prefix or range`)
  const span = { from: from.first().toBigInt(), to: (to ?? from).last().toBigInt() }
  if (span.from > span.to) throw new ConditionError(`${quote(text)} is a range that ends before it starts`)
  return span
}

function prefixOf(text: string): Prefix | undefined {
  const ip = Ip.tryParse(text)
  return ip ? Prefix.host(ip) : Prefix.tryParse(text)
}

/** Of one address; `direction`: source or destination. */
export function matchAddress(
  family: 4 | 6,
  direction: 'saddr' | 'daddr',
  spans: readonly Span[],
  inverted: boolean,
): Statement[] {
  const bits = family === 4 ? 32 : 128
  return matchSpans((family === 4 ? ip : ip6)[direction], spans, (1n << BigInt(bits)) - 1n, inverted, span =>
    addressValue(span, family),
  )
}

/** An address, a prefix where there is one, or a range. */
function addressValue({ from, to }: Span, family: 4 | 6): Value {
  const first = Ip.fromBigInt(from, family)
  if (from === to) return first
  const bits = first.bytes.length * 8
  const free = (from ^ to).toString(2).length
  const prefix = new Prefix(first, bits - free)
  const last = Ip.fromBigInt(to, family)
  return prefix.first().equals(first) && prefix.last().equals(last) ? prefix : range(first, last)
}

/** `80`, or `first-last` with the given sign between them. */
export function portSpan(text: string, sign: '-' | ':'): Span {
  const [from, to = from, ...rest] = text
    .split(sign)
    .map(part => (/^\d{1,5}$/.test(part) ? Number(part) : NaN))
  if (!(from! <= to! && to! <= 65535) || rest.length > 0)
    throw new ConditionError(`${quote(text)} is no port number or range`)
  return { from: BigInt(from!), to: BigInt(to!) }
}

export function matchPort(selector: Selector, spans: readonly Span[], inverted: boolean): Statement[] {
  return matchSpans(selector, spans, 65535n, inverted, ({ from, to }) =>
    from === to ? Number(from) : range(Number(from), Number(to)),
  )
}

/** Nothing where everything matches; a condition that never holds is refused. */
function matchSpans(
  selector: Selector,
  spans: readonly Span[],
  max: bigint,
  inverted: boolean,
  toValue: (span: Span) => Value,
): Statement[] {
  const merged = mergeSpans(spans)
  const all = merged.length === 1 && merged[0]!.from === 0n && merged[0]!.to === max
  if (!all) return matchValues(selector, merged.map(toValue), inverted)
  if (inverted) throw new ConditionError(`${quote(`${selector.text} !=`)} of all values never holds`)
  return []
}

/** In order, and none touches another: nf_tables takes no overlaps. */
function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = []
  for (const span of spans.toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))) {
    const last = merged.at(-1)
    if (last === undefined || span.from > last.to + 1n) merged.push(span)
    else if (span.to > last.to) merged[merged.length - 1] = { from: last.from, to: span.to }
  }
  return merged
}

/** One of the values, or none of them. */
export function matchValues(selector: Selector, values: readonly Value[], inverted: boolean): Statement[] {
  const [only, ...others] = values
  if (only === undefined) return []
  if (others.length === 0) return [match(selector, inverted ? '!=' : '==', only)]
  return [match(selector, inverted ? 'not in' : 'in', values)]
}

/** The name of an interface, or the beginning of names with `wildcard` behind it. In nft's form: with `*`. */
export function interfaceName(text: string, wildcard: '*' | '+'): string {
  const isBeginning = text.endsWith(wildcard)
  const name = isBeginning ? text.slice(0, -1) : text
  if ((name !== '' && !isIfname(name)) || (name === '' && !isBeginning) || /[*\\"]/.test(name))
    throw new ConditionError(`${quote(text)} is no name of an interface`)
  return isBeginning ? `${name}*` : name
}

/** By which interface a packet comes in; what the host itself sends comes in by none. */
export function matchInterface(names: readonly string[], inverted: boolean): Statement[] {
  const beginnings = names.filter(name => name.endsWith('*')).map(name => name.slice(0, -1))
  const covered = (name: string) =>
    beginnings.some(one => name !== `${one}*` && name.replace(/\*$/, '').startsWith(one))
  const left = [...new Set(names)].filter(name => !covered(name))
  if (!left.includes('*')) return matchValues(meta('iifname'), left, inverted)
  if (inverted) throw new ConditionError(`"iifname !=" of all interfaces never holds`)
  return []
}

/** Decimal, 0x hexadecimal, or with a leading 0 octal, of 32 bits. */
export function markNumber(text: string): number {
  const isNumber = /^(0x[0-9a-f]{1,8}|0[0-7]*|[1-9]\d*)$/i.test(text)
  const value = isNumber ? (/^0\d/.test(text) ? Number.parseInt(text, 8) : Number(text)) : NaN
  if (!(value <= 0xffffffff)) throw new ConditionError(`${quote(text)} is no mark`)
  return value
}

const MARK_BITS = 0xffffffff

/** The mark under `mask` is the value; all bits of `value` outside of `mask` make that impossible. */
export function matchMark(
  of: 'meta' | 'ct',
  value: number,
  mask: number | undefined,
  inverted: boolean,
): Statement[] {
  const selector = of === 'ct' ? ct('mark') : meta('mark')
  if (mask === undefined || mask === MARK_BITS) return [match(selector, inverted ? '!=' : '==', value)]
  if ((value & ~mask) !== 0)
    throw new ConditionError(`mark ${value} has bits outside of its mask ${mask}: it never holds`)
  return [match(masked(selector, mask), inverted ? '!=' : '==', value)]
}

const protocolNumbers: Readonly<Record<string, string>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' }

/** Ports are mapped for these alone. */
export function protocolName(text: string): string {
  const name = protocolNumbers[text] ?? text.toLowerCase()
  if (!Object.values(protocolNumbers).includes(name))
    throw new ConditionError(`protocol ${quote(text)} has no ports to map; tcp, udp and sctp have`)
  return name
}

export function matchProtocol(names: readonly string[], inverted: boolean): Statement[] {
  return matchValues(meta('l4proto'), [...new Set(names)], inverted)
}

export function connectionState(text: string): string {
  const name = text.toLowerCase()
  if (!Object.hasOwn(ctStates, name)) throw new ConditionError(`${quote(text)} is no state of a connection`)
  return name
}

export function matchState(states: readonly string[], inverted: boolean): Statement[] {
  const names = Object.keys(ctStates).filter(name => states.includes(name))
  return [match(ct('state'), inverted ? 'none' : 'any', names.join(','))]
}
