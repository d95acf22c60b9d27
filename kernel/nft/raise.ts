// From expressions back to statements: the reverse of lowering.ts, for rules that the kernel lists.
import { isVerdict } from '../../wire/nft/data.js'
import type { Expr } from '../../wire/nft/expressions.js'
import type { Element } from './element.js'
import type { TableRef } from './family.js'
import { Lowering } from './lowering.js'
import { raiseAssign } from './raise/assign.js'
import { raiseCompare, raiseRange } from './raise/compare.js'
import { raiseNat, raisePorts } from './raise/nat.js'
import { Registers } from './raise/registers.js'
import { raiseDynset, raiseLookup, raiseObjref } from './raise/sets.js'
import type { NftSet } from './set.js'
import './statements/all.js'
import { lower, type RawStatement, type Statement } from './statement.js'
import { counterFrom } from './statements/counter.js'
import { ctCountFrom, limitFrom, quotaFrom } from './statements/limit.js'
import { logFrom } from './statements/log.js'
import { learn, type Match } from './statements/match.js'
import { rejectFrom } from './statements/reject.js'
import { verdictFrom } from './statements/verdict.js'

/** The sets that rules of a table refer to. */
export interface KnownSets {
  get(name: string): NftSet | undefined
  /** Of an anonymous set. */
  elements(set: NftSet): readonly Element[]
}

/** What a rule's expressions say; a RawStatement alone when something in them has no statement. */
export function raise(table: TableRef, expressions: readonly Expr[], sets: KnownSets): readonly Statement[] {
  try {
    const statements = raiseAll(table, expressions, sets)
    if (statements !== undefined) return withoutDependencies(table, statements)
  } catch (error) {
    // Values that are none of their type's: not what nft, or we, would have written.
    if (!(error instanceof RangeError)) throw error
  }
  return [{ kind: 'raw', expressions } satisfies RawStatement]
}

function raiseAll(table: TableRef, expressions: readonly Expr[], sets: KnownSets): Statement[] | undefined {
  const registers = new Registers(table)
  const statements: Statement[] = []
  for (let i = 0; i < expressions.length; i++) {
    const raised = raiseOne(expressions[i]!, expressions[i + 1], registers, sets)
    if (raised === undefined) return undefined
    for (const statement of raised.statements) {
      if (statement.kind === 'match') follow(statement, registers)
      statements.push(statement)
    }
    i += raised.skip ?? 0
  }
  return statements
}

/** The statements that one expression completes, none while it only fills registers; `skip`: it took the next, too. */
export interface Raised {
  readonly statements: readonly Statement[]
  readonly skip?: number
}

const nothing: Raised = { statements: [] }

function raiseOne(
  expr: Expr,
  next: Expr | undefined,
  registers: Registers,
  sets: KnownSets,
): Raised | undefined {
  switch (expr.kind) {
    case 'payload':
    case 'meta':
    case 'ct':
    case 'exthdr':
      if (expr.dreg === undefined) return one(raiseAssign(expr, registers))
      return registers.load(expr, expr.dreg) ? nothing : undefined
    case 'fib':
    case 'rt':
    case 'socket':
    case 'numgen':
      return registers.load(expr, expr.dreg) ? nothing : undefined
    case 'hash':
      return registers.hash(expr) ? nothing : undefined
    case 'bitwise':
      return registers.bitwise(expr) ? nothing : undefined
    case 'byteorder':
      return registers.turn(expr) ? nothing : undefined
    case 'immediate':
      if (isVerdict(expr.data)) return one(verdictFrom(expr.data))
      registers.set(expr.dreg, { kind: 'bytes', bytes: expr.data })
      return nothing
    case 'cmp':
      return raiseCompare(expr, next, registers)
    case 'range':
      return one(raiseRange(expr, registers))
    case 'lookup':
      return raiseLookup(expr, registers, sets)
    case 'objref':
      return one(raiseObjref(expr, registers, sets))
    case 'dynset':
      return one(raiseDynset(expr, registers, sets))
    case 'nat':
      return one(raiseNat(expr, registers))
    case 'masq':
    case 'redir':
      return one(raisePorts(expr, registers))
    case 'counter':
      return one(counterFrom(expr))
    case 'limit':
      return one(limitFrom(expr))
    case 'quota':
      return one(quotaFrom(expr))
    case 'connlimit':
      return one(ctCountFrom(expr))
    case 'log':
      return one(logFrom(expr))
    case 'reject':
      return one(rejectFrom(expr, registers.known.network))
    case 'notrack':
      return one({ kind: 'notrack' })
    case 'dup':
      return one(expr.sregAddr === undefined ? registers.device('dup', expr.sregDev) : undefined)
    case 'fwd':
      return one(expr.sregAddr === undefined ? registers.device('fwd', expr.sregDev) : undefined)
    default:
      return undefined
  }
}

function one(statement: Statement | undefined): Raised | undefined {
  return statement && { statements: [statement] }
}

function follow({ left, mask, op, right }: Match, { known }: Registers): void {
  if (op === '==' && mask === undefined) learn(left[0]!, right as never, known)
}

/**
 * Drops the matches that only prepare for a later statement: those without which the rule's expressions are the same.
 */
function withoutDependencies(table: TableRef, statements: readonly Statement[]): readonly Statement[] {
  const whole = fingerprint(table, statements)
  let kept = statements
  // What comes last may need what comes before it.
  for (const statement of statements.toReversed()) {
    if (statement.kind !== 'match' || !prepares(statement)) continue
    const without = kept.filter(other => other !== statement)
    if (hasFingerprint(table, without, whole)) kept = without
  }
  return kept
}

/** Without what prepares for them, some statements do not even fit their rule. */
function hasFingerprint(table: TableRef, statements: readonly Statement[], wanted: string): boolean {
  try {
    return fingerprint(table, statements) === wanted
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

const preparing: ReadonlySet<string> = new Set([
  'meta nfproto',
  'meta protocol',
  'meta l4proto',
  'meta iiftype',
  'ether type',
])

function prepares({ left, mask, op }: Match): boolean {
  return op === '==' && mask === undefined && preparing.has(left[0]!.text)
}

/** Text that is the same for the same expressions. */
export function fingerprint(table: TableRef, statements: readonly Statement[]): string {
  let id = 0
  const to = new Lowering(table, () => ++id)
  for (const statement of statements) lower(statement, to)
  return expressionsText(to.expressions)
}

/** The expressions as text, their bytes in hex. */
export function expressionsText(expressions: readonly Expr[]): string {
  return JSON.stringify(expressions, (_, value) =>
    typeof value === 'bigint'
      ? `${value}n`
      : value instanceof Uint8Array
        ? Buffer.from(value).toString('hex')
        : value,
  )
}
