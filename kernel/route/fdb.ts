// `bridge fdb`: the forwarding tables of bridges and VXLAN devices. linux/neighbour.h: RTM_NEWNEIGH of AF_BRIDGE.
import type { Ip } from '../../wire/ip.js'
import type { Mac } from '../../wire/mac.js'
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
import {
  decodeNeighbour,
  encodeNeighbour,
  encodeNeighbourDump,
  type Neighbour,
} from '../../wire/route/neighbour.js'
import { ignoreNotFound } from '../error.js'
import type { Connect } from './connect.js'

export interface FdbEntry {
  /** The port, or the VXLAN device. */
  readonly index: number
  readonly mac: Mac
  /** Whose table: the device's own (the default), or that of the bridge it is a port of. */
  readonly of?: 'self' | 'master' | undefined
  /** 'permanent' (the default) is an address of this machine, 'static' never ages, 'dynamic' does. */
  readonly state?: 'permanent' | 'static' | 'dynamic' | undefined
  /** The other end of the VXLAN tunnel, its UDP port and network identifier if they are not the device's. */
  readonly remote?: Ip | undefined
  readonly port?: number | undefined
  readonly vni?: number | undefined
  readonly vlan?: number | undefined
}

const STATES = {
  permanent: NUD_PERMANENT,
  static: NUD_NOARP | NUD_REACHABLE,
  dynamic: NUD_REACHABLE,
} as const

export class FdbVerbs {
  readonly #connect: Connect

  constructor(connect: Connect) {
    this.#connect = connect
  }

  /** KernelError EEXIST when the address is in the table. */
  add(entry: FdbEntry): void {
    this.#request('fdb add', RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, entry)
  }

  replace(entry: FdbEntry): void {
    this.#request('fdb replace', RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, entry)
  }

  /** Another tunnel end for the same address (all zeros: for broadcast and unknown ones). */
  append(entry: FdbEntry): void {
    this.#request('fdb append', RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND, entry)
  }

  /** False when it was not there. */
  remove(entry: FdbEntry): boolean {
    return ignoreNotFound(() => this.#request('fdb delete', RTM_DELNEIGH, 0, entry))
  }

  /** The entries of one device, or of all ports of a bridge. The tunnel's other end is `ip`. */
  list(
    filter: { readonly index?: number | undefined; readonly bridge?: number | undefined } = {},
  ): Neighbour[] {
    const { index, bridge: master } = filter
    return this.#connect()
      .dump('fdb list', RTM_GETNEIGH, w => encodeNeighbourDump(w, { family: AF_BRIDGE, index, master }))
      .map(({ payload }) => decodeNeighbour(payload))
  }

  #request(operation: string, type: number, flags: number, entry: FdbEntry): void {
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
