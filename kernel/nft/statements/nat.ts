// Network address translation. nft(8): "NAT STATEMENTS".
import type { Ip } from '../../../wire/ip.js'
import * as c from '../../../wire/nft/constants.js'
import { canonical, type Datatype, toBytes } from '../datatype.js'
import { datatype } from '../datatypes.js'
import { familyNumber } from '../family.js'
import { printValue } from '../key.js'
import { isLiteral } from '../lookup.js'
import { type Lowering, registerNumber, registersFor } from '../lowering.js'
import { isMapped, lowerMapped, type Mapped, printMapped, withTypes } from '../mapped.js'
import { define } from '../statement.js'
import { describe, isRange, type Range, type Scalar } from '../value.js'

const inetService = datatype('inet_service')

const flagBits = {
  random: c.NF_NAT_RANGE_PROTO_RANDOM,
  'fully-random': c.NF_NAT_RANGE_PROTO_RANDOM_FULLY,
  persistent: c.NF_NAT_RANGE_PERSISTENT,
} as const

export type NatFlag = keyof typeof flagBits

/** To what packets are rewritten: an address, a port, both; or what a map has: an address, or address and port. */
export interface NatTarget {
  readonly address?: Ip | Range
  readonly port?: number | Range
}

export interface Nat {
  readonly kind: 'nat'
  readonly type: 'snat' | 'dnat'
  readonly family: 'ip' | 'ip6'
  readonly to: NatTarget | Mapped
  readonly flags: readonly NatFlag[]
}

export interface NatOptions extends NatTarget {
  /** Instead of an address and a port. */
  readonly map?: Mapped
  /** Needed where no address says it. */
  readonly family?: 'ip' | 'ip6'
  readonly flags?: readonly NatFlag[]
}

/** Rewrites the source address (and port). */
export function snat(options: NatOptions): Nat {
  return nat('snat', options)
}

/** Rewrites the destination address (and port). */
export function dnat(options: NatOptions): Nat {
  return nat('dnat', options)
}

function nat(type: Nat['type'], { address, port, map, family, flags = [] }: NatOptions): Nat {
  const first = (address !== undefined && isRange(address) ? address.from : address) as Ip | undefined
  const resolved = family ?? (first?.family === 6 ? 'ip6' : 'ip')
  if (map !== undefined)
    return {
      kind: 'nat',
      type,
      family: resolved,
      to: withTypes(map, mapTypes(resolved, map)),
      flags: sortFlags(flags),
    }
  const to: NatTarget = {
    ...(address !== undefined && { address: canonicalOf(addressType(resolved), address) as Ip | Range }),
    ...(port !== undefined && { port: canonicalOf(inetService, port) as number | Range }),
  }
  if (address === undefined && port === undefined) throw new RangeError(`${type} to nothing`)
  return { kind: 'nat', type, family: resolved, to, flags: sortFlags(flags) }
}

export function addressType(family: 'ip' | 'ip6'): Datatype {
  return datatype(family === 'ip' ? 'ipv4_addr' : 'ipv6_addr')
}

/** An address alone, or with a port, as the map has it. */
function mapTypes(family: 'ip' | 'ip6', { source }: Mapped): readonly Datatype[] {
  const address = addressType(family)
  const first = isLiteral(source) ? source.entries[0]?.value : source.data
  if (typeof first === 'string' || (first !== undefined && 'verdict' in first))
    throw new RangeError(`a map of ${describe(first)} for NAT`)
  return (first?.length ?? 1) === 2 ? [address, inetService] : [address]
}

export interface Masquerade {
  readonly kind: 'masquerade'
  readonly ports?: number | Range
  readonly flags: readonly NatFlag[]
}

export interface PortOptions {
  /** The port, or range of ports, to choose from. */
  readonly ports?: number | Range
  readonly flags?: readonly NatFlag[]
}

/** Rewrites the source address to that of the interface by which a packet leaves. */
export function masquerade({ ports, flags = [] }: PortOptions = {}): Masquerade {
  return { kind: 'masquerade', ...portsOf(ports), flags: sortFlags(flags) }
}

export interface Redirect {
  readonly kind: 'redirect'
  readonly ports?: number | Range
  readonly flags: readonly NatFlag[]
}

/** Rewrites the destination address to this host's. */
export function redirect({ ports, flags = [] }: PortOptions = {}): Redirect {
  return { kind: 'redirect', ...portsOf(ports), flags: sortFlags(flags) }
}

function portsOf(ports: number | Range | undefined): { ports?: number | Range } {
  return ports === undefined ? {} : { ports: canonicalOf(inetService, ports) as number | Range }
}

function canonicalOf(type: Datatype, value: Scalar | Range): Scalar | Range {
  return isRange(value)
    ? { from: canonical(type, value.from), to: canonical(type, value.to) }
    : canonical(type, value)
}

function sortFlags(flags: readonly NatFlag[]): readonly NatFlag[] {
  return (Object.keys(flagBits) as NatFlag[]).filter(flag => flags.includes(flag))
}

export function natFlagsFrom(bits = 0): readonly NatFlag[] {
  return (Object.keys(flagBits) as NatFlag[]).filter(flag => (bits & flagBits[flag]) !== 0)
}

/** Puts constants into registers, each into the next one of 16 bytes. */
class Constants {
  readonly #to: Lowering
  #next = 0

  constructor(to: Lowering) {
    this.#to = to
  }

  /** The numbers of the registers with the lowest and, if there is one, the highest value. */
  add(type: Datatype, value: Scalar | Range | undefined): readonly [min?: number, max?: number] {
    if (value === undefined) return []
    return isRange(value)
      ? [this.#one(type, value.from), this.#one(type, value.to)]
      : [this.#one(type, value)]
  }

  #one(type: Datatype, value: Scalar): number {
    const register = this.#next
    this.#next += 4
    this.#to.immediate(register, toBytes(type, value))
    return registerNumber(register)
  }
}

function flagNumber(flags: readonly NatFlag[], ports: boolean): { flags?: number } {
  const start = ports ? c.NF_NAT_RANGE_PROTO_SPECIFIED : 0
  const bits = flags.reduce<number>((sum, flag) => sum | flagBits[flag], start)
  return bits === 0 ? {} : { flags: bits }
}

export function lowerNat({ type, family, to: target, flags }: Nat, to: Lowering): void {
  const head = {
    kind: 'nat',
    type: type === 'snat' ? c.NFT_NAT_SNAT : c.NFT_NAT_DNAT,
    family: familyNumber(family),
  } as const
  if (isMapped(target)) {
    const types = mapTypes(family, target)
    lowerMapped(target, types, to)
    const port = types.length === 2 ? { protoMin: registerNumber(registersFor(types[0]!.size)) } : {}
    to.emit({ ...head, addrMin: registerNumber(0), ...port, ...flagNumber(flags, false) })
    return
  }
  const constants = new Constants(to)
  const [addrMin, addrMax] = constants.add(addressType(family), target.address)
  const [protoMin, protoMax] = constants.add(inetService, target.port)
  to.emit({
    ...head,
    ...(addrMin !== undefined && { addrMin }),
    ...(addrMax !== undefined && { addrMax }),
    ...(protoMin !== undefined && { protoMin }),
    ...(protoMax !== undefined && { protoMax }),
    ...flagNumber(flags, protoMin !== undefined),
  })
}

export function lowerPorts({ kind, ports, flags }: Masquerade | Redirect, to: Lowering): void {
  const [protoMin, protoMax] = new Constants(to).add(inetService, ports)
  to.emit({
    kind: kind === 'masquerade' ? 'masq' : 'redir',
    ...(protoMin !== undefined && { protoMin }),
    ...(protoMax !== undefined && { protoMax }),
    ...flagNumber(flags, protoMin !== undefined),
  })
}

function printFlags(flags: readonly NatFlag[]): string {
  return flags.length === 0 ? '' : ` ${flags.join(',')}`
}

export function printNat({ type, family, to, flags }: Nat): string {
  if (isMapped(to)) return `${type} ${family} to ${printMapped(to, mapTypes(family, to))}${printFlags(flags)}`
  const { address, port } = to
  // An IPv6 address needs brackets before a port.
  const bare = address === undefined ? '' : printValue(addressType(family), address)
  const host = family === 'ip6' && port !== undefined ? bracketed(bare) : bare
  const service = port === undefined ? '' : `:${printValue(inetService, port)}`
  return `${type} ${family} to ${host}${service}${printFlags(flags)}`
}

function bracketed(text: string): string {
  return text === '' ? '' : text.replace(/[^-]+/g, '[$&]')
}

export function printPorts({ kind, ports, flags }: Masquerade | Redirect): string {
  const to = ports === undefined ? '' : ` to :${printValue(inetService, ports)}`
  return `${kind}${to}${printFlags(flags)}`
}

define<Nat>('nat', { lower: lowerNat, print: printNat })
define<Masquerade>('masquerade', { lower: lowerPorts, print: printPorts })
define<Redirect>('redirect', { lower: lowerPorts, print: printPorts })
