// All statements. What each is in expressions and in nft text, its own file says: a process has those that it uses.
import type { Expr } from '../../wire/nft/expressions.js'
import type { Lowering } from './lowering.js'
import type { Assign } from './statements/assign.js'
import type { Device, Notrack } from './statements/device.js'
import type { Dynset } from './statements/dynset.js'
import type { Log } from './statements/log.js'
import type { Match } from './statements/match.js'
import type { Masquerade, Nat, Redirect } from './statements/nat.js'
import type { Objref } from './statements/objref.js'
import type { Reject } from './statements/reject.js'
import type { Stateful } from './statements/stateful.js'
import type { Verdict } from './statements/verdict.js'
import type { Vmap } from './statements/vmap.js'

/** A rule that holds something we do not know is one of these: its expressions, as the kernel lists them. */
export interface RawStatement {
  readonly kind: 'raw'
  readonly expressions: readonly Expr[]
}

export type Statement =
  | Match
  | Verdict
  | Vmap
  | Stateful
  | Log
  | Reject
  | Nat
  | Masquerade
  | Redirect
  | Assign
  | Objref
  | Dynset
  | Device
  | Notrack
  | RawStatement

export interface Behaviour<S> {
  readonly lower: (statement: S, to: Lowering) => void
  /** nft text. */
  readonly print: (statement: S) => string
}

const behaviours = new Map<string, Behaviour<Statement>>()

/** Says how statements of a kind behave. */
export function define<S extends Statement>(kind: S['kind'], behaviour: Behaviour<S>): void {
  behaviours.set(kind, behaviour as unknown as Behaviour<Statement>)
}

/** Adds the expressions of a statement. What does not fit the rule is a RangeError. */
export function lower(statement: Statement, to: Lowering): void {
  behaviours.get(statement.kind)!.lower(statement, to)
}

/** nft text. */
export function printStatement(statement: Statement): string {
  return behaviours.get(statement.kind)!.print(statement)
}

define<RawStatement>('raw', {
  lower: ({ expressions }, to) => {
    for (const expr of expressions) to.emit(expr)
  },
  // There is no nft text for it; a comment says so where the rule is printed.
  print: ({ expressions }) =>
    `# ${expressions.map(expr => (expr.kind === 'raw' ? expr.name : expr.kind)).join(' ')}`,
})
