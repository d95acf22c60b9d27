// `ip neighbour`. linux/neighbour.h: RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH.
import type { Family, Ip } from '../../wire/ip.js'
import type { Mac } from '../../wire/mac.js'
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../../wire/netlink/constants.js'
import {
  NUD_PERMANENT,
  NUD_REACHABLE,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from '../../wire/route/constants.js'
import { afOf, familyOf } from '../../wire/route/family.js'
import {
  decodeNeighbour,
  encodeNeighbour,
  encodeNeighbourDump,
  type Neighbour,
} from '../../wire/route/neighbour.js'
import { ignoreNotFound, isNotFound } from '../error.js'
import type { Connect } from './connect.js'

export interface NeighbourSpec {
  /** The link. */
  readonly index: number
  readonly ip: Ip
  readonly mac: Mac
  /** For ever, and not only until it proves wrong. */
  readonly permanent?: boolean | undefined
  /** RTPROT_*: who made it. */
  readonly protocol?: number | undefined
}

export interface NeighbourListFilter {
  readonly index?: number | undefined
  readonly family?: Family | undefined
}

export class NeighbourVerbs {
  readonly #connect: Connect

  constructor(connect: Connect) {
    this.#connect = connect
  }

  /** KernelError EEXIST when the neighbour is known. */
  add(neighbour: NeighbourSpec): void {
    this.#new('neighbour add', NLM_F_CREATE | NLM_F_EXCL, neighbour)
  }

  replace(neighbour: NeighbourSpec): void {
    this.#new('neighbour replace', NLM_F_CREATE | NLM_F_REPLACE, neighbour)
  }

  /** False when it was not there. */
  remove({ index, ip }: { readonly index: number; readonly ip: Ip }): boolean {
    return ignoreNotFound(() => {
      this.#connect().request('neighbour delete', String(ip), RTM_DELNEIGH, NLM_F_ACK, w =>
        encodeNeighbour(w, { index, ip }),
      )
    })
  }

  get({ index, ip }: { readonly index: number; readonly ip: Ip }): Neighbour | undefined {
    try {
      const [reply] = this.#connect().request('neighbour get', String(ip), RTM_GETNEIGH, 0, w =>
        encodeNeighbour(w, { index, ip }),
      )
      return reply && decodeNeighbour(reply.payload)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** All that the kernel holds, in whatever state (NUD_*). */
  list({ index, family }: NeighbourListFilter = {}): Neighbour[] {
    return this.#connect()
      .dump('neighbour list', RTM_GETNEIGH, w => encodeNeighbourDump(w, { family: afOf(family), index }))
      .filter(({ payload }) => familyOf(payload[0]!) !== undefined)
      .map(({ payload }) => decodeNeighbour(payload))
  }

  #new(operation: string, flags: number, { permanent, ...neighbour }: NeighbourSpec): void {
    const state = permanent ? NUD_PERMANENT : NUD_REACHABLE
    this.#connect().request(operation, String(neighbour.ip), RTM_NEWNEIGH, flags | NLM_F_ACK, w =>
      encodeNeighbour(w, { ...neighbour, state }),
    )
  }
}
