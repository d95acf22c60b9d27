// `tc class`: the classes of a qdisc that has any (htb). linux/pkt_sched.h: RTM_NEWTCLASS, RTM_DELTCLASS, RTM_GETTCLASS.
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../../wire/netlink/constants.js'
import { RTM_DELTCLASS, RTM_GETTCLASS, RTM_NEWTCLASS } from '../../wire/route/constants.js'
import { decodeQdisc, encodeQdisc, type TcClass } from '../../wire/tc/qdisc.js'
import { ignoreNotFound } from '../error.js'
import type { Connect } from './connect.js'

export class ClassVerbs {
  readonly #connect: Connect

  constructor(connect: Connect) {
    this.#connect = connect
  }

  /** `handle` is the class's number, `parent` the qdisc or class above. KernelError EEXIST when it is there. */
  add(tcClass: TcClass): void {
    this.#request('class add', RTM_NEWTCLASS, NLM_F_CREATE | NLM_F_EXCL, tcClass)
  }

  replace(tcClass: TcClass): void {
    this.#request('class replace', RTM_NEWTCLASS, NLM_F_CREATE | NLM_F_REPLACE, tcClass)
  }

  /** False when it was not there. */
  remove(tcClass: Pick<TcClass, 'index' | 'handle' | 'parent'>): boolean {
    return ignoreNotFound(() => this.#request('class delete', RTM_DELTCLASS, 0, tcClass))
  }

  list({ index, parent }: { readonly index: number; readonly parent?: number | undefined }): TcClass[] {
    return this.#connect()
      .dump('class list', RTM_GETTCLASS, w => encodeQdisc(w, { index, parent }))
      .map(({ payload }) => decodeQdisc(payload))
  }

  #request(operation: string, type: number, flags: number, tcClass: TcClass): void {
    const target = `${(tcClass.handle ?? 0).toString(16)} of link ${tcClass.index}`
    this.#connect().request(operation, target, type, flags | NLM_F_ACK, w => encodeQdisc(w, tcClass))
  }
}
