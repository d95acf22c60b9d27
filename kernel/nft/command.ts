// One command of a transaction: a verb and an object; what it sends, and how it reads.
import type { NlWriter } from '../../wire/netlink/attr.js'
import {
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
} from '../../wire/netlink/constants.js'
import { encodeChain } from '../../wire/nft/chain.js'
import * as c from '../../wire/nft/constants.js'
import { encodeElements } from '../../wire/nft/element.js'
import { nftType } from '../../wire/nft/message.js'
import { encodeObject } from '../../wire/nft/object.js'
import { encodeRule } from '../../wire/nft/rule.js'
import { encodeSet } from '../../wire/nft/set.js'
import { encodeTable } from '../../wire/nft/table.js'
import { type Chain, chainBody, chainMessage } from './chain.js'
import { type Element, elementMessages, elementsHead, keyMessages, printElement } from './element.js'
import { type ElementPlaces, writeElementList } from './element-list.js'
import { familyNumber, path, tablePath } from './family.js'
import type { AnonymousSet } from './lowering.js'
import { type NftObject, objectBody, objectMessage } from './object.js'
import { objectNumber } from './object-type.js'
import { type Rule, ruleKey, ruleMessage, rulePath, ruleText } from './rule.js'
import { isConcat, isInterval, type NftSet, setBody, setMessage } from './set.js'
import { type Table, tableBody, tableMessage } from './table.js'

export type Verb = 'add' | 'create' | 'insert' | 'replace' | 'delete' | 'destroy' | 'flush'

export type NftItem = Table | Chain | Rule | NftSet | Element | ElementList | NftObject

/** Several elements of one set, sent together. */
export interface ElementList {
  readonly kind: 'elements'
  readonly set: NftSet
  readonly elements: readonly Element[]
}

export interface Command {
  readonly verb: Verb
  readonly item: NftItem
}

/** NFT_MSG_* by kind of object: to make it, to delete it, to delete it if it is there. */
const messages = {
  table: [c.NFT_MSG_NEWTABLE, c.NFT_MSG_DELTABLE, c.NFT_MSG_DESTROYTABLE],
  chain: [c.NFT_MSG_NEWCHAIN, c.NFT_MSG_DELCHAIN, c.NFT_MSG_DESTROYCHAIN],
  rule: [c.NFT_MSG_NEWRULE, c.NFT_MSG_DELRULE, c.NFT_MSG_DESTROYRULE],
  set: [c.NFT_MSG_NEWSET, c.NFT_MSG_DELSET, c.NFT_MSG_DESTROYSET],
  element: [c.NFT_MSG_NEWSETELEM, c.NFT_MSG_DELSETELEM, c.NFT_MSG_DESTROYSETELEM],
  elements: [c.NFT_MSG_NEWSETELEM, c.NFT_MSG_DELSETELEM, c.NFT_MSG_DESTROYSETELEM],
  object: [c.NFT_MSG_NEWOBJ, c.NFT_MSG_DELOBJ, c.NFT_MSG_DESTROYOBJ],
} as const

/** Which verbs an object has; others are a RangeError. */
export function checkVerb({ verb, item }: Command): void {
  const allowed =
    item.kind === 'rule'
      ? ['add', 'insert', 'replace', 'delete', 'destroy']
      : item.kind === 'table' || item.kind === 'chain' || item.kind === 'set'
        ? ['add', 'create', 'delete', 'destroy', 'flush']
        : ['add', 'create', 'delete', 'destroy']
  if (!allowed.includes(verb)) throw new RangeError(`${verb} of a ${item.kind}`)
  const byHandle = item.kind === 'rule' && (verb === 'replace' || verb === 'delete' || verb === 'destroy')
  if (byHandle && item.handle === undefined) throw new RangeError(`${verb} of a rule without a handle`)
}

/** What the commands of one batch share. */
export interface BatchState {
  /** Whether the kernel has the messages for `destroy`. Otherwise it is sent as `delete`. */
  readonly destroys: boolean
  /** Numbers for the sets made in the batch. */
  nextSetId(): number
}

/** Writes the messages of a command. */
export function writeCommand(w: NlWriter, { verb, item }: Command, state: BatchState): void {
  if (verb === 'flush') writeFlush(w, item)
  else if (verb === 'delete' || verb === 'destroy') writeDelete(w, verb, item, state)
  else writeNew(w, verb, item, state)
}

function newFlags(verb: Verb): number {
  switch (verb) {
    case 'create':
      return NLM_F_CREATE | NLM_F_EXCL
    case 'replace':
      return NLM_F_REPLACE
    default:
      return NLM_F_CREATE
  }
}

function writeNew(w: NlWriter, verb: Verb, item: NftItem, state: BatchState): void {
  const type = nftType(messages[item.kind][0])
  const flags = NLM_F_REQUEST | newFlags(verb)
  switch (item.kind) {
    case 'table':
      w.message(type, flags, inner => encodeTable(inner, tableMessage(item)))
      break
    case 'chain':
      w.message(type, flags, inner => encodeChain(inner, chainMessage(item)))
      break
    case 'set':
      w.message(type, flags, inner => encodeSet(inner, setMessage(item, state.nextSetId())))
      break
    case 'element':
    case 'elements':
      writeElements(w, verb, elementsOf(item), state)
      break
    case 'object':
      w.message(type, flags, inner => encodeObject(inner, objectMessage(item)))
      break
    case 'rule': {
      const { message, anonymous } = ruleMessage(item, () => state.nextSetId())
      for (const set of anonymous) writeAnonymous(w, set)
      w.message(type, verb === 'add' ? flags | NLM_F_APPEND : flags, inner => encodeRule(inner, message))
    }
  }
}

/** The elements of a command that has some. */
export function elementsOf(item: Element | ElementList): readonly Element[] {
  return item.kind === 'element' ? [item] : item.elements
}

/**
 * Writes the messages for some elements of one set, be it for one command or for several with the same verb. `places`
 * learns where they went.
 */
export function writeElements(
  w: NlWriter,
  verb: Verb,
  elements: readonly Element[],
  state: BatchState,
  places?: ElementPlaces,
): void {
  const count = elements.length
  if (count === 0) return
  const head = elementsHead(elements[0]!.set)
  if (verb === 'delete' || verb === 'destroy') {
    const type = removalType('element', verb, state)
    writeElementList(w, type, NLM_F_REQUEST, head, count, i => keyMessages(elements[i]!), places)
  } else {
    const type = nftType(c.NFT_MSG_NEWSETELEM)
    const flags = NLM_F_REQUEST | newFlags(verb)
    writeElementList(w, type, flags, head, count, i => elementMessages(elements[i]!), places)
  }
}

function removalType(kind: NftItem['kind'], verb: 'delete' | 'destroy', { destroys }: BatchState): number {
  return nftType(messages[kind][verb === 'destroy' && destroys ? 2 : 1])
}

/** The set, and its elements in the order of their keys, the part below the first of them being outside. */
function writeAnonymous(w: NlWriter, { set, id, elements }: AnonymousSet): void {
  const flags = NLM_F_REQUEST | NLM_F_CREATE
  const members = elements.map(elementMessages)
  const first = members[0]?.[0]?.key
  if (isInterval(set) && !isConcat(set) && first?.some(byte => byte !== 0))
    members.unshift([{ flags: c.NFT_SET_ELEM_INTERVAL_END, key: new Uint8Array(first.length) }])
  const size = members.reduce((sum, entries) => sum + entries.length, 0)
  w.message(nftType(c.NFT_MSG_NEWSET), flags, inner => encodeSet(inner, setMessage(set, id, size)))
  const type = nftType(c.NFT_MSG_NEWSETELEM)
  writeElementList(w, type, flags, elementsHead(set, id), members.length, i => members[i]!)
}

function writeDelete(w: NlWriter, verb: 'delete' | 'destroy', item: NftItem, state: BatchState): void {
  const type = removalType(item.kind, verb, state)
  const flags = NLM_F_REQUEST
  switch (item.kind) {
    case 'table':
      w.message(type, flags, inner =>
        encodeTable(inner, { family: familyNumber(item.family), name: item.name }),
      )
      break
    case 'chain': {
      const { family, name } = item.table
      w.message(type, flags, inner =>
        encodeChain(inner, { family: familyNumber(family), table: name, name: item.name }),
      )
      break
    }
    case 'rule':
      w.message(type, flags, inner => encodeRule(inner, { ...ruleKey(item), handle: item.handle! }))
      break
    case 'set': {
      const { family, name } = item.table
      w.message(type, flags, inner =>
        encodeSet(inner, { family: familyNumber(family), table: name, name: item.name }),
      )
      break
    }
    case 'element':
    case 'elements':
      writeElements(w, verb, elementsOf(item), state)
      break
    case 'object': {
      const { family, name } = item.table
      const kind = objectNumber(item.state.kind)!
      w.message(type, flags, inner =>
        encodeObject(inner, { family: familyNumber(family), table: name, name: item.name, type: kind }),
      )
    }
  }
}

/** A table is flushed by deleting all rules in it, a set by deleting all elements. */
function writeFlush(w: NlWriter, item: NftItem): void {
  const flags = NLM_F_REQUEST
  if (item.kind === 'table') {
    const message = { family: familyNumber(item.family), table: item.name }
    w.message(nftType(c.NFT_MSG_DELRULE), flags, inner => encodeRule(inner, message))
  } else if (item.kind === 'chain') {
    const message = { family: familyNumber(item.table.family), table: item.table.name, chain: item.name }
    w.message(nftType(c.NFT_MSG_DELRULE), flags, inner => encodeRule(inner, message))
  } else if (item.kind === 'set') {
    const message = { family: familyNumber(item.table.family), table: item.table.name, set: item.name }
    w.message(nftType(c.NFT_MSG_DELSETELEM), flags, inner => encodeElements(inner, message))
  }
}

/** nft text of a command, on one line. */
export function commandText(command: Command): string {
  const [operation, target] = commandParts(command)
  return `${operation} ${target}`
}

/**
 * The same in two parts: `add element`, `inet plumbline pods { … }`. Of a command with many elements, `only` is the one that
 * is meant.
 */
export function commandParts(
  { verb, item }: Command,
  only?: Element,
): readonly [operation: string, target: string] {
  const whole = verb === 'add' || verb === 'create' || verb === 'insert' || verb === 'replace'
  switch (item.kind) {
    case 'table':
      return [`${verb} table`, whole ? withBody(tablePath(item), tableBody(item)) : tablePath(item)]
    case 'chain':
      return [`${verb} chain`, whole ? withBody(path(item), chainBody(item)) : path(item)]
    case 'rule':
      return [`${verb} rule`, whole ? `${rulePath(item)} ${ruleText(item)}` : rulePath(item)]
    case 'set': {
      const kind = item.data === undefined ? 'set' : 'map'
      return [`${verb} ${kind}`, whole ? withBody(path(item), setBody(item)) : path(item)]
    }
    case 'element':
    case 'elements': {
      const elements = only === undefined ? elementsOf(item) : [only]
      const texts = elements.map(each => elementText(each, whole))
      return [`${verb} element`, `${path(item.set)} { ${texts.join(', ')} }`]
    }
    case 'object': {
      const target = whole ? withBody(path(item), objectBody(item)) : path(item)
      return [`${verb} ${item.state.kind}`, target]
    }
  }
}

/** Elements are deleted by their key. */
function elementText(element: Element, whole: boolean): string {
  return printElement(whole ? element : { kind: 'element', set: element.set, key: element.key })
}

function withBody(target: string, body: string): string {
  return body === '' ? target : `${target} { ${body}}`
}
