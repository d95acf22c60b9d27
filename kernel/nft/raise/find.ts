// Which selector an expression loads. Header fields are told apart by what the rule has matched before.
import * as c from '../../../wire/nft/constants.js'
import type { Ct } from '../../../wire/nft/expr/ct.js'
import type { Exthdr } from '../../../wire/nft/expr/exthdr.js'
import type { Fib } from '../../../wire/nft/expr/fib.js'
import type { Hash } from '../../../wire/nft/expr/hash.js'
import type { Meta } from '../../../wire/nft/expr/meta.js'
import type { Numgen } from '../../../wire/nft/expr/numgen.js'
import type { Payload } from '../../../wire/nft/expr/payload.js'
import type { Rt } from '../../../wire/nft/expr/rt.js'
import type { Socket } from '../../../wire/nft/expr/socket.js'
import { isIpAddress } from '../datatypes.js'
import type { Lowering } from '../lowering.js'
import type { Load, Selector } from '../selector.js'
import { fibFrom } from '../selectors/fib.js'
import { jhash, numgen, symhash } from '../selectors/number.js'
import { allSelectors } from './catalogue.js'

export type Loaded = Payload | Meta | Ct | Exthdr | Fib | Rt | Socket | Numgen | Hash

/** What the rule has matched so far. */
export type Known = Pick<Lowering, 'table' | 'link' | 'network' | 'transport'>

/** The selectors that an expression may be: several where they are parts of the same bytes. */
export function findLoaded(expr: Loaded, known: Known, hashed?: readonly Selector[]): readonly Selector[] {
  switch (expr.kind) {
    case 'fib':
      return [fibFrom(expr)].filter(found => found !== undefined)
    case 'numgen':
      return [numgen(expr.type === c.NFT_NG_RANDOM ? 'random' : 'inc', expr.modulus, expr.offset ?? 0)]
    case 'hash':
      return [hashFrom(expr, hashed)]
    case 'payload':
      return allSelectors()
        .filter(({ load }) => sameBytes(load, expr))
        .filter(selector => fits(selector, known))
    default:
      return allSelectors().filter(({ load }) => sameLoad(load, expr))
  }
}

function hashFrom({ type, modulus, offset = 0, seed }: Hash, hashed: readonly Selector[] = []): Selector {
  if (type === c.NFT_HASH_SYM) return symhash(modulus, offset)
  return jhash(hashed, modulus, { offset, ...(seed !== undefined && { seed }) })
}

function sameBytes(load: Load, { base, offset, len }: Payload): boolean {
  return load.kind === 'payload' && load.base === base && load.offset === offset && load.len === len
}

function sameLoad(load: Load, expr: Loaded): boolean {
  const has = load as unknown as Record<string, unknown>
  const wants = expr as unknown as Record<string, unknown>
  if (has.kind !== wants.kind || has.key !== wants.key) return false
  const { dreg, sreg, rest, ...wanted } = wants
  // The kernel lists zeros for what was not given.
  return [...new Set([...Object.keys(has), ...Object.keys(wanted)])].every(
    key => (has[key] ?? absent(key)) === (wanted[key] ?? absent(key)),
  )
}

function absent(key: string): number | undefined {
  return key === 'flags' || key === 'op' || key === 'level' ? 0 : undefined
}

/** Whether a header field is one of the packets that the rule is about. */
export function fits({ needs }: Selector, { table, link, network, transport }: Known): boolean {
  if (needs === undefined) return transport === undefined
  if (needs.link !== undefined && link === undefined && table.family !== 'bridge') return false
  if (needs.network !== undefined && needs.network !== network) return false
  return needs.transport === undefined || needs.transport === transport
}

/** Header fields that lie side by side in the bytes that an expression loads; undefined when they do not fill them. */
export function findAdjacent(expr: Payload, known: Known): readonly Selector[] | undefined {
  const found: Selector[] = []
  const end = expr.offset + expr.len
  for (let at = expr.offset; at < end; ) {
    const next = allSelectors().find(
      selector =>
        selector.load.kind === 'payload' &&
        selector.load.base === expr.base &&
        selector.load.offset === at &&
        selector.load.offset + selector.load.len <= end &&
        selector.bits === undefined &&
        fits(selector, known),
    )
    if (next === undefined) return undefined
    found.push(next)
    at += (next.load as Payload).len
  }
  return found
}

/** The address field of which an expression loads the first bytes only. */
export function findTruncated(expr: Payload, known: Known): Selector | undefined {
  return allSelectors().find(
    selector =>
      selector.load.kind === 'payload' &&
      selector.load.base === expr.base &&
      selector.load.offset === expr.offset &&
      selector.load.len > expr.len &&
      isIpAddress(selector.type) &&
      fits(selector, known),
  )
}
