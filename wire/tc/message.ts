// What qdiscs, classes and filters have in common on the wire: struct tcmsg { u8 family, pad; u16 pad; i32 ifindex;
// u32 handle, parent, info } and TCA_* attributes, TCA_OPTIONS among them, whose shape the kind decides.
// linux/rtnetlink.h (v6.1).
import type { NlWriter } from '../netlink/attr.js'
import { decodeAfter, type Rest, table, text, u8, u32, view } from '../netlink/fields.js'
import * as c from './constants.js'
import { type Registry, readOptions, writeOptions } from './kinds.js'

const TCMSG_LEN = 20

const attributes = table({
  kind: text(c.TCA_KIND),
  chain: u32(c.TCA_CHAIN),
  ingressBlock: u32(c.TCA_INGRESS_BLOCK),
  egressBlock: u32(c.TCA_EGRESS_BLOCK),
  hwOffload: u8(c.TCA_HW_OFFLOAD),
  payload: view(c.TCA_OPTIONS),
})

/** A handle: '1:10' is handleOf(1, 0x10), the numbers being hexadecimal in `tc`. */
export function handleOf(major: number, minor = 0): number {
  return ((major << 16) | minor) >>> 0
}

export interface TcMessage<Options> extends Rest {
  readonly index: number
  /** Major number in the upper 16 bits, minor in the lower. */
  readonly handle?: number | undefined
  /** A handle of the same form, or TC_H_ROOT, TC_H_INGRESS. */
  readonly parent?: number | undefined
  readonly info?: number | undefined
  /** 'tbf', 'htb', 'u32', ... Absent in requests that select by handle or parent. */
  readonly kind?: string | undefined
  readonly chain?: number | undefined
  readonly ingressBlock?: number | undefined
  readonly egressBlock?: number | undefined
  readonly hwOffload?: number | undefined
  readonly options?: Options | undefined
}

export function encodeTcMessage<Options extends object>(
  w: NlWriter,
  registry: Registry,
  message: TcMessage<Options>,
): void {
  const { index, handle = 0, parent = 0, info = 0, kind, options } = message
  w.u8(0).zeros(3).i32(index).u32(handle).u32(parent).u32(info)
  attributes.encode(w, message)
  if (options !== undefined) writeOptions(w, c.TCA_OPTIONS, registry, kind ?? '', options)
}

export function decodeTcMessage<Options extends object>(
  payload: Buffer,
  registry: Registry,
): TcMessage<Options> {
  const { payload: options, ...others } = decodeAfter(attributes, payload, TCMSG_LEN)
  return {
    index: payload.readInt32LE(4),
    handle: payload.readUInt32LE(8),
    parent: payload.readUInt32LE(12),
    info: payload.readUInt32LE(16),
    ...others,
    ...(options && { options: readOptions(options, registry, others.kind ?? '') as Options }),
  }
}
