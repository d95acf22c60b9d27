// RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER: filters, which hang on a qdisc, a class or a hook and classify or act.
// linux/pkt_cls.h, linux/rtnetlink.h (v6.1). Each kind with options has a file in filter/ and an entry below.
import type { NlWriter } from '../netlink/attr.js'
import { type MatchallOptions, matchallTable } from './filter/matchall.js'
import { type U32Options, u32Table } from './filter/u32.js'
import { attributesOf, type Registry, type UnknownOptions } from './kinds.js'
import { decodeTcMessage, encodeTcMessage, type TcMessage } from './message.js'

export interface FilterOptions extends UnknownOptions {
  readonly u32?: U32Options
  readonly matchall?: MatchallOptions
}

/** A filter; `parent` is where it hangs, `handle` tells it from others of its priority. */
export interface Filter extends Omit<TcMessage<FilterOptions>, 'info'> {
  /** The lowest comes first; 0 in a request: the kernel chooses. */
  readonly priority?: number | undefined
  /** ETH_P_*, the packets to look at. */
  readonly protocol?: number | undefined
}

const kinds: Registry = {
  u32: attributesOf(u32Table),
  matchall: attributesOf(matchallTable),
}

/** The body of RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER. */
export function encodeFilter(w: NlWriter, filter: Filter): void {
  const { priority = 0, protocol = 0 } = filter
  if (priority >>> 0 !== priority || priority > 0xffff) throw new RangeError(`${priority} is no priority`)
  encodeTcMessage(w, kinds, { ...filter, info: ((priority << 16) | swap16(protocol)) >>> 0 })
}

export function decodeFilter(payload: Buffer): Filter {
  const { info = 0, ...others } = decodeTcMessage<FilterOptions>(payload, kinds)
  return { ...others, priority: info >>> 16, protocol: swap16(info & 0xffff) }
}

/** The protocol stands in network order in the lower half of `info`. */
function swap16(v: number): number {
  return ((v & 0xff) << 8) | ((v >>> 8) & 0xff)
}
