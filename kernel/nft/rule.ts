// Rules.
import type { RuleMessage } from '../../wire/nft/rule.js'
import { encodeUserdata, NFTNL_UDATA_COMMENT, stringEntry } from '../../wire/nft/userdata.js'
import { type ChainRef, familyNumber, familyOf, path, tableRef } from './family.js'
import { type AnonymousSet, Lowering } from './lowering.js'
import { lower, printStatement, type Statement } from './statement.js'
import { checkComment, commentFrom, commentText } from './text.js'

/** Made by `rule`; what is listed has a handle, and its statements are in canonical form. */
export interface Rule {
  readonly kind: 'rule'
  readonly chain: ChainRef
  readonly statements: readonly Statement[]
  readonly comment?: string
  /** The kernel's name for it, to replace or delete it by. */
  readonly handle?: bigint
  /** The handle of another rule: an added rule goes behind it, an inserted one before it. */
  readonly position?: bigint
}

export interface RuleOptions {
  readonly chain: ChainRef
  readonly statements?: readonly Statement[]
  readonly comment?: string
  readonly handle?: bigint
  readonly position?: bigint
}

/** A rule. Whether its statements fit its table is found out when it is sent (RangeError). */
export function rule({ chain, statements = [], comment, ...places }: RuleOptions): Rule {
  return {
    kind: 'rule',
    chain: { table: tableRef(chain.table), name: chain.name },
    statements,
    ...(comment !== undefined && { comment: checkComment(comment) }),
    ...places,
  }
}

/** What NEWRULE sends, and the sets that must be made before. `nextSetId` counts the sets of the batch. */
export function ruleMessage(
  rule: Rule,
  nextSetId: () => number,
): { readonly message: RuleMessage; readonly anonymous: readonly AnonymousSet[] } {
  const { chain, statements, comment, handle, position } = rule
  const to = new Lowering(chain.table, nextSetId)
  for (const statement of statements) lower(statement, to)
  const message: RuleMessage = {
    ...ruleKey(rule),
    ...(handle !== undefined && { handle }),
    ...(position !== undefined && { position }),
    expressions: to.expressions,
    ...(comment !== undefined && { userdata: encodeUserdata([stringEntry(NFTNL_UDATA_COMMENT, comment)]) }),
  }
  return { message, anonymous: to.anonymous }
}

/** The chain of a rule. */
export function ruleKey({ chain }: Rule): RuleMessage {
  return { family: familyNumber(chain.table.family), table: chain.table.name, chain: chain.name }
}

/** What the kernel describes, its expressions unread. Undefined for a family that we do not know. */
export function ruleFrom(message: RuleMessage): Rule | undefined {
  const family = familyOf(message.family)
  if (family === undefined) return undefined
  return {
    kind: 'rule',
    chain: { table: { family, name: message.table ?? '' }, name: message.chain ?? '' },
    statements: [{ kind: 'raw', expressions: message.expressions ?? [] }],
    ...commentFrom(message.userdata, NFTNL_UDATA_COMMENT),
    ...(message.handle !== undefined && { handle: message.handle }),
  }
}

/** `ip saddr 10.1.2.3 accept comment "x"` */
export function ruleText({ statements, comment }: Rule): string {
  return `${statements.map(printStatement).join(' ')}${commentText(comment)}`
}

/** `inet plumbline forward`, with where in the chain. */
export function rulePath({ chain, handle, position }: Rule): string {
  const place = position === undefined ? '' : ` position ${position}`
  return `${path(chain)}${place}${handle === undefined ? '' : ` handle ${handle}`}`
}
