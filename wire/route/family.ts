// Address families between the kernel's numbers and ours.
import { type Family, type Ip, Prefix } from '../ip.js'
import { AF_INET, AF_INET6, AF_UNSPEC } from '../netlink/constants.js'
import { WireError } from '../wire-error.js'

/** AF_INET, AF_INET6, or AF_UNSPEC for none. */
export function afOf(family: Family | undefined): number {
  return family === undefined ? AF_UNSPEC : family === 4 ? AF_INET : AF_INET6
}

/** 4 or 6; undefined for any other family of the kernel's. */
export function familyOf(af: number): Family | undefined {
  return af === AF_INET ? 4 : af === AF_INET6 ? 6 : undefined
}

/** The prefix that a header's length and an attribute's address make; a length that does not fit is a WireError. */
export function prefixOf(ip: Ip, length: number): Prefix {
  if (length > ip.bytes.length * 8) throw new WireError(`a prefix length of ${length} in IPv${ip.family}`)
  return new Prefix(ip, length)
}
