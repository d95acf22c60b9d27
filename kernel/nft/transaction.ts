// A list of commands that take effect together or not at all. Printable: String(tx) is a file for `nft -f`.
import { type Command, checkVerb, commandText, type ElementList, type NftItem } from './command.js'
import type { Element } from './element.js'
import type { Rule } from './rule.js'
import type { NftSet } from './set.js'

/** Several elements of one set in one command: far fewer bytes than one by one. */
export function elements(set: NftSet, elements: readonly Element[]): ElementList {
  if (elements.some(each => each.set !== set))
    throw new RangeError(`elements that are not of set ${set.name}`)
  return { kind: 'elements', set, elements }
}

/** Collects commands for `Nft.run`. A verb that its object does not have is a RangeError. */
export class NftTransaction {
  readonly #commands: Command[] = []

  get commands(): readonly Command[] {
    return this.#commands
  }

  /** Makes an object unless it is there; a rule goes to the end of its chain, or behind its `position`. */
  add(item: NftItem): this {
    return this.#push({ verb: 'add', item })
  }

  /** Makes an object that must not be there yet (EEXIST). */
  create(item: Exclude<NftItem, Rule>): this {
    return this.#push({ verb: 'create', item })
  }

  /** Puts a rule at the start of its chain, or before its `position`. */
  insert(rule: Rule): this {
    return this.#push({ verb: 'insert', item: rule })
  }

  /** Puts a rule in the place of the one with its handle. */
  replace(rule: Rule): this {
    return this.#push({ verb: 'replace', item: rule })
  }

  /** Removes an object that must be there (ENOENT); rules by handle, elements by key. */
  delete(item: NftItem): this {
    return this.#push({ verb: 'delete', item })
  }

  /** Removes an object if it is there. What it would be in (its set, its table) need not be there either. */
  destroy(item: NftItem): this {
    return this.#push({ verb: 'destroy', item })
  }

  /** Removes the rules of a table or chain, or the elements of a set. */
  flush(item: NftItem): this {
    return this.#push({ verb: 'flush', item })
  }

  /** One line a command, as `nft -f` takes it. `destroy`, which older versions of nft lack, is written as add and delete. */
  toString(): string {
    return this.#commands
      .flatMap(portable)
      .map(command => `${commandText(command)}\n`)
      .join('')
  }

  #push(command: Command): this {
    checkVerb(command)
    this.#commands.push(command)
    return this
  }
}

/** What is certain to be there can be deleted. A chain must be added without its hook, which may be another by now. */
function portable({ verb, item }: Command): readonly Command[] {
  if (verb !== 'destroy' || item.kind === 'rule') return [{ verb, item }]
  const added: NftItem = item.kind === 'chain' ? { kind: 'chain', table: item.table, name: item.name } : item
  return [
    { verb: 'add', item: added },
    { verb: 'delete', item },
  ]
}
