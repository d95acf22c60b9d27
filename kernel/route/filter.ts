// `tc filter`. linux/pkt_cls.h: RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER.
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL } from '../../wire/netlink/constants.js'
import { RTM_DELTFILTER, RTM_GETTFILTER, RTM_NEWTFILTER } from '../../wire/route/constants.js'
import { decodeFilter, encodeFilter, type Filter } from '../../wire/tc/filter.js'
import { ignoreNotFound } from '../error.js'
import type { Connect } from './connect.js'
import { needingOption } from './kernel-option.js'

export class FilterVerbs {
  readonly #connect: Connect

  constructor(connect: Connect) {
    this.#connect = connect
  }

  /** `parent` is the qdisc, class or hook. KernelError EEXIST when the handle is taken. */
  add(filter: Filter): void {
    this.#request('filter add', RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, filter)
  }

  replace(filter: Filter): void {
    this.#request('filter replace', RTM_NEWTFILTER, NLM_F_CREATE, filter)
  }

  /** Removes one filter, or without a handle all of the priority. False when there was none. */
  remove(filter: Filter): boolean {
    return ignoreNotFound(() => this.#request('filter delete', RTM_DELTFILTER, 0, filter))
  }

  list({ index, parent }: { readonly index: number; readonly parent?: number | undefined }): Filter[] {
    return this.#connect()
      .dump('filter list', RTM_GETTFILTER, w => encodeFilter(w, { index, parent }))
      .map(({ payload }) => decodeFilter(payload))
  }

  #request(operation: string, type: number, flags: number, filter: Filter): void {
    needingOption('filter', filter.kind, () => {
      const target = `${filter.kind ?? ''} of link ${filter.index}`.trimStart()
      this.#connect().request(operation, target, type, flags | NLM_F_ACK, w => encodeFilter(w, filter))
    })
  }
}
