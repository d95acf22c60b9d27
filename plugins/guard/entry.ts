// An entry: one thing that an attachment has in our nftables tables, as facts on its record. The facts are enough to find all of
// its elements again, and to make them and their rules anew, without anything else.
import type { JsonObject } from '../../cni/call.js'
import type { Logger } from '../../cni/log.js'
import type { Host } from '../../cni/plugin.js'
import type { AttachmentRecord } from '../../cni/record.js'
import { type AdmitFacts, admitPieces } from './admit.js'
import { type HairpinFacts, hairpinPieces, type MasqueradeAllFacts, masqueradeAllPieces } from './hairpin.js'
import { type IsolationFacts, isolationPieces } from './isolation.js'
import { type Loopback6Facts, loopback6Pieces } from './loopback6.js'
import { type MartianFacts, martianPieces } from './martian.js'
import { type MasqueradeFacts, masqueradePieces } from './masquerade.js'
import type { Piece } from './piece.js'
import { type PortMacFacts, portMacPieces } from './port-mac.js'
import { type PortMapFacts, portMapPieces } from './port-map.js'
import { portMapSettled } from './port-map-settled.js'
import type { Settled } from './settled.js'
import { type SourceFacts, sourcePieces } from './source.js'

export type EntryFacts =
  | AdmitFacts
  | HairpinFacts
  | IsolationFacts
  | Loopback6Facts
  | MartianFacts
  | MasqueradeAllFacts
  | MasqueradeFacts
  | PortMacFacts
  | PortMapFacts
  | SourceFacts

type Of<K extends EntryFacts['kind']> = Extract<EntryFacts, { kind: K }>

interface Kind<F> {
  pieces(facts: F): Piece[]
  /** What follows when the elements are in (ADD) or out (DEL, GC, rollback). */
  settled?: Settled<F>
}

/** One file a kind. */
const kinds: { readonly [K in EntryFacts['kind']]: Kind<Of<K>> } = {
  admit: { pieces: admitPieces },
  hairpin: { pieces: hairpinPieces },
  isolation: { pieces: isolationPieces },
  loopback6: { pieces: loopback6Pieces },
  martian: { pieces: martianPieces },
  masquerade: { pieces: masqueradePieces },
  'masquerade-all': { pieces: masqueradeAllPieces },
  'port-mac': { pieces: portMacPieces },
  'port-map': { pieces: portMapPieces, settled: portMapSettled },
  source: { pieces: sourcePieces },
}

const kindOf = (kind: EntryFacts['kind']) => kinds[kind] as Kind<EntryFacts>

export function piecesOf(facts: EntryFacts): Piece[] {
  return kindOf(facts.kind).pieces(facts)
}

/** Calls each kind's `settled` with all entries of that kind. */
export function settle(entries: readonly EntryFacts[], host: Host, log: Logger, verb: 'ADD' | 'DEL'): void {
  for (const kind of new Set(entries.map(entry => entry.kind)))
    kindOf(kind).settled?.(
      entries.filter(entry => entry.kind === kind),
      host,
      log,
      verb,
    )
}

/** The entries in the facts of a guard step. */
export function factsOf(facts: JsonObject | undefined): EntryFacts[] {
  return (facts?.entries ?? []) as unknown as EntryFacts[]
}

/** The entries of a record. */
export function entriesOnRecord(record: AttachmentRecord): EntryFacts[] {
  return factsOf(record.facts.guard)
}
