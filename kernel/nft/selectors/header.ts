// Header fields, by base, offset and length.
import { NFT_PAYLOAD_CSUM_INET } from '../../../wire/nft/constants.js'
import type { Datatype } from '../datatype.js'
import { datatype, plainInteger } from '../datatypes.js'
import type { Bits, Checksum, Needs, Selector } from '../selector.js'

export interface FieldOptions {
  readonly bits?: Bits
  /** Covered by the pseudo header of the transport checksum. */
  readonly pseudo?: true
}

/** Makes the fields of one header: its name, where it is, what must be known first, and its checksum. */
export function header(name: string, base: number, needs: Needs | undefined, checksum?: Checksum) {
  return (
    field: string,
    offset: number,
    len: number,
    type?: string | Datatype,
    { bits, pseudo }: FieldOptions = {},
  ): Selector => ({
    text: `${name} ${field}`,
    type: type === undefined ? plainInteger(len) : typeof type === 'string' ? datatype(type) : type,
    load: { kind: 'payload', base, offset, len },
    ...(needs && { needs }),
    ...(bits && { bits }),
    ...(checksum && { checksum: pseudo ? { ...checksum, pseudo } : checksum }),
  })
}

export function internetChecksum(offset: number): Checksum {
  return { type: NFT_PAYLOAD_CSUM_INET, offset }
}
