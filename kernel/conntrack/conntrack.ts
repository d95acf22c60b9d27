// `conntrack`: entries of the connection tracking table. linux/netfilter/nfnetlink_conntrack.h: IPCTNL_MSG_CT_*.
// All namespaces share one hash table of net.netfilter.nf_conntrack_buckets buckets, and whoever looks for entries walks all of them. A
// flush by filter takes 0.2 ms for 262,144 empty buckets, a dump (which locks each bucket) 5 ms.
import {
  IPCTNL_MSG_CT_DELETE,
  IPCTNL_MSG_CT_GET,
  IPCTNL_MSG_CT_GET_STATS,
  IPCTNL_MSG_CT_NEW,
} from '../../wire/conntrack/constants.js'
import {
  type ConntrackEntry,
  type ConntrackFilter,
  decodeConntrack,
  encodeConntrack,
  encodeConntrackFilter,
} from '../../wire/conntrack/entry.js'
import { decodeFlow, encodeFlow, type Flow } from '../../wire/conntrack/flow.js'
import { conntrackHeader, conntrackType } from '../../wire/conntrack/message.js'
import { decodeConntrackStats } from '../../wire/conntrack/stats.js'
import { inverse } from '../../wire/conntrack/tuple.js'
import type { NlWriter } from '../../wire/netlink/attr.js'
import {
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  NLMSG_ERROR,
} from '../../wire/netlink/constants.js'
import type { NlMessage } from '../../wire/netlink/message.js'
import { ignoreNotFound, isErrno, isNotFound, KernelError } from '../error.js'
import { answeredError } from '../netlink/answer.js'
import type { NetlinkConnection } from '../netlink/connection.js'
import { type ConntrackSelector, checkSelector, commonFilters, exactFilters, selects } from './selector.js'

/** So many flushes by filter cost less than a dump. */
const MAX_FLUSHES = 24
/** From so many entries on, two dumps of what matters cost less than one of everything. */
const MANY_ENTRIES = 2000
/** Deletions in one sendmsg: well below the send buffer, and few enough errors for the receive buffer. */
const MAX_DELETIONS = 512

/** An entry to make. */
export interface NewConntrackEntry extends ConntrackEntry {
  readonly family: NonNullable<ConntrackEntry['family']>
  readonly orig: NonNullable<ConntrackEntry['orig']>
  /** In seconds. */
  readonly timeout: number
}

/** Where the kernel has no ctnetlink, everything here is a KernelError EINVAL that names the option. */
export class ConntrackVerbs {
  readonly #connect: () => NetlinkConnection
  /** Whether the kernel flushes by filter (from 6.12 on): found out by the first flush. */
  #flushes: boolean | undefined

  /** `flushes`: false to do without the kernel's own flush by filter. */
  constructor(connect: () => NetlinkConnection, flushes?: boolean) {
    this.#connect = connect
    this.#flushes = flushes
  }

  /** How many entries this network namespace has. */
  count(): number {
    return needingCtnetlink(() => {
      const type = conntrackType(IPCTNL_MSG_CT_GET_STATS)
      const [reply] = this.#connect().request('conntrack count', '', type, 0, w =>
        conntrackHeader(w, undefined),
      )
      return reply === undefined ? 0 : (decodeConntrackStats(reply.payload).entries ?? 0)
    })
  }

  /** All entries, or those that are selected. */
  list(selector?: ConntrackSelector): ConntrackEntry[] {
    if (selector === undefined) return this.#dump({}).map(({ payload }) => decodeConntrack(payload))
    checkSelector(selector)
    return commonFilters([selector], false)
      .flatMap(filter => this.#dump(filter))
      .filter(({ payload }) => selects(selector, decodeFlow(payload)))
      .map(({ payload }) => decodeConntrack(payload))
  }

  /** Makes an entry. `reply` is by default the inverse of `orig`, which suits protocols with ports. KernelError EEXIST. */
  add(entry: NewConntrackEntry): void {
    const flags = NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK
    const whole = { ...entry, reply: entry.reply ?? inverse(entry.orig) }
    needingCtnetlink(() =>
      this.#connect().request('conntrack add', entryText(entry), conntrackType(IPCTNL_MSG_CT_NEW), flags, w =>
        encodeConntrack(w, whole),
      ),
    )
  }

  /** Removes an entry as it was listed; false when it is gone. */
  remove({ family, orig, id, zone }: ConntrackEntry): boolean {
    if (orig === undefined) throw new RangeError('a conntrack entry without its original tuple')
    return ignoreNotFound(() => {
      const type = conntrackType(IPCTNL_MSG_CT_DELETE)
      this.#connect().request('conntrack delete', entryText({ family, orig }), type, NLM_F_ACK, w =>
        encodeConntrack(w, { family, orig, id, zone }),
      )
    })
  }

  /**
   * Removes every entry that one of the selectors means. What the kernel can find by itself takes a walk through its table for every
   * port and family; everything else takes one dump, whose entries are looked at here: SCTP by port, IPv6 by address, more than some
   * twenty ports, kernels before 6.12. An empty table costs next to nothing.
   */
  flush(selectors: readonly ConntrackSelector[]): void {
    for (const selector of selectors) checkSelector(selector)
    const filters: ConntrackFilter[] = []
    const others: ConntrackSelector[] = []
    for (const selector of selectors) {
      const exact = this.#flushes === false ? undefined : exactFilters(selector, MAX_FLUSHES)
      if (exact === undefined) others.push(selector)
      else filters.push(...exact)
    }
    const few = filters.length <= MAX_FLUSHES
    if (few && this.#flushFiltered(filters)) this.#flushListed(others)
    else this.#flushListed(selectors)
  }

  /** False when the kernel cannot do that. */
  #flushFiltered(filters: readonly ConntrackFilter[]): boolean {
    if (filters.length === 0) return true
    // Where filters are unknown, this is an incomplete tuple, and nothing happens.
    const errors = this.#deleteAll(filters, encodeConntrackFilter)
    const unsupported = errors.some(error => isErrno(error, 'EOPNOTSUPP', 'EINVAL'))
    this.#flushes = !unsupported
    if (!unsupported && errors.length > 0) throw errors[0]
    return !unsupported
  }

  #flushListed(selectors: readonly ConntrackSelector[]): void {
    const entries = selectors.length === 0 ? 0 : this.count()
    if (entries === 0) return
    const flows = commonFilters(selectors, entries > MANY_ENTRIES)
      .flatMap(filter => this.#dump(filter))
      .map(({ payload }) => decodeFlow(payload))
      .filter(flow => selectors.some(selector => selects(selector, flow)))
    for (let at = 0; at < flows.length; at += MAX_DELETIONS) {
      const errors = this.#deleteAll(flows.slice(at, at + MAX_DELETIONS), encodeFlow)
      const failed = errors.find(error => !isNotFound(error))
      if (failed !== undefined) throw failed
    }
  }

  /** Many IPCTNL_MSG_CT_DELETE in one go, of which only failures are answered. */
  #deleteAll<T extends ConntrackFilter | Flow>(
    bodies: readonly T[],
    encode: (w: NlWriter, body: T) => void,
  ): KernelError[] {
    const { replies } = this.#connect().batch('conntrack flush', '', w => {
      for (const body of bodies)
        w.message(conntrackType(IPCTNL_MSG_CT_DELETE), NLM_F_REQUEST, into => encode(into, body))
    })
    return replies
      .filter(({ type }) => type === NLMSG_ERROR)
      .map(reply => answeredError('conntrack flush', '', reply))
      .filter(error => error !== undefined)
  }

  #dump(filter: ConntrackFilter): NlMessage[] {
    return needingCtnetlink(() =>
      this.#connect().dump('conntrack list', conntrackType(IPCTNL_MSG_CT_GET), w =>
        encodeConntrackFilter(w, filter),
      ),
    )
  }
}

/** nfnetlink answers EINVAL when nobody is behind a message. */
function needingCtnetlink<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    if (!isErrno(error, 'EINVAL')) throw error
    const { operation, target, errno, extack } = error
    throw new KernelError(operation, target, errno, {
      extack,
      hint: 'this kernel may lack CONFIG_NF_CT_NETLINK',
    })
  }
}

/** For error messages. */
function entryText({ family, orig }: ConntrackEntry): string {
  const { number, srcPort, dstPort } = orig?.protocol ?? {}
  const end = (address: unknown, port: number | undefined) =>
    port === undefined ? String(address) : family === 6 ? `[${address}]:${port}` : `${address}:${port}`
  return `protocol ${number} ${end(orig?.ip?.src, srcPort)} > ${end(orig?.ip?.dst, dstPort)}`
}
