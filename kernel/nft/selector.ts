// A selector names something about a packet that can be loaded into a register: a header field, a mark, a state.
import type { Ct } from '../../wire/nft/expr/ct.js'
import type { Exthdr } from '../../wire/nft/expr/exthdr.js'
import type { Fib } from '../../wire/nft/expr/fib.js'
import type { Hash } from '../../wire/nft/expr/hash.js'
import type { Meta } from '../../wire/nft/expr/meta.js'
import type { Numgen } from '../../wire/nft/expr/numgen.js'
import type { Payload } from '../../wire/nft/expr/payload.js'
import type { Rt } from '../../wire/nft/expr/rt.js'
import type { Socket } from '../../wire/nft/expr/socket.js'
import type { Datatype } from './datatype.js'

type Without<E> = Omit<E, 'dreg' | 'sreg' | 'rest'>

/** The expression that loads it, less its register. */
export type Load =
  | Without<Payload>
  | Without<Meta>
  | Without<Ct>
  | Without<Fib>
  | Without<Rt>
  | Without<Socket>
  | Without<Exthdr>
  | Without<Numgen>
  | Without<Hash>

export type Network = 'ip' | 'ip6' | 'arp' | 'vlan'

/** What must be known of a packet before a header field means anything. */
export interface Needs {
  readonly link?: 'ether'
  readonly network?: Network
  /** An IP protocol number. */
  readonly transport?: number
  /** Bridge only: the ethertype is compared in the frame, not with `meta protocol`. nft does so in places. */
  readonly inFrame?: true
}

/** A field of less than whole bytes: `mask` cuts it out of what is loaded, `shift` moves it to the right end. */
export interface Bits {
  readonly mask: number
  readonly shift: number
}

/** How a checksum changes when the field does. */
export interface Checksum {
  /** NFT_PAYLOAD_CSUM_* */
  readonly type: number
  readonly offset: number
  /** The field is part of the pseudo header of the transport checksum. */
  readonly pseudo?: true
}

export interface Selector {
  /** As nft writes it: `ip saddr`. */
  readonly text: string
  readonly type: Datatype
  readonly load: Load
  readonly needs?: Needs
  readonly bits?: Bits
  readonly checksum?: Checksum
  /** What a hash is made of. */
  readonly hashed?: readonly Selector[]
}

/** How many bytes are loaded. */
export function loadedSize(selector: Selector): number {
  return selector.load.kind === 'payload' || selector.load.kind === 'exthdr'
    ? (selector.load as Without<Payload>).len
    : selector.type.size
}
