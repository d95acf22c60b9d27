// The little program by which the kernel picks sockets of a dump: operations that jump forward, to the next one or farther. Who comes
// to its end exactly is taken, who jumps four bytes beyond is not.
// linux/inet_diag.h (v6.1): struct inet_diag_bc_op { u8 code, yes; u16 no }.
import { NlWriter } from '../netlink/attr.js'
import { INET_DIAG_BC_JMP, INET_DIAG_BC_S_GE, INET_DIAG_BC_S_LE } from './constants.js'

const OP = 4
/** Two comparisons, each an operation with an operand behind it. */
const CLAUSE = 4 * OP

/** Both ends included. */
export interface LocalPorts {
  readonly from: number
  readonly to: number
}

/** Takes sockets whose local port is in one of the ranges, of which there must be at least one. */
export function localPortProgram(ranges: readonly LocalPorts[]): Buffer {
  const w = new NlWriter(ranges.length * (CLAUSE + OP))
  for (const [i, { from, to }] of ranges.entries()) {
    // A "no" leads behind the clause and the jump that follows it, or beyond the end when there is none.
    compare(w, INET_DIAG_BC_S_GE, from, CLAUSE + OP)
    compare(w, INET_DIAG_BC_S_LE, to, CLAUSE - 2 * OP + OP)
    const left = ranges.length - i - 1
    if (left > 0)
      w.u8(INET_DIAG_BC_JMP)
        .u8(OP)
        .u16(left * (CLAUSE + OP))
  }
  return w.finish()
}

function compare(w: NlWriter, code: number, port: number, no: number): void {
  w.u8(code)
    .u8(2 * OP)
    .u16(no)
  w.u8(0).u8(0).u16(port)
}
