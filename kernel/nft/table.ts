// Tables.
import { NFT_TABLE_F_DORMANT } from '../../wire/nft/constants.js'
import type { TableMessage } from '../../wire/nft/table.js'
import { encodeUserdata, NFTNL_UDATA_COMMENT, stringEntry } from '../../wire/nft/userdata.js'
import { checkName, type Family, familyNumber, familyOf, type TableRef } from './family.js'
import { checkComment, commentFrom, quoted } from './text.js'

/** Made by `table`; what `list` returns has a handle. */
export interface Table extends TableRef {
  readonly kind: 'table'
  /** Its chains are not called. */
  readonly dormant?: true
  readonly comment?: string
  readonly handle?: bigint
}

export interface TableOptions {
  readonly family: Family
  readonly name: string
  readonly dormant?: boolean
  readonly comment?: string
}

export function table({ family, name, dormant, comment }: TableOptions): Table {
  return {
    kind: 'table',
    family,
    name: checkName('table', name),
    ...(dormant && { dormant }),
    ...(comment !== undefined && { comment: checkComment(comment) }),
  }
}

export function tableMessage({ family, name, dormant, comment }: Table): TableMessage {
  return {
    family: familyNumber(family),
    name,
    flags: dormant ? NFT_TABLE_F_DORMANT : 0,
    ...(comment !== undefined && { userdata: encodeUserdata([stringEntry(NFTNL_UDATA_COMMENT, comment)]) }),
  }
}

/** Undefined for a family that we do not know. */
export function tableFrom(message: TableMessage): Table | undefined {
  const family = familyOf(message.family)
  if (family === undefined) return undefined
  return {
    kind: 'table',
    family,
    name: message.name ?? '',
    ...(((message.flags ?? 0) & NFT_TABLE_F_DORMANT) !== 0 && { dormant: true as const }),
    ...commentFrom(message.userdata, NFTNL_UDATA_COMMENT),
    ...(message.handle !== undefined && { handle: message.handle }),
  }
}

/** What stands between the braces of `add table`: `comment "x" ; ` */
export function tableBody({ dormant, comment }: Table): string {
  return `${dormant ? 'flags dormant ; ' : ''}${comment === undefined ? '' : `comment ${quoted(comment)} ; `}`
}
