// Sets that rules change. nft(8): "SET STATEMENT", "MAP STATEMENT".
import * as c from '../../../wire/nft/constants.js'
import type { Dynset as DynsetExpr } from '../../../wire/nft/expr/dynset.js'
import { canonical } from '../datatype.js'
import { encodeValues } from '../key.js'
import { printSelectors } from '../lookup.js'
import { type Lowering, registerNumber } from '../lowering.js'
import { selectorList } from '../mapped.js'
import type { Selector } from '../selector.js'
import { isInterval, type NftSet } from '../set.js'
import { define, printStatement } from '../statement.js'
import { duration } from '../text.js'
import type { Scalar } from '../value.js'
import { type Stateful, statefulExpr } from './stateful.js'

const ops = {
  add: c.NFT_DYNSET_OP_ADD,
  update: c.NFT_DYNSET_OP_UPDATE,
  delete: c.NFT_DYNSET_OP_DELETE,
} as const

export type DynsetOp = keyof typeof ops

export interface Dynset {
  readonly kind: 'dynset'
  readonly op: DynsetOp
  readonly set: NftSet
  readonly key: readonly Selector[]
  /** Of maps. */
  readonly value?: readonly Scalar[]
  /** In milliseconds. */
  readonly timeout?: number
  readonly stateful: readonly Stateful[]
}

export interface DynsetOptions {
  readonly value?: Scalar | readonly Scalar[]
  readonly timeout?: number
  readonly stateful?: readonly Stateful[]
}

/** `add @set { ip saddr }`: an element for the packet, unless there is one. */
export function addTo(set: NftSet, key: Selector | readonly Selector[], options?: DynsetOptions): Dynset {
  return dynset('add', set, key, options)
}

/** The same, and the element's time starts anew. */
export function update(set: NftSet, key: Selector | readonly Selector[], options?: DynsetOptions): Dynset {
  return dynset('update', set, key, options)
}

export function deleteFrom(set: NftSet, key: Selector | readonly Selector[]): Dynset {
  return dynset('delete', set, key)
}

function dynset(
  op: DynsetOp,
  set: NftSet,
  key: Selector | readonly Selector[],
  { value, timeout, stateful = [] }: DynsetOptions = {},
): Dynset {
  const values =
    value === undefined ? undefined : ((Array.isArray(value) ? value : [value]) as readonly Scalar[])
  if (values !== undefined && (set.data === undefined || typeof set.data === 'string'))
    throw new RangeError(`set ${set.name} takes no values`)
  return {
    kind: 'dynset',
    op,
    set,
    key: selectorList(key),
    ...(values !== undefined && { value: values.map((part, i) => canonical((set.data as never)[i], part)) }),
    ...(timeout !== undefined && { timeout }),
    stateful,
  }
}

export function dynsetOpFrom(number: number): DynsetOp | undefined {
  return (Object.keys(ops) as DynsetOp[]).find(op => ops[op] === number)
}

export function lowerDynset({ op, set, key, value, timeout, stateful }: Dynset, to: Lowering): void {
  to.require(key)
  const end = to.load(key, 0, isInterval(set))
  let sregData: number | undefined
  if (value !== undefined && set.data !== undefined && typeof set.data !== 'string') {
    // The next register of 16 bytes.
    const register = (end + 3) & ~3
    to.immediate(register, encodeValues(set.data, value))
    sregData = registerNumber(register)
  }
  const exprs = stateful.map(statefulExpr)
  const carried: Partial<DynsetExpr> =
    exprs.length === 0 ? {} : exprs.length === 1 ? { expr: exprs[0]! } : { exprs, flags: c.NFT_DYNSET_F_EXPR }
  to.emit({
    kind: 'dynset',
    sregKey: registerNumber(0),
    ...(sregData !== undefined && { sregData }),
    op: ops[op],
    set: set.name,
    ...(timeout !== undefined && { timeout: BigInt(timeout) }),
    ...carried,
  })
}

export function printDynset({ op, set, key, value, timeout, stateful }: Dynset): string {
  let text = printSelectors(key)
  if (timeout !== undefined) text += ` timeout ${duration(timeout)}`
  for (const one of stateful) text += ` ${printStatement(one)}`
  if (value !== undefined) {
    const types = typeof set.data === 'string' ? undefined : set.data
    text += ` : ${value.map((part, i) => types?.[i]?.print(part) ?? String(part)).join(' . ')}`
  }
  return `${op} @${set.name} { ${text} }`
}

define<Dynset>('dynset', { lower: lowerDynset, print: printDynset })
