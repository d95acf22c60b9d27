// All statements: what each is in expressions, and in nft text.
import type { Expr } from '../../wire/nft/expressions.js'
import type { Lowering } from './lowering.js'
import { type Assign, lowerAssign, printAssign } from './statements/assign.js'
import { type Device, lowerDevice, type Notrack, printDevice } from './statements/device.js'
import {
  type Dynset,
  lowerDynset,
  printDynset,
  printStateful,
  type Stateful,
  statefulExpr,
} from './statements/dynset.js'
import { type Log, lowerLog, printLog } from './statements/log.js'
import { lowerMatch, type Match, printMatch } from './statements/match.js'
import {
  lowerNat,
  lowerPorts,
  type Masquerade,
  type Nat,
  printNat,
  printPorts,
  type Redirect,
} from './statements/nat.js'
import { lowerObjref, type Objref, printObjref } from './statements/objref.js'
import { lowerReject, printReject, type Reject } from './statements/reject.js'
import { lowerVerdict, printVerdict, type Verdict } from './statements/verdict.js'
import { lowerVmap, printVmap, type Vmap } from './statements/vmap.js'

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

interface Behaviour<S> {
  readonly lower: (statement: S, to: Lowering) => void
  readonly print: (statement: S) => string
}

const stateful: Behaviour<Stateful> = {
  lower: (statement, to) => to.emit(statefulExpr(statement)),
  print: printStateful,
}
const ports: Behaviour<Masquerade | Redirect> = { lower: lowerPorts, print: printPorts }
const device: Behaviour<Device> = { lower: lowerDevice, print: printDevice }

const behaviours: { readonly [S in Statement as S['kind']]: Behaviour<S> } = {
  match: { lower: lowerMatch, print: printMatch },
  verdict: { lower: lowerVerdict, print: printVerdict },
  vmap: { lower: lowerVmap, print: printVmap },
  counter: stateful,
  limit: stateful,
  quota: stateful,
  'ct count': stateful,
  log: { lower: lowerLog, print: printLog },
  reject: { lower: lowerReject, print: printReject },
  nat: { lower: lowerNat, print: printNat },
  masquerade: ports,
  redirect: ports,
  assign: { lower: lowerAssign, print: printAssign },
  objref: { lower: lowerObjref, print: printObjref },
  dynset: { lower: lowerDynset, print: printDynset },
  dup: device,
  fwd: device,
  notrack: { lower: (_, to) => to.emit({ kind: 'notrack' }), print: () => 'notrack' },
  raw: {
    lower: ({ expressions }, to) => {
      for (const expr of expressions) to.emit(expr)
    },
    // There is no nft text for it; a comment says so where the rule is printed.
    print: ({ expressions }) =>
      `# ${expressions.map(expr => (expr.kind === 'raw' ? expr.name : expr.kind)).join(' ')}`,
  },
}

/** Adds the expressions of a statement. What does not fit the rule is a RangeError. */
export function lower(statement: Statement, to: Lowering): void {
  ;(behaviours[statement.kind] as Behaviour<Statement>).lower(statement, to)
}

/** nft text. */
export function printStatement(statement: Statement): string {
  return (behaviours[statement.kind] as Behaviour<Statement>).print(statement)
}
