// One run: what was asked for, what came out so far, and the candidates that are there at the moment.
import { Candidate, type CandidateOptions, missingTypes } from './candidate.js'
import { chained, type Extras, inline } from './configuration.js'
import type { Options } from './options.js'
import { type ChainName, chainNames, type PlainName, plainNames, type Results } from './results.js'
import { faultOf } from './sound.js'
import { Traffic } from './traffic.js'

export class Bench {
  readonly options: Options
  readonly results: Results
  /** True once the candidates were taken away under the feet of whoever measures them. */
  interrupted = false
  readonly #open = new Set<Candidate>()
  readonly #faults = new Map<string, string | undefined>()

  constructor(options: Options, results: Results) {
    this.options = options
    this.results = results
  }

  /** The wanted candidates for the plain bridge. */
  get plainNames(): PlainName[] {
    return plainNames.filter(name => this.options.candidates.includes(name))
  }

  plain(name: PlainName, label: string = name): Candidate {
    return this.#make(label, dataDir => chained(dataDir, {}), {
      ofReference: name === 'reference',
      resident: name === 'resident' ? 'require' : 'off',
    })
  }

  chain(name: ChainName, extras: Extras, label: string = name): Candidate {
    return this.#make(label, dataDir => (name === 'inline' ? inline : chained)(dataDir, extras), {
      ofReference: name === 'reference',
      resident: 'require',
    })
  }

  /** The wanted candidates for the chain that are there and do what they shall; the others are left out, with the reason. */
  async chainNames(extras: Extras): Promise<ChainName[]> {
    const sound: ChainName[] = []
    for (const name of chainNames) {
      if (!this.options.candidates.includes(name)) continue
      const key = [name, ...Object.keys(extras)].join(' ')
      if (!this.#faults.has(key)) {
        const fault = await this.#faultOf(name, extras)
        this.#faults.set(key, fault)
        if (fault !== undefined) this.leaveOut(`${key}: ${fault}`)
      }
      if (this.#faults.get(key) === undefined) sound.push(name)
    }
    return sound
  }

  /** The reference and one of ours, where it makes no difference to the packets which of ours. */
  async pair(extras: Extras): Promise<ChainName[]> {
    const names = await this.chainNames(extras)
    const ours = names.find(name => name !== 'reference')
    return names.filter(name => name === 'reference' || name === ours)
  }

  traffic(candidate: Candidate): Traffic {
    return new Traffic(candidate, this.options.traffic)
  }

  say(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  leaveOut(what: string): void {
    this.say(`left out: ${what}`)
    this.results.leftOut.push(what)
  }

  async close(...candidates: readonly Candidate[]): Promise<void> {
    for (const candidate of candidates) {
      await candidate.close()
      this.#open.delete(candidate)
    }
  }

  async closeAll(): Promise<void> {
    await this.close(...this.#open)
  }

  #make(
    name: string,
    plugins: CandidateOptions['plugins'],
    { ofReference, resident }: { readonly ofReference: boolean; readonly resident: 'require' | 'off' },
  ): Candidate {
    if (this.interrupted) throw new Error('interrupted')
    const { driver, reference, ours } = this.options
    const where = ofReference ? { dir: reference } : { dir: ours, resident }
    const candidate = new Candidate({ name, plugins, driver, ...where })
    this.#open.add(candidate)
    return candidate
  }

  async #faultOf(name: ChainName, extras: Extras): Promise<string | undefined> {
    const dir = name === 'reference' ? this.options.reference : this.options.ours
    const missing = missingTypes(dir, (name === 'inline' ? inline : chained)('', extras))
    if (missing.length > 0) return `${dir} has no ${missing.join(', ')}`
    const trial = this.chain(name, extras, `${name} trial`)
    try {
      return await faultOf(trial, this.traffic(trial), extras)
    } catch (error) {
      return (error as Error).message
    } finally {
      await this.close(trial)
    }
  }
}
