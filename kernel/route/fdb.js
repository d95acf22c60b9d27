import {
  AF_BRIDGE,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from '../../wire/netlink/constants.js'
import {
  NTF_MASTER,
  NTF_SELF,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_REACHABLE,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from '../../wire/route/constants.js'
import { decodeNeighbour, encodeNeighbour, encodeNeighbourDump } from '../../wire/route/neighbour.js'
import { ignoreNotFound } from '../error.js'

const STATES = {
  permanent: NUD_PERMANENT,
  static: NUD_NOARP | NUD_REACHABLE,
  dynamic: NUD_REACHABLE,
}
export class FdbVerbs {
  #connect
  constructor(connect) {
    this.#connect = connect
  }
  /** KernelError EEXIST when the address is in the table. */
  add(entry) {
    this.#request('fdb add', RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, entry)
  }
  replace(entry) {
    this.#request('fdb replace', RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, entry)
  }
  /** Another tunnel end for the same address (all zeros: for broadcast and unknown ones). */
  append(entry) {
    this.#request('fdb append', RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND, entry)
  }
  /** False when it was not there. */
  remove(entry) {
    return ignoreNotFound(() => this.#request('fdb delete', RTM_DELNEIGH, 0, entry))
  }
  /** The entries of one device, or of all ports of a bridge. The tunnel's other end is `ip`. */
  list(filter = {}) {
    const { index, bridge: master } = filter
    return this.#connect()
      .dump('fdb list', RTM_GETNEIGH, w => encodeNeighbourDump(w, { family: AF_BRIDGE, index, master }))
      .map(({ payload }) => decodeNeighbour(payload))
  }
  #request(operation, type, flags, entry) {
    const { index, mac, of = 'self', state = 'permanent', remote: ip, port, vni, vlan } = entry
    this.#connect().request(operation, String(mac), type, flags | NLM_F_ACK, w =>
      encodeNeighbour(w, {
        family: AF_BRIDGE,
        flags: of === 'self' ? NTF_SELF : NTF_MASTER,
        state: STATES[state],
        index,
        mac,
        ip,
        port,
        vni,
        vlan,
      }),
    )
  }
}
//# sourceMappingURL=fdb.js.map
