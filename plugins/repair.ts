// Repair: everything of ours in nf_tables made anew from the records, after somebody has flushed the ruleset or taken a part of it.
// What is there stays as it is; what is missing is added, attachment by attachment, in large batches. Nobody loses anything: an
// element in whose place somebody else's is stays away. Works on the side of plugins that go on with their calls.
import { messageOf } from '../cni/failure.js'
import type { Logger } from '../cni/log.js'
import type { Host } from '../cni/plugin.js'
import { type AttachmentRecord, RecordStore } from '../cni/record.js'
import { isErrno, isNotFound, KernelError } from '../kernel/error.js'
import type { NftSet } from '../kernel/nft/set.js'
import { NftTransaction } from '../kernel/nft/transaction.js'
import { repairPassages } from './firewall/keeper.js'
import { adminChainOf } from './firewall/recorded.js'
import { settle } from './guard/entry.js'
import { setPath } from './guard/fixture.js'
import type { Piece } from './guard/piece.js'
import { type Claim, claimOf, type Lack, lackOf, type Present, presentFrom, remedy } from './repair/claim.js'
import { mendFixture } from './repair/fixtures.js'
import { elementsIfAny, KnownRuleset } from './repair/ruleset.js'

export interface RepairReport {
  /** How many attachments have something in nf_tables, by their records. */
  readonly attachments: number
  /** Sets that were missing, or whose rules were. */
  readonly fixtures: readonly string[]
  /** How many elements were missing or altered. */
  readonly elements: number
  /** Chains of others through which the way was opened again. */
  readonly passages: readonly string[]
  /** What could not be put back, in words. */
  readonly failures: readonly string[]
}

/** True when everything was in order. */
export function isSound({ fixtures, elements, passages, failures }: RepairReport): boolean {
  return fixtures.length + elements + passages.length + failures.length === 0
}

/** As many records are looked at in one go; calls that wait are served in between. */
const SLICE = 20

/** How long a DEL may take from its elements to its record, in ms. */
const DEL_IN_PROGRESS = 200

/** Others change the ruleset at the same time; none of them gets in between more often than this. */
const MAX_ATTEMPTS = 8

/** Repairs what the records of all networks under the run directory say. */
export async function repair(host: Host, runDir: string, log: Logger): Promise<RepairReport> {
  return new Repair(host, runDir, log).run()
}

class Repair {
  readonly #host: Host
  readonly #runDir: string
  readonly #log: Logger
  readonly #records: RecordStore
  readonly #known: KnownRuleset
  readonly #present = new Map<NftSet, Map<string, Present>>()
  readonly #adminChains = new Set<string>()
  readonly #restored: Lack[] = []
  readonly #fixtures: string[] = []
  readonly #failures: string[] = []
  #attachments = 0

  constructor(host: Host, runDir: string, log: Logger) {
    this.#host = host
    this.#runDir = runDir
    this.#log = log
    this.#records = new RecordStore(runDir)
    this.#known = new KnownRuleset(host.kernel.nft)
  }

  async run(): Promise<RepairReport> {
    // An ADD under way, or killed, may have on record what it would have been refused: those who have it come first.
    const unfinished: AttachmentRecord[] = []
    await this.#each(this.#all(), record => {
      if (record.state === 'attached') return record
      unfinished.push(record)
      return undefined
    })
    await this.#each(unfinished, record => record)
    const passages = this.#openPassages()
    await this.#takeBack()
    this.#settle()
    const report: RepairReport = {
      attachments: this.#attachments,
      fixtures: this.#fixtures,
      elements: this.#restored.reduce(
        (sum, { missing, altered }) => sum + missing.length + altered.length,
        0,
      ),
      passages,
      failures: this.#failures,
    }
    for (const failure of report.failures) this.#log.warn('could not put back', { what: failure })
    return report
  }

  *#all(): Generator<AttachmentRecord, void, undefined> {
    for (const network of this.#records.networks()) yield* this.#records.each(network)
  }

  /** Puts back what the records say, slice by slice; `choose` leaves records out. */
  async #each(
    records: Iterable<AttachmentRecord>,
    choose: (record: AttachmentRecord) => AttachmentRecord | undefined,
  ): Promise<void> {
    let slice: Claim[] = []
    let seen = 0
    for (const one of records) {
      const record = choose(one)
      for (const name of record ? adminChainOf(record) : []) this.#adminChains.add(name)
      const claim = record && claimOf(record)
      if (claim && claim.pieces.length > 0) slice.push(claim)
      if (++seen % SLICE > 0) continue
      await this.#restore(slice)
      slice = []
      await pause()
    }
    await this.#restore(slice)
  }

  async #restore(claims: readonly Claim[]): Promise<void> {
    this.#attachments += claims.length
    for (const piece of claims.flatMap(({ pieces }) => pieces))
      if (!this.#present.has(piece.fixture.set)) {
        this.#presentFor(piece)
        await pause()
      }
    const lacks: Lack[] = []
    for (const claim of claims) {
      if (!this.#isOnRecord(claim)) continue
      const lack = lackOf(claim, piece => this.#presentFor(piece))
      if (!lack) continue
      lacks.push(lack)
      // A shared element is one that the next claim finds in its place.
      for (const one of lack.missing)
        for (const [key, present] of presentFrom([one])) this.#present.get(one.set)?.set(key, present)
    }
    for (const { claim, taken } of lacks)
      for (const what of taken) this.#failures.push(`${what} of ${claim.owner}: somebody else has it`)
    const open = lacks.filter(({ missing, altered }) => missing.length + altered.length > 0)
    if (open.length === 0 || this.#put(open)) return
    // One that can't be put back must not keep the others out, nor one set of it the other sets.
    for (const lack of open) if (!this.#put([lack])) for (const part of bySet(lack)) this.#put([part], true)
  }

  /** All of it, or nothing and false. */
  #put(lacks: readonly Lack[], isLast = false): boolean {
    const tx = new NftTransaction()
    for (const lack of lacks) remedy(lack, tx)
    try {
      this.#host.kernel.nft.run(tx)
    } catch (error) {
      if (!(error instanceof KernelError)) throw error
      if (isLast) this.#failures.push(messageOf(error))
      return false
    }
    this.#restored.push(...lacks)
    return true
  }

  #presentFor({ fixture }: Piece): ReadonlyMap<string, Present> {
    const known = this.#present.get(fixture.set)
    if (known) return known
    const { nft } = this.#host.kernel
    try {
      if (mendFixture(nft, fixture, this.#known)) this.#fixtures.push(setPath(fixture.set))
    } catch (error) {
      if (!(error instanceof KernelError)) throw error
      this.#failures.push(messageOf(error))
    }
    const present = presentFrom(elementsIfAny(nft, fixture.set))
    this.#present.set(fixture.set, present)
    return present
  }

  #openPassages(): string[] {
    try {
      const place = { kernel: this.#host.kernel, runDir: this.#runDir, log: this.#log }
      return repairPassages(place, [...this.#adminChains])
    } catch (error) {
      if (!(error instanceof KernelError)) throw error
      this.#failures.push(messageOf(error))
      return []
    }
  }

  /**
   * A DEL may have come in between, and have found nothing to remove: whose record is gone by now has nothing to get back. By now its
   * places may be another's.
   */
  async #takeBack(): Promise<void> {
    if (this.#restored.length === 0) return
    await pause(DEL_IN_PROGRESS)
    const gone: Lack[] = []
    for (const lack of this.#restored.splice(0))
      if (this.#isOnRecord(lack.claim)) this.#restored.push(lack)
      else gone.push(lack)
    const { nft } = this.#host.kernel
    for (let attempt = 1; gone.length > 0; attempt++) {
      const generation = nft.list.generation()
      const tx = new NftTransaction()
      for (const { claim, missing, altered } of gone)
        for (const one of [...missing, ...altered])
          if (one.comment === claim.owner && nft.list.element(one)?.comment === claim.owner) tx.destroy(one)
      try {
        return nft.run(tx, { generation })
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !(isErrno(error, 'ERESTART') || isNotFound(error))) throw error
      }
    }
  }

  #isOnRecord({ record }: Claim): boolean {
    return this.#records.read(record, record.plugin) !== undefined
  }

  #settle(): void {
    const entries = this.#restored.flatMap(({ claim }) => claim.entries)
    if (entries.length > 0) settle(entries, this.#host, this.#log, 'ADD')
  }
}

function bySet({ claim, missing, altered }: Lack): Lack[] {
  const sets = new Set([...missing, ...altered].map(({ set }) => set))
  const of = (set: NftSet) => (one: { readonly set: NftSet }) => one.set === set
  return [...sets].map(set => ({
    claim,
    missing: missing.filter(of(set)),
    altered: altered.filter(of(set)),
    taken: [],
  }))
}

/** Lets others work. */
function pause(ms?: number): Promise<void> {
  return new Promise(resolve => {
    if (ms === undefined) setImmediate(resolve)
    else setTimeout(resolve, ms)
  })
}
