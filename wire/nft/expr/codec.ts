// One expression in a rule: its name, and attributes by a codec that belongs to the name.
// linux/netfilter/nf_tables.h: enum nft_expr_attributes.
import { NlReader, type NlWriter, type RawAttribute } from '../../netlink/attr.js'
import type { Field } from '../../netlink/fields.js'
import { WireError } from '../../wire-error.js'
import { type Codec, codec, type Fields, nested } from '../attributes.js'
import { NFTA_EXPR_DATA, NFTA_EXPR_NAME } from '../constants.js'

/** What all expressions have in common; `kind` is the kernel's name for it. */
export interface AnyExpr {
  readonly kind: string
  /** Attributes that we do not know, as they came. */
  readonly rest?: readonly RawAttribute[]
}

/** An expression without a codec, e.g. the `match` and `target` of iptables-nft: everything but its name is in `rest`. */
export interface RawExpr extends AnyExpr {
  readonly kind: 'raw'
  readonly name: string
}

export interface ExprCodec<E extends AnyExpr> {
  readonly name: E['kind']
  /** Undefined: this expression has no attributes, not even an empty nest for them. */
  readonly body: Codec<E> | undefined
}

/** Without fields, the expression has no attributes. */
export function exprCodec<E extends AnyExpr>(name: E['kind'], fields?: () => Fields<E>): ExprCodec<E> {
  const constants = { kind: name } as Partial<E>
  return { name, body: fields && codec<E>(name, fields, constants) }
}

const codecs = new Map<string, ExprCodec<AnyExpr>>()

/** Makes expressions known to `encodeExpr` and `decodeExpr`. */
export function register(...added: readonly { readonly name: string; readonly body: unknown }[]): void {
  for (const one of added) codecs.set(one.name, one as ExprCodec<AnyExpr>)
}

/** Writes the attributes of one NFTA_LIST_ELEM. */
export function encodeExpr(w: NlWriter, expr: AnyExpr): void {
  if (isRaw(expr)) {
    w.attrString(NFTA_EXPR_NAME, expr.name).raw(expr.rest)
    return
  }
  const known = codecs.get(expr.kind)
  if (known === undefined) throw new RangeError(`no such expression: ${expr.kind}`)
  w.attrString(NFTA_EXPR_NAME, expr.kind)
  if (known.body !== undefined) w.nested(NFTA_EXPR_DATA, inner => known.body!.encode(inner, expr))
}

/** Reads the attributes of one NFTA_LIST_ELEM. */
export function decodeExpr(r: NlReader): AnyExpr {
  let name: string | undefined
  let body: NlReader | undefined
  const raw: RawAttribute[] = []
  while (r.next()) {
    if (r.type === NFTA_EXPR_NAME) name = r.string()
    else raw.push(r.raw())
    if (r.type === NFTA_EXPR_DATA) body = r.inner()
  }
  if (name === undefined) throw new WireError('an expression without a name', r.offset)
  const known = codecs.get(name)
  if (known === undefined) return { kind: 'raw', name, rest: raw } as RawExpr
  if (known.body === undefined) return { kind: name }
  return known.body.decode(body ?? new NlReader(Buffer.alloc(0)))
}

export function isRaw(expr: AnyExpr): expr is RawExpr {
  return expr.kind === 'raw'
}

export const exprNest: Codec<AnyExpr> = { encode: encodeExpr, decode: decodeExpr }

/** One expression in an attribute of its own: what a dynset or an element carries. */
export function exprField<E extends AnyExpr>(type: number): Field<E> {
  return nested(type, exprNest as Codec<E>)
}
