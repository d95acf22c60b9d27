// Statements that set something: the register holds a constant, another selector, or what a map has.
import type { Ct } from '../../../wire/nft/expr/ct.js'
import type { Exthdr } from '../../../wire/nft/expr/exthdr.js'
import type { Meta } from '../../../wire/nft/expr/meta.js'
import type { Payload } from '../../../wire/nft/expr/payload.js'
import type { Selector } from '../selector.js'
import { type Assign, writtenField } from '../statements/assign.js'
import { allSelectors } from './catalogue.js'
import { findLoaded, fits } from './find.js'
import type { LoadContent, Registers } from './registers.js'

export function raiseAssign(expr: Payload | Meta | Ct | Exthdr, registers: Registers): Assign | undefined {
  const content = registers.get(expr.sreg)
  if (content === undefined) return undefined
  if (expr.kind === 'payload' && content.kind === 'load' && content.mask !== undefined)
    return partOfBytes(expr, content, registers)
  const [target] = findLoaded(expr, registers.known).filter(found => found.bits === undefined)
  if (target === undefined) return undefined
  if (content.kind === 'mapped') return { kind: 'assign', target, value: content.value }
  if (content.kind === 'bytes') {
    if (content.bytes.length !== target.type.size) return undefined
    return { kind: 'assign', target, value: target.type.decode(content.bytes, 0) }
  }
  return fromSelector(target, content, registers)
}

function fromSelector(target: Selector, content: LoadContent, registers: Registers): Assign | undefined {
  const resolved = registers.resolve(content)
  if (resolved === undefined || content.shifted !== undefined) return undefined
  const { selector, mask, xor } = resolved
  if (mask === undefined || xor === undefined) return { kind: 'assign', target, value: selector }
  const { type } = selector
  if (mask.length !== type.size || xor.length !== type.size) return undefined
  const value = { kind: 'calculated', selector, and: type.decode(mask, 0), xor: type.decode(xor, 0) } as const
  return { kind: 'assign', target, value }
}

/** A field that is written together with the bytes around it. */
function partOfBytes(
  expr: Payload,
  { mask, xor, expr: loaded }: LoadContent,
  registers: Registers,
): Assign | undefined {
  if (loaded.kind !== 'payload' || loaded.offset !== expr.offset || loaded.len !== expr.len) return undefined
  for (const target of allSelectors()) {
    const field = writtenField(target)
    if (field === undefined || !fits(target, registers.known)) continue
    const { base, offset, len } = field.load as Payload
    if (base !== expr.base || offset !== expr.offset || len !== expr.len) continue
    if (Buffer.compare(field.keep, mask!) !== 0 || xor === undefined) continue
    return { kind: 'assign', target, value: target.type.decode(cutOut(target, xor, offset), 0) }
  }
  return undefined
}

/** The field's value in the bytes that start at `start`. */
function cutOut(target: Selector, bytes: Uint8Array, start: number): Uint8Array {
  const { offset, len } = target.load as Payload
  const own = bytes.subarray(offset - start, offset - start + len)
  if (target.bits === undefined) return own
  let number = Math.floor(own.reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** target.bits.shift)
  const value = new Uint8Array(target.type.size)
  for (let i = value.length - 1; i >= 0; i--) {
    value[i] = number & 0xff
    number = Math.floor(number / 256)
  }
  return value
}
