import { NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../../wire/netlink/constants.js'
import {
  NUD_PERMANENT,
  NUD_REACHABLE,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from '../../wire/route/constants.js'
import { afOf, familyOf } from '../../wire/route/family.js'
import { decodeNeighbour, encodeNeighbour, encodeNeighbourDump } from '../../wire/route/neighbour.js'
import { ignoreNotFound, isNotFound } from '../error.js'
export class NeighbourVerbs {
  #connect
  constructor(connect) {
    this.#connect = connect
  }
  /** KernelError EEXIST when the neighbour is known. */
  add(neighbour) {
    this.#new('neighbour add', NLM_F_CREATE | NLM_F_EXCL, neighbour)
  }
  replace(neighbour) {
    this.#new('neighbour replace', NLM_F_CREATE | NLM_F_REPLACE, neighbour)
  }
  /** False when it was not there. */
  remove({ index, ip }) {
    return ignoreNotFound(() => {
      this.#connect().request('neighbour delete', String(ip), RTM_DELNEIGH, NLM_F_ACK, w =>
        encodeNeighbour(w, { index, ip }),
      )
    })
  }
  get({ index, ip }) {
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
  list({ index, family } = {}) {
    return this.#connect()
      .dump('neighbour list', RTM_GETNEIGH, w => encodeNeighbourDump(w, { family: afOf(family), index }))
      .filter(({ payload }) => familyOf(payload[0]) !== undefined)
      .map(({ payload }) => decodeNeighbour(payload))
  }
  #new(operation, flags, { permanent, ...neighbour }) {
    const state = permanent ? NUD_PERMANENT : NUD_REACHABLE
    this.#connect().request(operation, String(neighbour.ip), RTM_NEWNEIGH, flags | NLM_F_ACK, w =>
      encodeNeighbour(w, { ...neighbour, state }),
    )
  }
}
//# sourceMappingURL=neighbour.js.map
