// What is made of samples.

/** The value below which `share` (0 to 1) of the samples lie; NaN for none. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const sum = (samples: readonly number[]) => samples.reduce((a, b) => a + b, 0)

/** Nanoseconds to milliseconds. */
export const ms = (ns: number) => ns / 1e6

/** Three significant digits, no exponent: 0.123, 4.56, 105. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toFixed(Math.min(digits, 3))
}
