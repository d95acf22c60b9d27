// Step: the attachment's entries in our nftables tables, in one batch; made before the link exists, so that no frame
// passes unguarded, and taken out after it is gone.
import type { JsonObject } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import type { Step, Undo } from '../../cni/steps.js'
import { ignoreExists, isExists, isNotFound, KernelError } from '../../kernel/error.js'
import type { Nft } from '../../kernel/nft/nft.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { guardKeysOf } from '../config.js'
import { type Entry, type EntryFacts, elementOf, entryOf, factsOf } from '../guard/entry.js'
import { sweepElements, sweepUnused } from '../guard/sweep.js'
import { hostIfnames, isHostIfname } from '../names.js'
import { recordedHostIfnames } from '../recorded.js'
import { type AttachState, checkFailed } from '../state.js'

export interface GuardStepConfig {
  readonly ipMasq: boolean
  readonly macspoofchk: boolean
}

export const guardStep: Step<AttachState<GuardStepConfig>> = {
  name: 'guard',

  wanted: ({ config }) => config.ipMasq || config.macspoofchk,

  plan(state) {
    if (!state.addressed) return undefined
    return { entries: entriesOf(state) as unknown as JsonObject[] }
  },

  apply(state) {
    install(state.host.kernel.nft, entriesOf(state).map(entryOf), state.hostIfname)
  },

  undo(undo) {
    const { nft } = undo.host.kernel
    if (!undo.recorded) return sweepUnrecorded(undo)
    const entries = factsOf(undo.facts).map(entryOf)
    nft.run(entries.reduce((tx, entry) => tx.destroy(elementOf(entry)), new NftTransaction()))
  },

  check(state) {
    const { list } = state.host.kernel.nft
    for (const entry of entriesOf(state).map(entryOf)) {
      const { set } = entry
      const where = `${set.table.family} ${set.table.name} ${set.name}`
      if (!list.set(set)) throw checkFailed(`nftables set ${where} is gone`)
      if (!list.element(elementOf(entry)))
        throw checkFailed(`${entry.key.join(' . ')} is gone from nftables set ${where}`)
      if (!list.rules(set.table).some(rule => rule.comment === set.name))
        throw checkFailed(
          `the nftables rule that uses set ${where} is gone`,
          `delete the table (nft delete table ${set.table.family} ${set.table.name}) and add the attachments again`,
        )
    }
  },

  status(_call, config, host) {
    const keys = guardKeysOf(config)
    if (!keys?.ipMasq && !keys?.macspoofchk) return
    try {
      host.kernel.nft.list.generation()
    } catch (error) {
      if (!(error instanceof KernelError)) throw error
      throw new CniError(CniCode.notAvailable, 'the kernel has no nftables (CONFIG_NF_TABLES)', error.message)
    }
  },

  gc({ host, call, network, valid }) {
    const keep = new Set([...valid.flatMap(hostIfnames), ...recordedHostIfnames(call)])
    sweepElements(host.kernel.nft, owner => isHostIfname(owner, network) && !keep.has(owner))
    sweepUnused(host.kernel.nft)
  },
}

function entriesOf({ config, ips, hostIfname, mac }: AttachState<GuardStepConfig>): EntryFacts[] {
  const entries: EntryFacts[] = []
  if (config.ipMasq)
    for (const { address } of ips)
      entries.push({ kind: 'masquerade', subnet: String(address.network()), address: String(address.ip) })
  if (config.macspoofchk) entries.push({ kind: 'port-mac', ifname: hostIfname, mac: String(mac) })
  return entries
}

/** Without a record, entries are known by their owner's name alone; to find them takes a look at all of them. */
function sweepUnrecorded({ key, config, host }: Undo): void {
  const keys = guardKeysOf(config)
  if (keys && !keys.ipMasq && !keys.macspoofchk) return
  const names = hostIfnames(key)
  sweepElements(host.kernel.nft, owner => names.includes(owner))
}

/** Others make and remove sets and rules at the same time; none of them gets in between more often than this. */
const MAX_ATTEMPTS = 5

/** Adds the entries' elements in one batch, after their sets and rules where these are missing. */
function install(nft: Nft, entries: readonly Entry[], owner: string): void {
  let stale = false
  for (let attempt = 1; ; attempt++) {
    const tx = new NftTransaction()
    if (stale) for (const entry of entries) tx.destroy(elementOf(entry))
    for (const entry of entries) tx.create(elementOf(entry, owner))
    try {
      nft.run(tx)
      return
    } catch (error) {
      if (attempt === MAX_ATTEMPTS) throw error
      // Whoever had this key before us has lost it: addresses are leased, and names derived. Make the element ours.
      if (isExists(error)) stale = true
      else if (isNotFound(error)) for (const entry of entries) ensure(nft, entry)
      else throw error
    }
  }
}

/** Makes the entry's set and rules unless they are there; several ADDs may try at once, and one of them succeeds. */
function ensure(nft: Nft, entry: Entry): void {
  const tx = new NftTransaction()
  entry.ensure(tx)
  ignoreExists(() => nft.run(tx))
}
