// `tc qdisc`. linux/pkt_sched.h: RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC.
import {
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_ECHO,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from '../../wire/netlink/constants.js'
import { RTM_DELQDISC, RTM_GETQDISC, RTM_NEWQDISC } from '../../wire/route/constants.js'
import { TC_H_INGRESS, TC_H_ROOT } from '../../wire/tc/constants.js'
import { decodeQdisc, encodeQdisc, type Qdisc } from '../../wire/tc/qdisc.js'
import { isErrno, isNotFound } from '../error.js'
import type { Connect } from './connect.js'
import { needingOption } from './kernel-option.js'

/** There is the kernel's default, one of another kind, one of another handle. */
const NOT_THAT_QDISC = /handle of zero|must match existing qdisc|Invalid handle/

/** Which qdisc: that of `parent`, by default the root of the link; of 'ingress' and 'clsact' the hook. */
export type QdiscSelector = Pick<Qdisc, 'index' | 'parent' | 'handle' | 'kind'>

export class QdiscVerbs {
  readonly #connect: Connect

  constructor(connect: Connect) {
    this.#connect = connect
  }

  /** KernelError EEXIST when there is one already; the kernel's own default does not count. */
  add(qdisc: Qdisc): void {
    this.#request('qdisc add', RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, qdisc)
  }

  replace(qdisc: Qdisc): void {
    this.#request('qdisc replace', RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, qdisc)
  }

  /** Changes the options of a qdisc that is there. */
  change(qdisc: Qdisc): void {
    this.#request('qdisc change', RTM_NEWQDISC, 0, qdisc)
  }

  /** Removes the qdisc with all below it; the kernel's default takes its place. False when there was none such. */
  remove(qdisc: QdiscSelector): boolean {
    try {
      this.#request('qdisc delete', RTM_DELQDISC, 0, qdisc)
      return true
    } catch (error) {
      if (isNotFound(error) || (isErrno(error, 'EINVAL') && NOT_THAT_QDISC.test(error.extack ?? '')))
        return false
      throw error
    }
  }

  /** The one qdisc at that place. Undefined when there is none, or none but the kernel's own default. */
  get({ index, parent = TC_H_ROOT }: Pick<Qdisc, 'index' | 'parent'>): Qdisc | undefined {
    // Without ECHO only subscribers are told. Of its defaults the kernel says nothing; the acknowledgement is then all.
    const flags = NLM_F_ECHO | NLM_F_ACK
    try {
      const [reply] = this.#connect().request('qdisc get', `of link ${index}`, RTM_GETQDISC, flags, w =>
        encodeQdisc(w, { index, parent }),
      )
      const qdisc = reply && decodeQdisc(reply.payload)
      return qdisc?.handle === 0 ? undefined : qdisc
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** Qdiscs of a link, or of all; those that the kernel made have handle 0. */
  list(filter: { readonly index?: number | undefined } = {}): Qdisc[] {
    const { index } = filter
    const qdiscs = this.#connect()
      .dump('qdisc list', RTM_GETQDISC, w => encodeQdisc(w, { index: index ?? 0 }))
      .map(({ payload }) => decodeQdisc(payload))
    return index === undefined ? qdiscs : qdiscs.filter(qdisc => qdisc.index === index)
  }

  #request(operation: string, type: number, flags: number, qdisc: Qdisc): void {
    const { kind, index } = qdisc
    const hook = kind === 'ingress' || kind === 'clsact' ? TC_H_INGRESS : TC_H_ROOT
    const message = { ...qdisc, parent: qdisc.parent ?? hook }
    needingOption('qdisc', kind, () => {
      this.#connect().request(
        operation,
        `${kind ?? ''} of link ${index}`.trimStart(),
        type,
        flags | NLM_F_ACK,
        w => encodeQdisc(w, message),
      )
    })
  }
}
