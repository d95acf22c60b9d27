// `ip address`. linux/if_addr.h: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR.
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../../wire/netlink/constants.js'
import { decodeAddress, encodeAddress, encodeAddressDump } from '../../wire/route/address.js'
import { IFA_F_NODAD, RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR } from '../../wire/route/constants.js'
import { ignoreNotFound } from '../error.js'
export class AddressVerbs {
  #connect
  constructor(connect) {
    this.#connect = connect
  }
  /** Gives a link an address. KernelError EEXIST when it has it. */
  add(address) {
    this.#new('address add', NLM_F_CREATE | NLM_F_EXCL, address)
  }
  /** The same, whether the link has the address or not; its flags, lifetimes and metric are set. */
  replace(address) {
    this.#new('address replace', NLM_F_CREATE | NLM_F_REPLACE, address)
  }
  /** Takes an address from a link; false when the link did not have it. */
  remove(address) {
    return ignoreNotFound(() => {
      this.#connect().request('address delete', String(address.address), RTM_DELADDR, NLM_F_ACK, w =>
        encodeAddress(w, address),
      )
    })
  }
  /** Addresses of a link (or all), of a family (or both). */
  list(filter = {}) {
    return this.#connect()
      .dump('address list', RTM_GETADDR, w => encodeAddressDump(w, filter))
      .map(message => decodeAddress(message.payload))
  }
  #new(operation, flags, { noDad, ...address }) {
    const addressFlags = (address.flags ?? 0) | (noDad ? IFA_F_NODAD : 0)
    this.#connect().request(operation, String(address.address), RTM_NEWADDR, flags | NLM_F_ACK, w =>
      encodeAddress(w, { ...address, flags: addressFlags }),
    )
  }
}
//# sourceMappingURL=address.js.map
