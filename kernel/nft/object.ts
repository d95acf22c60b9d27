// Stateful objects with a name: counters, quotas, limits, connection counts. nft(8): "STATEFUL OBJECTS".
import type { ObjectData, ObjectMessage } from '../../wire/nft/object.js'
import { encodeUserdata, NFTNL_UDATA_COMMENT, stringEntry } from '../../wire/nft/userdata.js'
import { checkName, familyNumber, familyOf, type TableRef, tableRef } from './family.js'
import { objectNumber, objectTypeOf } from './object-type.js'
import { counterFrom } from './statements/counter.js'
import { ctCountFrom, limitFrom, printCtCount, printQuota, printRate, quotaFrom } from './statements/limit.js'
import { type Stateful, statefulExpr } from './statements/stateful.js'
import { checkComment, commentFrom, quoted } from './text.js'

/** Made by `object`; what `list` returns has a handle. */
export interface NftObject {
  readonly kind: 'object'
  readonly table: TableRef
  readonly name: string
  /** What it counts or limits: counter(), quota(…), limit(…), ctCount(…). */
  readonly state: Stateful
  readonly comment?: string
  readonly handle?: bigint
}

export interface ObjectOptions {
  readonly table: TableRef
  readonly name: string
  readonly state: Stateful
  readonly comment?: string
}

/** An object that rules and maps refer to by name. */
export function object({ table, name, state, comment }: ObjectOptions): NftObject {
  return {
    kind: 'object',
    table: tableRef(table),
    name: checkName('object', name),
    state,
    ...(comment !== undefined && { comment: checkComment(comment) }),
  }
}

export function objectMessage(object: NftObject): ObjectMessage {
  const { table, name, state, comment } = object
  return {
    family: familyNumber(table.family),
    table: table.name,
    name,
    type: objectNumber(state.kind)!,
    data: statefulExpr(state) as ObjectData,
    ...(comment !== undefined && { userdata: encodeUserdata([stringEntry(NFTNL_UDATA_COMMENT, comment)]) }),
  }
}

/** Undefined for families and types that we do not know. */
export function objectFrom(message: ObjectMessage): NftObject | undefined {
  const family = familyOf(message.family)
  const state = message.data && objectTypeOf(message.type) ? stateFrom(message.data) : undefined
  if (family === undefined || state === undefined) return undefined
  return {
    kind: 'object',
    table: { family, name: message.table ?? '' },
    name: message.name ?? '',
    state,
    ...commentFrom(message.userdata, NFTNL_UDATA_COMMENT),
    ...(message.handle !== undefined && { handle: message.handle }),
  }
}

function stateFrom(data: ObjectData): Stateful | undefined {
  switch (data.kind) {
    case 'counter':
      return counterFrom(data)
    case 'quota':
      return quotaFrom(data)
    case 'limit':
      return limitFrom(data)
    case 'connlimit':
      return ctCountFrom(data)
    default:
      return undefined
  }
}

/** What stands between the braces of `add counter`, `add quota` and so on. */
export function objectBody({ state, comment }: NftObject): string {
  const note = comment === undefined ? '' : `comment ${quoted(comment)} ; `
  return `${stateText(state)}${note}`
}

function stateText(state: Stateful): string {
  switch (state.kind) {
    case 'counter':
      return `packets ${state.packets} bytes ${state.bytes} ; `
    case 'quota':
      return `${printQuota(state)} ; `
    case 'limit':
      return `rate ${printRate(state)} ; `
    case 'ct count':
      return `${printCtCount(state)} ; `
  }
}
