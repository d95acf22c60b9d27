// The resident's watch over nf_tables: what others take out of our tables, or do to the chains that our containers' packets must
// pass, is put back. A `nft flush ruleset`, an `iptables -F FORWARD`, a reload of firewalld are over before anybody notices.
import { readdirSync } from 'node:fs'
import { messageOf } from '../../cni/failure.js'
import type { Logger } from '../../cni/log.js'
import type { Host } from '../../cni/plugin.js'
import { RecordStore } from '../../cni/record.js'
import { KernelError } from '../../kernel/error.js'
import { type Damage, type DamagedTable, type DamageListener, NftDamage } from '../../kernel/nft/damage.js'
import {
  lookAfterPassages,
  obstaclesChanged,
  passagesChanged,
  watchPassages,
} from '../../plugins/firewall/keeper.js'
import { isPassageTable } from '../../plugins/firewall/passage.js'
import { entriesOnRecord } from '../../plugins/guard/entry.js'
import { nftTable } from '../../plugins/names.js'
import { isSound, repair } from '../../plugins/repair.js'

/** From the last of a burst of changes to the repair; and from the first, however long the burst is. In ms. */
const SETTLE = 50
const SETTLE_AT_MOST = 400
/** From the start to the first look; calls that have come before are served by then. */
const FIRST_LOOK = 250
/** Between looks at what nobody tells us. */
const ROUND = 10_000
/** Somebody who takes out again what we put back is given more and more time, up to this. */
const PATIENCE = 10_000

/** Undefined where the kernel has no nftables to watch. */
export function startWatch(host: Host, runDir: string, log: Logger): Watch | undefined {
  try {
    return new Watch(host, runDir, log)
  } catch (error) {
    if (!(error instanceof KernelError)) throw error
    log.warn('nftables is not watched', { error: messageOf(error) })
    return undefined
  }
}

export class Watch implements DamageListener, Disposable {
  readonly #host: Host
  readonly #runDir: string
  readonly #log: Logger
  readonly #damage: NftDamage
  readonly #rounds: NodeJS.Timeout
  #timer: NodeJS.Timeout | undefined
  /** When the first change of the burst was noticed. */
  #since = 0
  #repairing = false
  #again = false
  /** Who has done what is to be repaired, as the kernel names processes. */
  #by = new Set<string>()
  /** When the last repairs ended that found something. */
  #found: number[] = []
  /** A record with entries, as of when it was last looked for. */
  #guarded: string | undefined

  constructor(host: Host, runDir: string, log: Logger) {
    this.#host = host
    this.#runDir = runDir
    this.#log = log
    this.#damage = NftDamage.watch(host.kernel.netnsFd, this)
    this.#damage.unref()
    watchPassages(host.kernel, true)
    this.#rounds = setInterval(() => this.#round(), ROUND).unref()
    this.#schedule(FIRST_LOOK)
  }

  /** Whether there is anything on record that others could damage. Cheap as long as it is the same as when it was last asked. */
  get isNeeded(): boolean {
    const records = new RecordStore(this.#runDir)
    if (this.#guarded !== undefined && isThere(this.#guarded, this.#runDir)) return true
    this.#guarded = undefined
    for (const network of records.networks())
      for (const record of records.each(network))
        if (entriesOnRecord(record).length > 0) {
          this.#guarded = network
          return true
        }
    return false
  }

  damage({ tables, port, by }: Damage): void {
    const { kernel } = this.#host
    if (port === kernel.nft.port) return
    if (tables.some(table => table.gained && !isOurs(table) && !isOfIptables(table))) obstaclesChanged(kernel)
    const passage = tables.some(isPassageTable)
    if (passage) passagesChanged(kernel)
    if (!passage && !tables.some(table => table.lost && isOurs(table))) return
    if (by !== undefined) this.#by.add(by)
    this.#schedule(SETTLE)
  }

  overrun(): void {
    passagesChanged(this.#host.kernel)
    this.#schedule(SETTLE)
  }

  [Symbol.dispose](): void {
    watchPassages(this.#host.kernel, false)
    clearInterval(this.#rounds)
    clearTimeout(this.#timer)
    this.#damage[Symbol.dispose]()
  }

  #schedule(ms: number): void {
    const now = Date.now()
    if (!this.#timer) this.#since = now
    clearTimeout(this.#timer)
    const latest = this.#since + Math.max(SETTLE_AT_MOST, ms) - now
    const wait = Math.max(Math.min(ms, latest), this.#patience(now))
    this.#timer = setTimeout(() => void this.#repair(), wait).unref()
  }

  /** Nothing, until several repairs in a row were for nothing. */
  #patience(now: number): number {
    this.#found = this.#found.filter(at => now - at < 3 * PATIENCE)
    const vain = this.#found.length - 5
    return vain < 0 ? 0 : Math.min(PATIENCE, 100 * 2 ** vain)
  }

  async #repair(): Promise<void> {
    this.#timer = undefined
    if (this.#repairing) {
      this.#again = true
      return
    }
    this.#repairing = true
    const began = Date.now()
    const by = [...this.#by]
    this.#by.clear()
    try {
      const report = await repair(this.#host, this.#runDir, this.#log)
      if (!isSound(report)) {
        this.#found.push(Date.now())
        const { fixtures, elements, passages, failures, attachments } = report
        this.#log.warn('others have changed what is ours in nftables', {
          ...{ by, fixtures, elements, passages, failures, attachments },
          ms: Date.now() - began,
        })
      }
    } catch (error) {
      this.#log.error('repair of nftables failed', { error: messageOf(error) })
    }
    this.#repairing = false
    if (this.#again) this.#schedule(SETTLE)
    this.#again = false
  }

  #round(): void {
    try {
      const opened = lookAfterPassages({ kernel: this.#host.kernel, runDir: this.#runDir, log: this.#log })
      if (opened.length > 0) this.#log.warn('others drop forwarded packets', { passages: opened })
    } catch (error) {
      this.#log.error('could not look after other firewalls', { error: messageOf(error) })
    }
  }
}

function isOurs({ name }: DamagedTable): boolean {
  return name === nftTable
}

/** Their chains are many and change all the time, and only FORWARD of `filter` could stop us. */
function isOfIptables({ family, name }: DamagedTable): boolean {
  return (
    (family === 'ip' || family === 'ip6') && ['filter', 'nat', 'mangle', 'raw', 'security'].includes(name)
  )
}

/** True while the network has records. */
function isThere(network: string, runDir: string): boolean {
  try {
    return readdirSync(`${runDir}/attachments/${network}`).length > 0
  } catch {
    return false
  }
}
