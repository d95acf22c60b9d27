// Conditions on published ports: `conditionsV4` and `conditionsV6` of portmap, matches in the syntax of nft(8) or of
// iptables(8), which both must hold for a connection to be led to the container. What is not understood is refused.
import { CniCode, CniError } from '../../cni/error.js'
import { Lowering } from '../../kernel/nft/lowering.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { lower, printStatement, type Statement } from '../../kernel/nft/statement.js'
import { match } from '../../kernel/nft/statements/match.js'
import { ConditionError } from './condition-error.js'
import { parseIptables } from './iptables-syntax.js'
import { parseNft } from './nft-syntax.js'

export interface Conditions {
  /** As they were given. */
  readonly tokens: readonly string[]
  /** Matches for the beginning of a rule in a table of family inet that has matched its network protocol. */
  readonly statements: readonly Statement[]
  /** The same for all that say the same. */
  readonly text: string
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
    const statements =
      syntax === 'iptables' ? parseIptables(tokens, family) : parseNft(tokens.join(' '), family)
    if (statements.length === 0) return undefined
    lowerAll(statements, family)
    return { tokens, statements, text: statements.map(printStatement).join(' ') }
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error
    throw new CniError(
      CniCode.invalidConfig,
      `invalid value for "conditionsV${family}": ${error.message}`,
      supported[syntax],
    )
  }
}

/** What can not all hold is found out here, not when the rule is sent. */
function lowerAll(statements: readonly Statement[], family: 4 | 6): void {
  const to = new Lowering({ family: 'inet', name: '' }, () => 0)
  const ofFamily = match(meta('nfproto'), '==', family === 4 ? 'ipv4' : 'ipv6')
  try {
    for (const statement of [ofFamily, ...statements]) lower(statement, to)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new ConditionError(error.message)
  }
}
