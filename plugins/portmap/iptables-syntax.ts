// Conditions in the syntax of iptables(8) and iptables-extensions(8), one argument a token.

import type { Selector } from '../../kernel/nft/selector.js'
import { th } from '../../kernel/nft/selectors/transport.js'
import type { Statement } from '../../kernel/nft/statement.js'
import { Ip, Prefix } from '../../wire/ip.js'
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
  type Span,
} from './condition-values.js'
import type { Protocol } from './mapping.js'

interface Option {
  /** Extensions (`-m`) that have it, if not all conditions do. */
  readonly of?: readonly string[]
  readonly match: (value: string, inverted: boolean, state: State) => Statement[]
}

interface State {
  readonly family: 4 | 6
  readonly extensions: Set<string>
  /** Of `-p`. */
  protocol: Protocol | undefined
}

const portExtensions = ['tcp', 'udp', 'sctp']
const extensions = [
  ...portExtensions,
  'multiport',
  'mark',
  'connmark',
  'iprange',
  'conntrack',
  'state',
  'comment',
]

/** Throws ConditionError. */
export function parseIptables(tokens: readonly string[], family: 4 | 6): Statement[] {
  const state: State = { family, extensions: new Set(), protocol: undefined }
  const statements: Statement[] = []
  const rest = tokens.flatMap(splitAtEquals)
  while (rest.length > 0) {
    const before = takeNegation(rest)
    const name = rest.shift()
    if (name === undefined) throw new ConditionError('"!" with nothing behind it')
    const option = options.get(name)
    if (option === undefined) throw unsupported(name)
    if (option.of && !option.of.some(one => state.extensions.has(one)))
      throw new ConditionError(`${quote(name)} needs -m ${option.of.join(' or -m ')} before it`)
    const inverted = takeNegation(rest)
    if (inverted && before) throw new ConditionError(`"!" twice at ${quote(name)}`)
    const value = rest.shift()
    if (value === undefined) throw new ConditionError(`${quote(name)} without a value`)
    statements.push(...option.match(value, before || inverted, state))
  }
  return statements
}

/** `--source=10.0.0.0/8` */
function splitAtEquals(token: string): string[] {
  const at = token.indexOf('=')
  return token.startsWith('--') && at > 0 ? [token.slice(0, at), token.slice(at + 1)] : [token]
}

function takeNegation(rest: string[]): boolean {
  if (rest[0] !== '!') return false
  rest.shift()
  return true
}

const options = new Map<string, Option>()

function define(names: string, option: Option): void {
  for (const name of names.split(' ')) options.set(name, option)
}

define('-s --source --src', {
  match: (value, inverted, { family }) => matchAddress(family, 'saddr', addressList(value, family), inverted),
})

define('-d --destination --dst', {
  match: (value, inverted, { family }) => matchAddress(family, 'daddr', addressList(value, family), inverted),
})

define('--src-range', {
  of: ['iprange'],
  match: (value, inverted, { family }) =>
    matchAddress(family, 'saddr', [addressSpan(value, family)], inverted),
})

define('--dst-range', {
  of: ['iprange'],
  match: (value, inverted, { family }) =>
    matchAddress(family, 'daddr', [addressSpan(value, family)], inverted),
})

define('-i --in-interface', {
  match: (value, inverted) => matchInterface([interfaceName(value, '+')], inverted),
})

define('-p --protocol --proto', {
  match(value, inverted, state) {
    if (value === 'all' || value === '0') {
      if (inverted) throw new ConditionError('"! -p all" never holds')
      return []
    }
    const name = protocolName(value)
    if (state.protocol) throw new ConditionError('"-p" twice')
    if (!inverted) state.protocol = name as Protocol
    return matchProtocol([name], inverted)
  },
})

define('-m --match', {
  match(value, inverted, state) {
    if (inverted) throw new ConditionError('"!" before -m')
    if (!extensions.includes(value)) throw unsupported(`-m ${value}`)
    state.extensions.add(value)
    return []
  },
})

define('--sport --source-port', {
  match: (value, inverted, state) =>
    matchPort(portOf(state, 'sport'), [portSpan(open(value), ':')], inverted),
})

define('--dport --destination-port', {
  match: (value, inverted, state) =>
    matchPort(portOf(state, 'dport'), [portSpan(open(value), ':')], inverted),
})

define('--sports --source-ports', {
  of: ['multiport'],
  match: (value, inverted) => matchPort(th.sport, portList(value), inverted),
})

define('--dports --destination-ports', {
  of: ['multiport'],
  match: (value, inverted) => matchPort(th.dport, portList(value), inverted),
})

define('--mark', {
  of: ['mark', 'connmark'],
  match(value, inverted, state) {
    if (state.extensions.has('mark') && state.extensions.has('connmark'))
      throw new ConditionError('"--mark" with both -m mark and -m connmark')
    const [mark, mask, ...rest] = value.split('/')
    if (rest.length > 0) throw new ConditionError(`${quote(value)} is no mark`)
    const of = state.extensions.has('mark') ? 'meta' : 'ct'
    return matchMark(of, markNumber(mark!), mask === undefined ? undefined : markNumber(mask), inverted)
  },
})

define('--ctstate', {
  of: ['conntrack'],
  match: (value, inverted) => matchState(value.split(',').map(connectionState), inverted),
})

define('--state', {
  of: ['state'],
  match: (value, inverted) => matchState(value.split(',').map(connectionState), inverted),
})

define('--comment', { of: ['comment'], match: () => [] })

function addressList(text: string, family: 4 | 6): Span[] {
  return text.split(',').map(part => {
    if (part.includes('-')) throw new ConditionError(`${quote(part)} is a range, which -m iprange takes`)
    return addressSpan(family === 4 ? withLength(part) : part, family)
  })
}

/** A mask in dotted quad form as a length: `10.0.0.0/255.0.0.0`. */
function withLength(text: string): string {
  const [address, mask] = text.split('/')
  const bits = mask?.includes('.') && Ip.tryParse(mask)
  if (!bits) return text
  const length = bits.bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
  if (!new Prefix(Ip.parse('255.255.255.255'), length).first().equals(bits))
    throw new ConditionError(`${quote(text)}: a mask with holes is not supported`)
  return `${address}/${length}`
}

function portList(text: string): Span[] {
  return text.split(',').map(part => portSpan(part, ':'))
}

/** `1024:` and `:1023` */
function open(text: string): string {
  return text.replace(/^:/, '0:').replace(/:$/, ':65535')
}

function portOf({ protocol, extensions }: State, field: 'sport' | 'dport'): Selector {
  const name = protocol ?? portExtensions.find(one => extensions.has(one))
  if (name === undefined) throw new ConditionError(`"--${field}" needs -p tcp, -p udp or -p sctp before it`)
  return portFields[name as Protocol][field]
}

const reasons: Readonly<Record<string, string>> = {
  '-j': 'a condition says which connections, not what becomes of them',
  '--jump': 'a condition says which connections, not what becomes of them',
  '-m addrtype': 'only connections to addresses of the host are led to containers, without a condition',
  '-m set': 'sets of ipset can not be looked up',
}

function unsupported(name: string): ConditionError {
  if (name === '-o' || name === '--out-interface') return noWayOut(name)
  const reason = reasons[name]
  return new ConditionError(`${quote(name)} is not supported${reason ? `: ${reason}` : ''}`)
}
