// `ip link`. linux/rtnetlink.h: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK.
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL } from '../../wire/netlink/constants.js'
import {
  IF_OPER_UP,
  RTEXT_FILTER_SKIP_STATS,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTNLGRP_LINK,
} from '../../wire/route/constants.js'
import {
  decodeLink,
  encodeLinkChange,
  encodeLinkDump,
  encodeLinkSelector,
  encodeLinkSpec,
  type Link,
  type LinkChange,
  type LinkSpec,
} from '../../wire/route/link.js'
import { ignoreNotFound, isNotFound } from '../error.js'
import type { NetlinkRequest } from '../netlink/connection.js'
import { type Subscribe, waitUntil } from '../wait.js'
import type { Connect } from './connect.js'
import { needingOption, needingVlanFiltering } from './kernel-option.js'

/** A link to make. */
export interface NewLink extends LinkSpec {
  /** IN6_ADDR_GEN_MODE_*: NONE keeps it without a link-local address. */
  readonly addrGenMode?: number | undefined
}

/** Which links to list; the kernel itself sorts out `master` (an index) and `kind`. */
export interface LinkListFilter {
  readonly master?: number | undefined
  readonly kind?: string | undefined
  readonly group?: number | undefined
}

export class LinkVerbs {
  readonly #connect: Connect
  readonly #subscribe: Subscribe

  constructor(connect: Connect, subscribe: Subscribe) {
    this.#connect = connect
    this.#subscribe = subscribe
  }

  /** One link by name (alternative names, too) or index, in one request. Undefined when there is none. */
  get(link: string | number): Link | undefined {
    const payload = this.#get(link)
    return payload && decodeLink(payload)
  }

  /** The index of the link with this name: cheaper than `get`. */
  index(name: string): number | undefined {
    // struct ifinfomsg: family, padding, type, index
    return this.#get(name)?.readInt32LE(4)
  }

  list(filter: LinkListFilter = {}): Link[] {
    const { group, ...kernelFilter } = filter
    const messages = this.#connect().dump('link list', RTM_GETLINK, w => encodeLinkDump(w, kernelFilter))
    const links = messages.map(message => decodeLink(message.payload))
    return group === undefined ? links : links.filter(link => link.group === group)
  }

  /**
   * Makes a link, with its peer if it is a veth. KernelError EEXIST when either name is taken. `alias` and `addrGenMode` are for links
   * in this namespace only (RangeError).
   */
  add(spec: NewLink): void {
    const { alias, addrGenMode, ...born } = spec
    // The kernel takes these two only for a link that is there, and the mode must be set before the link is up.
    const later = alias !== undefined || addrGenMode !== undefined
    if (later && spec.netnsFd !== undefined)
      throw new RangeError(`an alias or address mode for ${spec.name}, which is made elsewhere`)
    if (later) born.up = false
    const add = (): void => {
      const flags = NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK
      this.#connect().request('link add', spec.name, RTM_NEWLINK, flags, w => encodeLinkSpec(w, born))
    }
    needingOption('link', spec.kind, spec.bridge?.vlanFiltering ? () => needingVlanFiltering(add) : add)
    if (!later) return
    try {
      this.set({ name: spec.name, alias, addrGenMode, up: spec.up })
    } catch (error) {
      this.remove(spec.name)
      throw error
    }
  }

  /** Changes a link. A port's settings can come with the `master` that makes it a port. KernelError ENODEV when it is not there. */
  set(change: LinkChange): void {
    const set = (): void => this.setAll([change])
    if (change.bridge?.vlanFiltering) needingVlanFiltering(set)
    else set()
  }

  /** Changes links in one go, in order; goes on after a failure and then throws the first. */
  setAll(changes: readonly LinkChange[]): void {
    this.#connect().requestAll(changes.flatMap(setRequests))
  }

  /** Removes a link, and a veth's peer with it; false when it was not there. Blocks for 20 ms and more: see teardown.ts. */
  remove(link: string | number): boolean {
    return ignoreNotFound(() => {
      this.#connect().request('link delete', String(link), RTM_DELLINK, NLM_F_ACK, w =>
        encodeLinkSelector(w, link),
      )
    })
  }

  /** Resolves with true as soon as the link is operational (RFC 2863: it can pass packets), with false when it is not by then. */
  operational(index: number, timeoutMs: number): Promise<boolean> {
    return waitUntil(
      this.#subscribe,
      [RTNLGRP_LINK],
      timeoutMs,
      () => this.get(index)?.operstate === IF_OPER_UP,
    )
  }

  #get(link: string | number): Buffer | undefined {
    try {
      const [reply] = this.#connect().request('link get', String(link), RTM_GETLINK, 0, w =>
        encodeLinkSelector(w, link, RTEXT_FILTER_SKIP_STATS),
      )
      return reply?.payload
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }
}

/**
 * RTM_NEWLINK and not RTM_SETLINK, which does not know IFLA_LINKINFO. The kernel looks for the port's settings with the master that
 * the link has at that time, so those go in a second request when the first makes it a port.
 */
function setRequests(change: LinkChange): NetlinkRequest[] {
  const { port, ...others } = change
  if (port === undefined || change.master === undefined) return [setRequest(change)]
  const { index, name } = change
  return [setRequest(others), setRequest({ index, name, port })]
}

function setRequest(change: LinkChange): NetlinkRequest {
  return {
    operation: 'link set',
    target: change.name ?? `index ${change.index}`,
    type: RTM_NEWLINK,
    flags: NLM_F_ACK,
    body: w => encodeLinkChange(w, change),
  }
}
