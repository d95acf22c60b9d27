// Rates as people write them: 20mbit. As tc(8) has them: bits a second, units of powers of 1000.
import { RuntimeError } from './error.js'

const units: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 }

/** Bits a second of `20mbit`, `1.5gbit`, `500kbit/s`, `64000`. Throws a RuntimeError that names option and value. */
export function parseRate(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:([kmgt]?)bit(?:\/s)?)?$/i.exec(text)
  const wrong = (why: string) =>
    new RuntimeError(
      `${option} ${JSON.stringify(text)} ${why}`,
      'give it in bits a second, as in 20mbit or 1gbit',
    )
  if (!match) throw wrong('is no rate')
  const rate = Math.round(Number(match[1]) * units[(match[2] ?? '').toLowerCase()]!)
  if (!Number.isSafeInteger(rate)) throw wrong('is too much')
  if (rate < 8) throw wrong('is less than a byte a second')
  return rate
}

/** `20 Mbit/s`: the largest unit that leaves a number of few digits. */
export function formatRate(bits: number): string {
  for (const [size, unit] of [
    [1e9, 'Gbit/s'],
    [1e6, 'Mbit/s'],
    [1e3, 'kbit/s'],
  ] as const)
    if (bits >= size) return `${Number((bits / size).toPrecision(4))} ${unit}`
  return `${bits} bit/s`
}
