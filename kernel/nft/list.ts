// What is in nf_tables, as the objects from which it could be made again.
import type { NlWriter } from '../../wire/netlink/attr.js'
import type { NlMessage } from '../../wire/netlink/message.js'
import { decodeChain, encodeChain } from '../../wire/nft/chain.js'
import * as c from '../../wire/nft/constants.js'
import { decodeElements, encodeElements } from '../../wire/nft/element.js'
import { decodeGen } from '../../wire/nft/gen.js'
import { nfgenmsg, nftType } from '../../wire/nft/message.js'
import { decodeObject, encodeObject } from '../../wire/nft/object.js'
import { decodeRule, encodeRule } from '../../wire/nft/rule.js'
import { decodeSet, encodeSet } from '../../wire/nft/set.js'
import { decodeTable, encodeTable } from '../../wire/nft/table.js'
import { isNotFound, KernelError } from '../error.js'
import type { NetlinkConnection } from '../netlink/connection.js'
import { type Chain, chainFrom } from './chain.js'
import { type Element, element, elementsFrom, elementsHead, keyMessages, keyText } from './element.js'
import { type ChainRef, type Family, familyNumber, path, type TableRef, tablePath } from './family.js'
import { intervalAround } from './interval.js'
import { encodeKey } from './key.js'
import { type NftObject, objectFrom } from './object.js'
import { type Rule, ruleFrom } from './rule.js'
import { isConcat, isInterval, type NftSet, setFrom } from './set.js'
import { type Table, tableFrom } from './table.js'
import type { Value } from './value.js'

const EINTR = 4
const MAX_ATTEMPTS = 10

type Body = (w: NlWriter) => void

/** Lists and looks up. A list is of one generation of the ruleset. */
export class NftLists {
  readonly #connect: () => NetlinkConnection

  constructor(connect: () => NetlinkConnection) {
    this.#connect = connect
  }

  /** How many transactions have changed the ruleset, modulo 2^32. */
  generation(): number {
    const [reply] = this.#connect().request('nft list', 'generation', nftType(c.NFT_MSG_GETGEN), 0, w =>
      nfgenmsg(w, c.NFPROTO_UNSPEC),
    )
    return decodeGen(reply!.payload).id
  }

  /** The tables of a family, or all. */
  tables(family?: Family): Table[] {
    const number = family === undefined ? c.NFPROTO_UNSPEC : familyNumber(family)
    return this.#dump('tables', family ?? '', c.NFT_MSG_GETTABLE, w => encodeTable(w, { family: number }))
      .map(({ payload }) => tableFrom(decodeTable(payload)))
      .filter(isDefined)
  }

  /** One table; undefined when it is not there. */
  table({ family, name }: TableRef): Table | undefined {
    const message = { family: familyNumber(family), name }
    const found = this.#get('table', tablePath({ family, name }), c.NFT_MSG_GETTABLE, w =>
      encodeTable(w, message),
    )
    return found && tableFrom(decodeTable(found.payload))
  }

  /** The chains of a table. */
  chains(table: TableRef): Chain[] {
    const family = familyNumber(table.family)
    return this.#dump('chains', tablePath(table), c.NFT_MSG_GETCHAIN, w =>
      encodeChain(w, { family, table: table.name }),
    )
      .map(({ payload }) => chainFrom(decodeChain(payload)))
      .filter(isDefined)
      .filter(chain => chain.table.name === table.name)
  }

  /** One chain; undefined when it is not there. */
  chain(chain: ChainRef): Chain | undefined {
    const { table, name } = chain
    const message = { family: familyNumber(table.family), table: table.name, name }
    const found = this.#get('chain', path(chain), c.NFT_MSG_GETCHAIN, w => encodeChain(w, message))
    return found && chainFrom(decodeChain(found.payload))
  }

  /** The named sets and maps of a table. */
  sets(table: TableRef): NftSet[] {
    return this.allSets(table).filter(set => !set.anonymous)
  }

  /** One set or map; undefined when it is not there. */
  set({ table, name }: { readonly table: TableRef; readonly name: string }): NftSet | undefined {
    const message = { family: familyNumber(table.family), table: table.name, name }
    const found = this.#get('set', path({ table, name }), c.NFT_MSG_GETSET, w => encodeSet(w, message))
    return found && setFrom(decodeSet(found.payload))
  }

  /** The elements of a set or map; KernelError ENOENT when it is not there. */
  elements(set: NftSet): Element[] {
    const message = { family: familyNumber(set.table.family), table: set.table.name, set: set.name }
    const replies = this.#dump('elements', path(set), c.NFT_MSG_GETSETELEM, w => encodeElements(w, message))
    return elementsFrom(
      set,
      replies.flatMap(({ payload }) => decodeElements(payload).elements ?? []),
    )
  }

  /** The element with exactly the key of the given one; undefined when there is none. */
  element(element: Element): Element | undefined {
    const { set } = element
    const key = keyText(element)
    const found = isTree(set)
      ? this.#around(set, encodeKey(set, element.key).first)
      : this.#elementByKey(element)
    return found !== undefined && keyText(found) === key ? found : undefined
  }

  /**
   * The element that holds a key: in sets of intervals the one around it, in others that of the key itself. Undefined when
   * there is none. A range for a key is a RangeError.
   */
  covering(set: NftSet, key: Value | readonly Value[]): Element | undefined {
    const point = element({ set, key })
    const { first, last } = encodeKey(set, point.key)
    if (Buffer.compare(first, last) !== 0)
      throw new RangeError(`a range where a key of set ${set.name} belongs: ${keyText(point)}`)
    return isTree(set) ? this.#around(set, first) : this.#elementByKey(point)
  }

  /** Asks the kernel, and where its answers are not conclusive looks through the whole set. */
  #around(set: NftSet, key: Uint8Array): Element | undefined {
    const found = intervalAround(this.#connect(), set, key)
    if (found !== 'unsure') return found
    return this.#elementsIfAny(set).find(each => {
      const { first, last } = encodeKey(set, each.key)
      return Buffer.compare(first, key) <= 0 && Buffer.compare(key, last) <= 0
    })
  }

  #elementByKey(element: Element): Element | undefined {
    const { set } = element
    const message = { ...elementsHead(set), elements: keyMessages(element) }
    const target = `${path(set)} { ${keyText(element)} }`
    const reply = this.#get('element', target, c.NFT_MSG_GETSETELEM, w => encodeElements(w, message))
    return reply && elementsFrom(set, decodeElements(reply.payload).elements ?? [])[0]
  }

  #elementsIfAny(set: NftSet): Element[] {
    try {
      return this.elements(set)
    } catch (error) {
      if (isNotFound(error)) return []
      throw error
    }
  }

  /**
   * The rules of a chain, or of all chains of a table, in their order: with comment and handle, but what they say as bare
   * expressions (RawStatement). `listRules` turns these into statements.
   */
  rules(where: ChainRef | TableRef): Rule[] {
    const { table, name } = 'table' in where ? where : { table: where, name: undefined }
    const message = {
      family: familyNumber(table.family),
      table: table.name,
      ...(name !== undefined && { chain: name }),
    }
    const target = name === undefined ? tablePath(table) : path({ table, name })
    return this.#dump('rules', target, c.NFT_MSG_GETRULE, w => encodeRule(w, message))
      .map(({ payload }) => ruleFrom(decodeRule(payload)))
      .filter(isDefined)
  }

  /** The stateful objects of a table. */
  objects(table: TableRef): NftObject[] {
    const message = { family: familyNumber(table.family), table: table.name }
    return this.#dump('objects', tablePath(table), c.NFT_MSG_GETOBJ, w => encodeObject(w, message))
      .map(({ payload }) => objectFrom(decodeObject(payload)))
      .filter(isDefined)
  }

  /** With those that belong to a rule. */
  allSets(table: TableRef): NftSet[] {
    const message = { family: familyNumber(table.family), table: table.name }
    return this.#dump('sets', tablePath(table), c.NFT_MSG_GETSET, w => encodeSet(w, message))
      .map(({ payload }) => setFrom(decodeSet(payload)))
      .filter(isDefined)
  }

  #dump(what: string, target: string, msg: number, body: Body): NlMessage[] {
    return this.#connect().dump(`nft list ${what}`, nftType(msg), body, target)
  }

  /** Undefined when there is no such thing. */
  #get(what: string, target: string, msg: number, body: Body): NlMessage | undefined {
    try {
      return this.#connect().request(`nft get ${what}`, target, nftType(msg), 0, body)[0]
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** Runs `read` until nothing has changed meanwhile, ten times at most (then KernelError EINTR). */
  ofOneGeneration<T>(target: string, read: () => T): T {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const before = this.generation()
      try {
        const result = read()
        if (this.generation() === before) return result
      } catch (error) {
        // A set may have gone with its rule between two dumps.
        if (!isNotFound(error) || this.generation() === before) throw error
      }
    }
    throw new KernelError('nft list', target, EINTR, {
      hint: `the ruleset changed during each of ${MAX_ATTEMPTS} attempts`,
    })
  }
}

/** The kernel keeps intervals of one type in a tree. */
function isTree(set: NftSet): boolean {
  return isInterval(set) && !isConcat(set)
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined
}
