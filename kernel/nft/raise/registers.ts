// What lies in the registers while the expressions of a rule are read.
import * as c from '../../../wire/nft/constants.js'
import type { Bitwise } from '../../../wire/nft/expr/bitwise.js'
import type { Byteorder } from '../../../wire/nft/expr/byteorder.js'
import type { Hash } from '../../../wire/nft/expr/hash.js'
import { datatype } from '../datatypes.js'
import type { TableRef } from '../family.js'
import { bigEndian, Lowering, registerIndex, registersFor } from '../lowering.js'
import type { Mapped } from '../mapped.js'
import { loadedSize, type Selector } from '../selector.js'
import type { Device } from '../statements/device.js'
import { findLoaded, type Loaded } from './find.js'

/** A load, and what was done to it since. */
export interface LoadContent {
  readonly kind: 'load'
  readonly expr: Loaded
  /** Of a hash: what is hashed. */
  readonly hashed?: readonly Selector[]
  readonly mask?: Uint8Array
  readonly xor?: Uint8Array
  /** Turned into network order. */
  readonly turned?: boolean
  /** Shifted right, in bits. */
  readonly shifted?: number
}

export type Content =
  | LoadContent
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** `part`: which of the values that the map has. */
  | { readonly kind: 'mapped'; readonly value: Mapped; readonly part: number }

/** A load that is a selector, with a mask if it is one under a mask. */
export interface Resolved {
  readonly selector: Selector
  readonly mask?: Uint8Array
  readonly xor?: Uint8Array
}

export class Registers {
  /** What the rule has matched so far. */
  readonly known: Lowering
  readonly #contents: (Content | undefined)[] = []

  constructor(table: TableRef) {
    this.known = new Lowering(table, () => 0)
  }

  /** By the register's number on the wire. */
  get(number: number | undefined): Content | undefined {
    return number === undefined ? undefined : this.#contents[registerIndex(number)]
  }

  set(number: number, content: Content): void {
    const index = registerIndex(number)
    if (index >= 0) this.#contents[index] = content
  }

  load(expr: Loaded, dreg: number): boolean {
    this.set(dreg, { kind: 'load', expr })
    return true
  }

  hash(expr: Hash): boolean {
    if (expr.type === c.NFT_HASH_SYM || expr.sreg === undefined) {
      this.set(expr.dreg, { kind: 'load', expr })
      return expr.type === c.NFT_HASH_SYM
    }
    const hashed: Selector[] = []
    let index = registerIndex(expr.sreg)
    for (const end = index + registersFor(expr.len ?? 0); index < end; ) {
      const resolved = this.resolve(this.#contents[index])
      if (resolved === undefined || resolved.mask !== undefined) return false
      hashed.push(resolved.selector)
      index += registersFor(resolved.selector.type.size)
    }
    this.set(expr.dreg, { kind: 'load', expr, hashed })
    return hashed.length > 0
  }

  bitwise(expr: Bitwise): boolean {
    const content = this.get(expr.sreg)
    if (content?.kind !== 'load' || expr.sreg !== expr.dreg) return false
    if (expr.op === c.NFT_BITWISE_RSHIFT) {
      if (content.shifted !== undefined || expr.data?.length !== 4) return false
      this.set(expr.dreg, { ...content, shifted: Buffer.from(expr.data).readUInt32LE() })
      return true
    }
    const { op = c.NFT_BITWISE_MASK_XOR, mask, xor } = expr
    if (op !== c.NFT_BITWISE_MASK_XOR || mask === undefined || xor === undefined) return false
    if (content.mask !== undefined || content.turned || content.shifted !== undefined) return false
    this.set(expr.dreg, { ...content, mask, xor })
    return true
  }

  turn(expr: Byteorder): boolean {
    const content = this.get(expr.sreg)
    if (content?.kind !== 'load' || expr.sreg !== expr.dreg || expr.op !== c.NFT_BYTEORDER_HTON) return false
    this.set(expr.dreg, { ...content, turned: true })
    return true
  }

  /**
   * The selector that a load is. A mask that cuts out a field of less than whole bytes belongs to it; another is
   * returned beside it.
   */
  resolve(content: Content | undefined): Resolved | undefined {
    if (content?.kind !== 'load') return undefined
    const { mask, xor } = content
    for (const found of findLoaded(content.expr, this.known, content.hashed)) {
      if (found.bits === undefined) return { selector: found, ...(mask && { mask }), ...(xor && { xor }) }
      const isField =
        mask !== undefined && Buffer.compare(mask, bigEndian(found.bits.mask, loadedSize(found))) === 0
      if (isField && xor?.every(byte => byte === 0)) return { selector: found }
    }
    return undefined
  }

  /** The selectors of a set's key, from a register on: one for each of `sizes`. Undefined when one is none. */
  key(sreg: number, sizes: readonly number[]): readonly Selector[] | undefined {
    const selectors: Selector[] = []
    let index = registerIndex(sreg)
    for (const size of sizes) {
      const content = this.#contents[index]
      const resolved = this.resolve(content)
      if (content?.kind !== 'load' || resolved === undefined || resolved.mask !== undefined) return undefined
      const { selector } = resolved
      if (selector.type.size !== size || (content.shifted ?? 0) !== (selector.bits?.shift ?? 0))
        return undefined
      selectors.push(selector)
      index += registersFor(size)
    }
    return selectors
  }

  device(kind: Device['kind'], sreg: number | undefined): Device | undefined {
    const content = this.get(sreg)
    if (content?.kind !== 'bytes' || content.bytes.length !== 4) return undefined
    return { kind, device: datatype('iface_index').decode(content.bytes, 0) as number }
  }
}
