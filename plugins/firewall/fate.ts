// What a rule of somebody else does with every packet that comes to it. iptables-nft writes `-m comment` and targets that nf_tables
// has no expression for as expressions of x_tables: linux/netfilter/nf_tables_compat.h.
import type { Rule } from '../../kernel/nft/rule.js'
import { NlReader } from '../../wire/netlink/attr.js'
import { NF_ACCEPT, NF_DROP, NFT_GOTO, NFT_JUMP } from '../../wire/nft/constants.js'
import { isVerdict } from '../../wire/nft/data.js'
import type { Expr, RawExpr } from '../../wire/nft/expressions.js'

export type Fate =
  | { readonly kind: 'drop' }
  | { readonly kind: 'accept' }
  /** `goto` does not come back. */
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }

/** Undefined when it depends on the packet, when the packet goes on, or when the rule holds something we do not know. */
export function fateOf({ statements }: Rule): Fate | undefined {
  const expressions = statements.flatMap(one => (one.kind === 'raw' ? one.expressions : []))
  const [last, ...others] = expressions.filter(expr => !isIdle(expr)).toReversed()
  return last === undefined || others.length > 0 ? undefined : fateBy(last)
}

/** Neither looks at the packet nor decides on it. */
function isIdle(expr: Expr): boolean {
  if (expr.kind === 'counter' || expr.kind === 'log') return true
  return expr.kind === 'raw' && expr.name === 'match' && xtName(expr) === 'comment'
}

function fateBy(expr: Expr): Fate | undefined {
  if (expr.kind === 'reject') return { kind: 'drop' }
  if (expr.kind === 'raw')
    return expr.name === 'target' && ['REJECT', 'DROP'].includes(xtName(expr) ?? '')
      ? { kind: 'drop' }
      : undefined
  if (expr.kind !== 'immediate' || !isVerdict(expr.data)) return undefined
  const { code, chain } = expr.data
  switch (code) {
    case NF_DROP:
      return { kind: 'drop' }
    case NF_ACCEPT:
      return { kind: 'accept' }
    case NFT_JUMP:
      return { kind: 'jump', chain: chain ?? '' }
    case NFT_GOTO:
      return { kind: 'goto', chain: chain ?? '' }
    default:
      return undefined
  }
}

/** NFTA_EXPR_DATA; in it NFTA_MATCH_NAME, which is NFTA_TARGET_NAME. */
const NFTA_EXPR_DATA = 2
const NFTA_XT_NAME = 1

function xtName({ rest = [] }: RawExpr): string | undefined {
  const data = rest.find(attribute => attribute.type === NFTA_EXPR_DATA)?.data
  if (data === undefined) return undefined
  const r = new NlReader(Buffer.from(data))
  while (r.next()) if (r.type === NFTA_XT_NAME) return r.string()
  return undefined
}
