// All expressions that have a codec. One more is one more file in expr/, and two lines here.
import type { NlReader, NlWriter } from '../netlink/attr.js'
import type { Field } from '../netlink/fields.js'
import { type Codec, list } from './attributes.js'
import { NFTA_LIST_ELEM } from './constants.js'
import { type Bitwise, bitwiseCodec } from './expr/bitwise.js'
import { type Byteorder, byteorderCodec } from './expr/byteorder.js'
import { type Cmp, cmpCodec } from './expr/cmp.js'
import { decodeExpr as decodeAny, encodeExpr as encodeAny, type RawExpr, register } from './expr/codec.js'
import { type Connlimit, connlimitCodec } from './expr/connlimit.js'
import { type Counter, counterCodec } from './expr/counter.js'
import { type Ct, ctCodec } from './expr/ct.js'
import { type Dup, dupCodec } from './expr/dup.js'
import { type Dynset, dynsetCodec } from './expr/dynset.js'
import { type Exthdr, exthdrCodec } from './expr/exthdr.js'
import { type Fib, fibCodec } from './expr/fib.js'
import { type Fwd, fwdCodec } from './expr/fwd.js'
import { type Hash, hashCodec } from './expr/hash.js'
import { type Immediate, immediateCodec } from './expr/immediate.js'
import { type Limit, limitCodec } from './expr/limit.js'
import { type Log, logCodec } from './expr/log.js'
import { type Lookup, lookupCodec } from './expr/lookup.js'
import { type Masq, masqCodec } from './expr/masq.js'
import { type Meta, metaCodec } from './expr/meta.js'
import { type Nat, natCodec } from './expr/nat.js'
import { type Notrack, notrackCodec } from './expr/notrack.js'
import { type Numgen, numgenCodec } from './expr/numgen.js'
import { type Objref, objrefCodec } from './expr/objref.js'
import { type Payload, payloadCodec } from './expr/payload.js'
import { type Queue, queueCodec } from './expr/queue.js'
import { type Quota, quotaCodec } from './expr/quota.js'
import { type Range, rangeCodec } from './expr/range.js'
import { type Redir, redirCodec } from './expr/redir.js'
import { type Reject, rejectCodec } from './expr/reject.js'
import { type Rt, rtCodec } from './expr/rt.js'
import { type Socket, socketCodec } from './expr/socket.js'

export type Expr =
  | Bitwise
  | Byteorder
  | Cmp
  | Connlimit
  | Counter
  | Ct
  | Dup
  | Dynset
  | Exthdr
  | Fib
  | Fwd
  | Hash
  | Immediate
  | Limit
  | Log
  | Lookup
  | Masq
  | Meta
  | Nat
  | Notrack
  | Numgen
  | Objref
  | Payload
  | Queue
  | Quota
  | Range
  | Redir
  | Reject
  | Rt
  | Socket
  | RawExpr

register(
  bitwiseCodec,
  byteorderCodec,
  cmpCodec,
  connlimitCodec,
  counterCodec,
  ctCodec,
  dupCodec,
  dynsetCodec,
  exthdrCodec,
  fibCodec,
  fwdCodec,
  hashCodec,
  immediateCodec,
  limitCodec,
  logCodec,
  lookupCodec,
  masqCodec,
  metaCodec,
  natCodec,
  notrackCodec,
  numgenCodec,
  objrefCodec,
  payloadCodec,
  queueCodec,
  quotaCodec,
  rangeCodec,
  redirCodec,
  rejectCodec,
  rtCodec,
  socketCodec,
)

export type { RawExpr } from './expr/codec.js'

/** Writes the attributes of an expression: its name and its data. */
export const encodeExpr: (w: NlWriter, expr: Expr) => void = encodeAny

/** Reads them. Expressions that we do not know come back as RawExpr; known ones that are broken are a WireError. */
export const decodeExpr = decodeAny as (r: NlReader) => Expr

/** A list of expressions: what a rule consists of. */
export const exprList = (attr: number): Field<readonly Expr[]> =>
  list(attr, NFTA_LIST_ELEM, { encode: encodeExpr, decode: decodeExpr } satisfies Codec<Expr>)
