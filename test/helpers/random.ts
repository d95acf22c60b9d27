// Random numbers that are the same in every run of the same seed (mulberry32).

export interface Random {
  /** A whole number from 0 up to, not including, `n`. */
  below(n: number): number
  bytes(length: number): Uint8Array
  pick<T>(from: readonly T[]): T
}

export function random(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number) => Math.floor(next() * n)
  return {
    below,
    bytes: length => Uint8Array.from({ length }, () => below(256)),
    pick: from => from[below(from.length)]!,
  }
}
