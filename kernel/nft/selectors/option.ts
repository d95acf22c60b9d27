// Extension headers and options. nft(8): "EXTENSION HEADER EXPRESSIONS".
import * as c from '../../../wire/nft/constants.js'
import { datatype, plainInteger } from '../datatypes.js'
import type { Selector } from '../selector.js'

const IPV6_HEADERS = { hbh: 0, rt: 43, frag: 44, auth: 51, dst: 60, mh: 135 } as const

/** Whether an IPv6 extension header is there: 'exists' or 'missing'. */
export const exthdr = Object.fromEntries(
  Object.entries(IPV6_HEADERS).map(([name, type]) => [
    name,
    {
      text: `exthdr ${name}`,
      type: datatype('boolean'),
      load: {
        kind: 'exthdr',
        type,
        offset: 0,
        len: 1,
        op: c.NFT_EXTHDR_OP_IPV6,
        flags: c.NFT_EXTHDR_F_PRESENT,
      },
    },
  ]),
) as Record<keyof typeof IPV6_HEADERS, Selector>

const MAXSEG = 2

/** The largest segment a TCP sender will take; can be set, to `rt.mtu` for one. */
export const tcpMaxseg: Selector = {
  text: 'tcp option maxseg size',
  type: plainInteger(2),
  load: { kind: 'exthdr', type: MAXSEG, offset: 2, len: 2, op: c.NFT_EXTHDR_OP_TCPOPT, flags: 0 },
}
