// Using an object of the table, by its name or by a map of names. nft(8): "STATEFUL OBJECTS".
import { lowerKey, printSelectors, printSource, type Source } from '../lookup.js'
import { type Lowering, registerNumber } from '../lowering.js'
import { isMapped, type Mapped } from '../mapped.js'
import { type ObjectType, objectNumber } from '../object-type.js'
import type { Selector } from '../selector.js'
import { define } from '../statement.js'
import { quoted } from '../text.js'

export interface Objref {
  readonly kind: 'objref'
  readonly type: ObjectType
  readonly object: string | { readonly left: readonly Selector[]; readonly source: Source }
}

/** `counter name "hits"`: objref('counter', 'hits'). A map gives the name by what a packet is. */
export function objref(type: ObjectType, object: string | { readonly name: string } | Mapped): Objref {
  if (isMapped(object)) return { kind: 'objref', type, object: { left: object.left, source: object.source } }
  return { kind: 'objref', type, object: typeof object === 'string' ? object : object.name }
}

export function lowerObjref({ type, object }: Objref, to: Lowering): void {
  if (typeof object === 'string') to.emit({ kind: 'objref', type: objectNumber(type)!, name: object })
  else {
    const { left, source } = object
    to.emit({ kind: 'objref', sreg: registerNumber(0), ...lowerKey(to, left, source, type) })
  }
}

export function printObjref({ type, object }: Objref): string {
  if (typeof object === 'string') return `${type} name ${quoted(object)}`
  return `${type} name ${printSelectors(object.left)} map ${printSource(object.left, object.source, type)}`
}

define<Objref>('objref', { lower: lowerObjref, print: printObjref })
