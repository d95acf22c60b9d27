// From statements to expressions: registers, what must be matched first, and the anonymous sets that come up on the way.
// The expressions are those that nft(8) makes of the same rule, so that it reads them back as the rule they were.
import * as c from '../../wire/nft/constants.js'
import type { Expr } from '../../wire/nft/expressions.js'
import { padded } from './datatype.js'
import type { Element } from './element.js'
import type { TableRef } from './family.js'
import { type Load, loadedSize, type Needs, type Network, type Selector } from './selector.js'
import type { NftSet } from './set.js'
import { etherTypes, nfProtos } from './symbols.js'

/** Registers of 4 bytes, counted from 0. */
const REGISTERS = 16

/** A set that exists only for the rule it stands in. */
export interface AnonymousSet {
  readonly set: NftSet
  readonly id: number
  readonly elements: readonly Element[]
}

export class Lowering {
  readonly table: TableRef
  readonly expressions: Expr[] = []
  readonly anonymous: AnonymousSet[] = []
  /** What the rule has established about its packets so far. */
  link: 'ether' | undefined
  network: Network | undefined
  transport: number | undefined
  #nextSetId: () => number

  constructor(table: TableRef, nextSetId: () => number) {
    const { family } = table
    this.table = table
    this.#nextSetId = nextSetId
    if (family === 'ip' || family === 'ip6' || family === 'arp') this.network = family
    if (family === 'bridge') this.link = 'ether'
  }

  emit(expr: Expr): void {
    this.expressions.push(expr)
  }

  /** Names a set that the transaction must make before the rule. */
  addAnonymous(set: NftSet, elements: readonly Element[]): number {
    const id = this.#nextSetId()
    this.anonymous.push({ set, id, elements })
    return id
  }

  /** Matches what a selector takes for granted, unless the rule has matched it already. */
  require(selectors: readonly Selector[]): void {
    for (const selector of selectors) {
      if (selector.hashed !== undefined) this.require(selector.hashed)
      if (selector.needs !== undefined) this.need(selector.text, selector.needs)
    }
  }

  /**
   * Loads selectors one behind the other, from register `first` (of 4 bytes) on, and returns the register behind them.
   * With `ordered`, numbers of the host's byte order are turned: the key is for an interval set.
   */
  load(selectors: readonly Selector[], first = 0, ordered = false): number {
    let register = first
    for (const selector of selectors) {
      const { order, size } = selector.type
      const next = register + registersFor(size)
      if (next > REGISTERS) throw new RangeError('a concatenation of more than 64 bytes')
      this.#loadOne(selector, register)
      if (ordered && order === 'host') this.toNetworkOrder(register, size)
      register = next
    }
    return register
  }

  /** The same for the key of a set, in which fields of less than whole bytes are numbers of their own. */
  loadKey(selectors: readonly Selector[], ordered: boolean): void {
    let register = 0
    for (const selector of selectors) {
      const next = this.load([selector], register, ordered)
      const shift = selector.bits?.shift ?? 0
      if (shift > 0) this.#shiftRight(register, loadedSize(selector), shift)
      register = next
    }
  }

  #loadOne(selector: Selector, register: number): void {
    const dreg = registerNumber(register)
    if (selector.hashed !== undefined) {
      // nft loads what is hashed behind the place where the hash goes.
      const source = register + 4
      const end = this.load(selector.hashed, source)
      const [only, ...others] = selector.hashed
      const len = others.length === 0 ? only!.type.size : (end - source) * 4
      const load = selector.load as Extract<Load, { kind: 'hash' }>
      this.emit({ ...load, sreg: registerNumber(source), dreg, len })
      return
    }
    this.emit({ ...selector.load, dreg } as Expr)
    if (selector.bits !== undefined) this.#cut(selector, register)
  }

  /** Cuts a field of less than whole bytes out of what was loaded; it stays where it is in its bytes. */
  #cut(selector: Selector, register: number): void {
    const len = loadedSize(selector)
    this.bitwise(register, bigEndian(selector.bits!.mask, len), new Uint8Array(len))
  }

  /** register = (register & mask) ^ xor */
  bitwise(register: number, mask: Uint8Array, xor: Uint8Array): void {
    const reg = registerNumber(register)
    this.emit({
      kind: 'bitwise',
      sreg: reg,
      dreg: reg,
      op: c.NFT_BITWISE_MASK_XOR,
      len: mask.length,
      mask,
      xor,
    })
  }

  #shiftRight(register: number, len: number, bits: number): void {
    const reg = registerNumber(register)
    const data = new Uint8Array(Uint32Array.of(bits).buffer)
    this.emit({ kind: 'bitwise', sreg: reg, dreg: reg, op: c.NFT_BITWISE_RSHIFT, len, data })
  }

  /** Turns a number of the host's byte order, so that it can be compared by bytes. */
  toNetworkOrder(register: number, size: number): void {
    if (size === 1) return
    const reg = registerNumber(register)
    this.emit({ kind: 'byteorder', sreg: reg, dreg: reg, op: c.NFT_BYTEORDER_HTON, len: size, size })
  }

  compare(register: number, op: number, data: Uint8Array): void {
    this.emit({ kind: 'cmp', sreg: registerNumber(register), op, data })
  }

  immediate(register: number, data: Uint8Array): void {
    this.emit({ kind: 'immediate', dreg: registerNumber(register), data })
  }

  /** The same for one thing; `text` names it in errors. */
  need(text: string, needs: Needs): void {
    if (needs.link !== undefined && this.link === undefined) {
      this.#match({ kind: 'meta', key: c.NFT_META_IFTYPE }, Uint8Array.of(1, 0))
      this.link = 'ether'
    }
    const { network, transport } = needs
    if (network !== undefined && this.network !== network)
      this.#requireNetwork(text, network, needs.inFrame ?? false)
    if (transport !== undefined && this.transport !== transport) {
      if (this.transport !== undefined)
        throw new RangeError(`${text} in a rule that matches protocol ${this.transport}`)
      this.#match({ kind: 'meta', key: c.NFT_META_L4PROTO }, Uint8Array.of(transport))
      this.transport = transport
    }
  }

  #requireNetwork(text: string, network: Network, inFrame: boolean): void {
    if (this.network !== undefined) throw new RangeError(`${text} in a rule that matches ${this.network}`)
    const type = bigEndian(etherTypes[network]!, 2)
    const { family } = this.table
    if (family === 'inet') {
      const proto = nfProtos[network === 'ip' ? 'ipv4' : 'ipv6']!
      if (network !== 'ip' && network !== 'ip6') throw new RangeError(`${text} in family inet`)
      this.#match({ kind: 'meta', key: c.NFT_META_NFPROTO }, Uint8Array.of(proto))
    } else if (family === 'bridge' && inFrame) {
      const base = c.NFT_PAYLOAD_LL_HEADER
      this.#match({ kind: 'payload', base, offset: 12, len: 2 }, type)
    } else {
      this.#match({ kind: 'meta', key: c.NFT_META_PROTOCOL }, type)
    }
    this.network = network
  }

  #match(load: Load, data: Uint8Array): void {
    this.emit({ ...load, dreg: c.NFT_REG_1 } as Expr)
    this.compare(0, c.NFT_CMP_EQ, data)
  }
}

export function registersFor(size: number): number {
  return padded(size) / 4
}

/** What a register of 4 bytes is called on the wire: the old name of the 16-byte register that starts there, if one does. */
export function registerNumber(register: number): number {
  return register % 4 === 0 ? c.NFT_REG_1 + register / 4 : c.NFT_REG32_00 + register
}

/** The reverse of `registerNumber`; -1 for the verdict register. */
export function registerIndex(number: number): number {
  if (number >= c.NFT_REG32_00) return number - c.NFT_REG32_00
  return number === c.NFT_REG_VERDICT ? -1 : (number - c.NFT_REG_1) * 4
}

export function bigEndian(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let i = size - 1; i >= 0; i--) {
    bytes[i] = value & 0xff
    value = Math.floor(value / 256)
  }
  return bytes
}
