// RTM_NEWQDISC, RTM_NEWTCLASS and their DEL and GET: queueing disciplines and their classes.
// linux/pkt_sched.h, linux/rtnetlink.h (v6.1). Each kind with options has a file in qdisc/ and an entry below.
import type { NlWriter } from '../netlink/attr.js'
import { table } from '../netlink/fields.js'
import { WireError } from '../wire-error.js'
import { attributesOf, type OptionsCodec, type Registry, type UnknownOptions } from './kinds.js'
import { decodeTcMessage, encodeTcMessage, type TcMessage } from './message.js'
import { type FqCodelOptions, fqCodelTable } from './qdisc/fq-codel.js'
import { type HtbOptions, htbTable } from './qdisc/htb.js'
import { type TbfOptions, tbfTable } from './qdisc/tbf.js'

/** pfifo and bfifo: struct tc_fifo_qopt. */
export interface FifoOptions {
  /** Packets (pfifo) or bytes (bfifo). */
  readonly limit: number
}

export interface QdiscOptions extends UnknownOptions {
  readonly tbf?: TbfOptions
  readonly htb?: HtbOptions
  readonly fq_codel?: FqCodelOptions
  readonly pfifo?: FifoOptions
  readonly bfifo?: FifoOptions
  readonly ingress?: object
  readonly clsact?: object
}

/** A qdisc (`info` is how many refer to it), or a class (`info` is the handle of the qdisc below it). */
export type Qdisc = TcMessage<QdiscOptions>
export type TcClass = Qdisc

const fifo: OptionsCodec = {
  write: (w, { limit }: FifoOptions) => w.u32(limit),
  read: (payload): FifoOptions => {
    if (payload.length !== 4) throw new WireError(`fifo options of ${payload.length} bytes`)
    return { limit: payload.readUInt32LE(0) }
  },
}
const none = attributesOf(table({}))

const kinds: Registry = {
  tbf: attributesOf(tbfTable),
  htb: attributesOf(htbTable),
  fq_codel: attributesOf(fqCodelTable),
  pfifo: fifo,
  bfifo: fifo,
  ingress: none,
  clsact: none,
}

/** The body of RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC, and of the same for classes. */
export function encodeQdisc(w: NlWriter, qdisc: Qdisc): void {
  encodeTcMessage(w, kinds, qdisc)
}

export function decodeQdisc(payload: Buffer): Qdisc {
  return decodeTcMessage(payload, kinds)
}
