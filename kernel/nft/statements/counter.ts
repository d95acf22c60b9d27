// nft(8): "COUNTER".
import type { Counter as CounterExpr } from '../../../wire/nft/expr/counter.js'
import { define } from '../statement.js'

export interface Counter {
  readonly kind: 'counter'
  readonly packets: bigint
  readonly bytes: bigint
}

/** Counts the packets that get here, from what is given on. */
export function counter({
  packets = 0,
  bytes = 0,
}: {
  packets?: number | bigint
  bytes?: number | bigint
} = {}): Counter {
  return { kind: 'counter', packets: BigInt(packets), bytes: BigInt(bytes) }
}

export function counterExpr({ packets, bytes }: Counter): CounterExpr {
  return packets === 0n && bytes === 0n ? { kind: 'counter' } : { kind: 'counter', bytes, packets }
}

export function counterFrom({ packets = 0n, bytes = 0n }: CounterExpr): Counter {
  return { kind: 'counter', packets, bytes }
}

export function printCounter({ packets, bytes }: Counter): string {
  return packets === 0n && bytes === 0n ? 'counter' : `counter packets ${packets} bytes ${bytes}`
}

define<Counter>('counter', { lower: (statement, to) => to.emit(counterExpr(statement)), print: printCounter })
