// `ip address`. linux/if_addr.h: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR.
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../../wire/netlink/constants.js'
import {
  type Address,
  type AddressFilter,
  decodeAddress,
  encodeAddress,
  encodeAddressDump,
} from '../../wire/route/address.js'
import {
  IFA_F_DADFAILED,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_TENTATIVE,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
  RTNLGRP_IPV6_IFADDR,
} from '../../wire/route/constants.js'
import { errnoNumber } from '../errno.js'
import { ignoreNotFound, KernelError } from '../error.js'
import { type Subscribe, waitUntil } from '../wait.js'
import type { Connect } from './connect.js'

/** An address to give to a link. */
export interface AddressSpec extends Address {
  /** Take an IPv6 address to be unique: usable at once, without the 1 to 3 s of duplicate address detection. */
  readonly noDad?: boolean | undefined
  /** Make no route to the subnet. */
  readonly noPrefixRoute?: boolean | undefined
}

export class AddressVerbs {
  readonly #connect: Connect
  readonly #subscribe: Subscribe

  constructor(connect: Connect, subscribe: Subscribe) {
    this.#connect = connect
    this.#subscribe = subscribe
  }

  /** Gives a link an address. KernelError EEXIST when it has it. */
  add(address: AddressSpec): void {
    this.#new('address add', NLM_F_CREATE | NLM_F_EXCL, address)
  }

  /** The same, whether the link has the address or not; its flags, lifetimes and metric are set. */
  replace(address: AddressSpec): void {
    this.#new('address replace', NLM_F_CREATE | NLM_F_REPLACE, address)
  }

  /** Takes an address from a link; false when the link did not have it. */
  remove(address: Address): boolean {
    return ignoreNotFound(() => {
      this.#connect().request('address delete', String(address.address), RTM_DELADDR, NLM_F_ACK, w =>
        encodeAddress(w, address),
      )
    })
  }

  /** Addresses of a link (or all), of a family (or both). */
  list(filter: AddressFilter = {}): Address[] {
    return this.#connect()
      .dump('address list', RTM_GETADDR, w => encodeAddressDump(w, filter))
      .map(message => decodeAddress(message.payload))
  }

  /**
   * Resolves when duplicate address detection is over for the IPv6 addresses of a link. KernelError EADDRINUSE when somebody else
   * has one of them, ETIMEDOUT when the kernel does not know by then (it does not ask while the link is down).
   */
  async settled(index: number, timeoutMs: number): Promise<void> {
    let tentative: Address[] = []
    const settled = await waitUntil(this.#subscribe, [RTNLGRP_IPV6_IFADDR], timeoutMs, () => {
      const addresses = this.list({ index, family: 6 })
      const duplicate = addresses.find(address => has(address, IFA_F_DADFAILED))
      if (duplicate !== undefined) throw unsettled([duplicate], 'EADDRINUSE', 'another host has this address')
      tentative = addresses.filter(address => has(address, IFA_F_TENTATIVE))
      return tentative.length === 0
    })
    if (!settled) throw unsettled(tentative, 'ETIMEDOUT', `still tentative after ${timeoutMs} ms`)
  }

  #new(operation: string, flags: number, { noDad, noPrefixRoute, ...address }: AddressSpec): void {
    const addressFlags =
      (address.flags ?? 0) | (noDad ? IFA_F_NODAD : 0) | (noPrefixRoute ? IFA_F_NOPREFIXROUTE : 0)
    this.#connect().request(operation, String(address.address), RTM_NEWADDR, flags | NLM_F_ACK, w =>
      encodeAddress(w, { ...address, flags: addressFlags }),
    )
  }
}

function has({ flags = 0 }: Address, flag: number): boolean {
  return (flags & flag) !== 0
}

function unsettled(addresses: readonly Address[], code: string, hint: string): KernelError {
  const target = addresses.map(({ address }) => address).join(' ')
  return new KernelError('address settle', target, errnoNumber(code), { hint })
}
