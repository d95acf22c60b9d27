// The messages of a transaction. Commands that follow one another and do the same to elements of one set share messages: an
// ADD, or twenty thousand, are few messages then. What the kernel says of a message is traced to its command all the same.
import type { NlWriter } from '../../wire/netlink/attr.js'
import { batchBegin, batchEnd } from '../../wire/nft/message.js'
import { type BatchState, type Command, writeCommand, writeElements } from './command.js'
import type { Element } from './element.js'
import { ElementPlaces } from './element-list.js'

export interface BatchOptions extends BatchState {
  /** Only if the ruleset is still of this generation. */
  readonly generation?: number | undefined
  /** False to give every command messages of its own. */
  readonly packed: boolean
}

/** Commands [from, to) that share messages; mostly it is one. */
export interface Run {
  readonly from: number
  readonly to: number
  /** Of which element, when that is known. */
  readonly element?: Element
}

interface WrittenRun extends Run {
  readonly firstSeq: number
  readonly elements?: readonly Element[]
  readonly places?: ElementPlaces
}

/** Remembers what was written, to say what a failure belongs to. */
export class Batch {
  readonly #runs: WrittenRun[] = []
  #endSeq = 0

  write(w: NlWriter, commands: readonly Command[], options: BatchOptions): void {
    batchBegin(w, options.generation)
    for (let from = 0; from < commands.length; ) {
      const to = options.packed ? runEnd(commands, from, options) : from + 1
      this.#runs.push(writeRun(w, commands, from, to, options))
      from = to
    }
    this.#endSeq = w.nextSeq
    batchEnd(w)
  }

  /** The last one that starts at `seq` or before. */
  #runOf(seq: number): WrittenRun | undefined {
    let [low, high] = [0, this.#runs.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#runs[middle]!.firstSeq <= seq) low = middle + 1
      else high = middle
    }
    return this.#runs[low - 1]
  }

  /** What a message belongs to, and something at `offset` in it; undefined for the messages around all of them. */
  locate(seq: number, offset?: number): Run | undefined {
    if (seq >= this.#endSeq) return undefined
    const run = this.#runOf(seq)
    if (run?.places === undefined || offset === undefined) return run
    const { from, to, elements, places } = run
    const at = places.at(seq, offset)
    const element = elements?.[at]
    if (element === undefined) return run
    return to - from === 1 ? { from, to, element } : { from: from + at, to: from + at + 1, element }
  }
}

function writeRun(
  w: NlWriter,
  commands: readonly Command[],
  from: number,
  to: number,
  state: BatchState,
): WrittenRun {
  const firstSeq = w.nextSeq
  const command = commands[from]!
  const { verb, item } = command
  if (to - from === 1 && item.kind !== 'elements') {
    writeCommand(w, command, state)
    return { from, to, firstSeq }
  }
  const elements =
    item.kind === 'elements' ? item.elements : commands.slice(from, to).map(each => each.item as Element)
  const places = new ElementPlaces()
  writeElements(w, verb, elements, state, places)
  return { from, to, firstSeq, elements, places }
}

/** The end of the commands that can share the messages of the one at `from`. */
function runEnd(commands: readonly Command[], from: number, { destroys }: BatchState): number {
  const { verb, item } = commands[from]!
  let to = from + 1
  // Without the kernel's own `destroy`, what is not there is a failure, and only the first one in a message is told.
  if (item.kind !== 'element' || (verb === 'destroy' && !destroys)) return to
  while (to < commands.length && commands[to]!.verb === verb && isOfSameSet(item, commands[to]!.item)) to++
  return to
}

function isOfSameSet({ set }: Element, item: Command['item']): boolean {
  if (item.kind !== 'element') return false
  if (item.set === set) return true
  const { name, table } = item.set
  return name === set.name && table.name === set.table.name && table.family === set.table.family
}
