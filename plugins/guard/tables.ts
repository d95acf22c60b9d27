// Our nftables tables, one a family that we need.
import { table } from '../../kernel/nft/table.js'
import { nftTable } from '../names.js'

/** What the host's IP stack sees, of both families. */
export const inetTable = table({ family: 'inet', name: nftTable })

/** Frames on their way through bridges. */
export const bridgeTable = table({ family: 'bridge', name: nftTable })

export const ourTables = [inetTable, bridgeTable] as const
