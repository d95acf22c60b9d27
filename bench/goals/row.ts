// A figure to reach: what was measured of every candidate, the goal, and whether it was reached.

export interface Row {
  readonly what: string
  /** One text for each candidate, in the order of the table's columns. */
  readonly cells: readonly string[]
  readonly goal: string
  readonly measured: string
  /** Undefined when this run did not measure it. */
  readonly reached: boolean | undefined
}

export const times = (factor: number) =>
  Number.isFinite(factor) ? `${factor.toFixed(factor < 10 ? 1 : 0)}x` : '-'

export const inMs = (value: number | undefined) =>
  value === undefined ? '-' : `${value.toFixed(value < 10 ? 2 : 1)} ms`

export const perSecond = (value: number | undefined) =>
  value === undefined ? '-' : `${value.toFixed(value < 10 ? 1 : 0)}/s`

/** NaN when one of them was not measured. */
export function ratio(a: number | undefined, b: number | undefined): number {
  return a === undefined || b === undefined ? Number.NaN : a / b
}

/**
 * False as soon as one of the measured ones is short, undefined when something is lacking (NaN), else true.
 * Each is [measured, passes?].
 */
export function allReached(
  parts: readonly (readonly [number, (value: number) => boolean])[],
): boolean | undefined {
  if (parts.some(([value, passes]) => Number.isFinite(value) && !passes(value))) return false
  return parts.length > 0 && parts.every(([value]) => Number.isFinite(value)) ? true : undefined
}

export const atLeast = (goal: number) => (value: number) => value >= goal
export const atMost = (goal: number) => (value: number) => value <= goal
