// Conditions on published ports: `conditionsV4` and `conditionsV6` of portmap, matches in the syntax of nft(8) or of
// iptables(8), which both must hold for a connection to be led to the container. What is not understood is refused.
import { CniCode, CniError } from '../../cni/error.js'
import { IP_PROTOCOLS, type TransportProtocol } from '../../kernel/ip-protocol.js'
import { Lowering } from '../../kernel/nft/lowering.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { th } from '../../kernel/nft/selectors/transport.js'
import { lower, printStatement, type Statement } from '../../kernel/nft/statement.js'
import { match } from '../../kernel/nft/statements/match.js'
import { ConditionError } from './condition-error.js'
import { portFields } from './condition-values.js'
import { parseIptables } from './iptables-syntax.js'
import { protocols } from './mapping.js'
import { parseNft } from './nft-syntax.js'

export interface Conditions {
  /** As they were given. */
  readonly tokens: readonly string[]
  /** Matches for the beginning of a rule in a table of family inet that has matched its network protocol. */
  readonly statements: readonly Statement[]
  /** The same for all that say the same. */
  readonly text: string
  /** The only transport protocol for which they can hold, if they say so. */
  readonly protocol: TransportProtocol | undefined
}

const supported = {
  nft:
    'supported are ip/ip6 saddr and daddr, iifname, iif, meta mark, meta l4proto, tcp/udp/sctp/th sport and dport, ct mark ' +
    'and ct state, with !=, ranges, prefixes and sets in braces',
  iptables:
    'supported are -s, -d, -i, -p, -m mark, -m connmark, -m tcp/udp/sctp and -m multiport with ports, -m iprange, ' +
    '-m conntrack --ctstate, -m state and -m comment, each with !',
} as const

/** Undefined when there are none. CniError 7 names the token that is not supported. */
export function parseConditions(tokens: readonly string[], family: 4 | 6): Conditions | undefined {
  if (tokens.length === 0) return undefined
  // The reference plugin looks at the first character, too.
  const syntax = /^[-!]/.test(tokens[0]!) ? 'iptables' : 'nft'
  try {
    const parsed = syntax === 'iptables' ? parseIptables(tokens, family) : parseNft(tokens.join(' '), family)
    if (parsed.length === 0) return undefined
    const statements = canonical(parsed, protocolOf(parsed, family))
    const protocol = protocolOf(statements, family)
    return { tokens, statements, text: statements.map(printStatement).join(' '), protocol }
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error
    throw new CniError(
      CniCode.invalidConfig,
      `invalid value for "conditionsV${family}": ${error.message}`,
      supported[syntax],
    )
  }
}

/** The transport protocol that a rule is about. What can not all hold is found out here, not when the rule is sent. */
function protocolOf(statements: readonly Statement[], family: 4 | 6): TransportProtocol | undefined {
  const to = new Lowering({ family: 'inet', name: '' }, () => 0)
  const ofFamily = match(meta('nfproto'), '==', family === 4 ? 'ipv4' : 'ipv6')
  try {
    for (const statement of [ofFamily, ...statements]) lower(statement, to)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new ConditionError(error.message)
  }
  return protocols.find(name => IP_PROTOCOLS[name] === to.transport)
}

/** As nft lists them, once each: ports by the name of their protocol, which then goes without saying. */
function canonical(
  statements: readonly Statement[],
  protocol: TransportProtocol | undefined,
): readonly Statement[] {
  const named = protocol ? statements.map(each => withProtocol(each, protocol)) : statements
  const saysProtocol = (each: Statement) => printStatement(each) === `meta l4proto ${protocol}`
  const isSaid = named.some(each => each.kind === 'match' && each.left[0]!.needs?.transport !== undefined)
  const left = isSaid ? named.filter(each => !saysProtocol(each)) : named
  return [...new Map(left.map(each => [printStatement(each), each])).values()]
}

function withProtocol(statement: Statement, protocol: TransportProtocol): Statement {
  if (statement.kind !== 'match') return statement
  const [selector] = statement.left
  if (selector === th.sport) return { ...statement, left: [portFields[protocol].sport] }
  if (selector === th.dport) return { ...statement, left: [portFields[protocol].dport] }
  return statement
}
