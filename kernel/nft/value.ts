// What is compared, stored and mapped: typed values, and the nft text of them.
import { Ip, Prefix } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'

/** One value: an address, a name or symbol ('tcp', 'established'), a number. bigint for 64-bit integers. */
export type Scalar = Ip | Mac | string | number | bigint | boolean

/** From one value to another, both included. */
export interface Range {
  readonly from: Scalar
  readonly to: Scalar
}

export type Value = Scalar | Prefix | Range

export function isRange(value: Value): value is Range {
  return typeof value === 'object' && 'from' in value && 'to' in value
}

export function range(from: Scalar, to: Scalar): Range {
  return { from, to }
}

/** How a value reads in an error message. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Ip || value instanceof Prefix || value instanceof Mac) return String(value)
  if (typeof value === 'object' && value !== null && 'from' in value && 'to' in value)
    return `${describe(value.from)}-${describe(value.to)}`
  return String(value)
}
