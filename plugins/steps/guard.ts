// Step: the attachment's entries in our nftables tables, in one batch; made before the link exists, so that no frame
// passes unguarded, and taken out after it is gone.
import type { JsonObject } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import type { Step, Undo } from '../../cni/steps.js'
import { isExists, isNotFound, KernelError } from '../../kernel/error.js'
import type { Nft } from '../../kernel/nft/nft.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { Mac } from '../../wire/mac.js'
import { type Entry, type EntryFacts, elementOf, entryOf, factsOf } from '../guard/entry.js'
import { sweepElements, sweepUnused } from '../guard/sweep.js'
import { hostIfname } from '../names.js'
import type { AttachState } from '../state.js'

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
    const entries = entriesOf(state).map(entryOf)
    const { nft } = state.host.kernel
    const add = entries.reduce(
      (tx, entry) => tx.add(elementOf(entry, state.hostIfname)),
      new NftTransaction(),
    )
    try {
      nft.run(add)
    } catch (error) {
      if (!isNotFound(error)) throw error
      for (const entry of entries) ensure(nft, entry)
      nft.run(add)
    }
  },

  undo(undo) {
    const { host } = undo
    const entries = (undo.recorded ? factsOf(undo.facts) : derivedEntries(undo)).map(entryOf)
    if (entries.length === 0) return
    host.kernel.nft.run(entries.reduce((tx, entry) => tx.destroy(elementOf(entry)), new NftTransaction()))
  },

  check(state) {
    const { list } = state.host.kernel.nft
    for (const entry of entriesOf(state).map(entryOf)) {
      const { set } = entry
      const where = `${set.table.family} ${set.table.name} ${set.name}`
      if (!list.set(set)) throw failed(`nftables set ${where} is gone`)
      if (!list.element(elementOf(entry)))
        throw failed(`${entry.key.join(' . ')} is gone from nftables set ${where}`)
      if (!list.rules(set.table).some(rule => rule.comment === set.name))
        throw failed(`the nftables rule that uses set ${where} is gone`)
    }
  },

  status(_call, config, host) {
    if (config.ipMasq !== true && config.macspoofchk !== true) return
    try {
      host.kernel.nft.list.generation()
    } catch (error) {
      if (!(error instanceof KernelError)) throw error
      throw new CniError(CniCode.notAvailable, 'the kernel has no nftables (CONFIG_NF_TABLES)', error.message)
    }
  },

  gc({ host, network, valid }) {
    const keep = valid.flatMap(key => [hostIfname(key), hostIfname(key, { spoofcheck: true })])
    sweepElements(host.kernel.nft, network, new Set(keep))
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

/** Without a record, the previous result says which addresses there were; what it does not say is left to GC. */
function derivedEntries({ key, call, config }: Undo): EntryFacts[] {
  const { ips = [], interfaces = [] } = call.prevResult ?? {}
  const entries: EntryFacts[] = []
  if (config.ipMasq === true)
    for (const { address } of ips)
      entries.push({ kind: 'masquerade', subnet: String(address.network()), address: String(address.ip) })
  const mac = interfaces.find(i => i.name === key.ifname && i.sandbox)?.mac
  if (config.macspoofchk === true && mac && Mac.tryParse(mac))
    entries.push({ kind: 'port-mac', ifname: hostIfname(key, { spoofcheck: true }), mac })
  return entries
}

/** Makes the entry's set and rules unless they are there; several ADDs may try at once, and one of them succeeds. */
function ensure(nft: Nft, entry: Entry): void {
  const tx = new NftTransaction()
  entry.ensure(tx)
  try {
    nft.run(tx)
  } catch (error) {
    if (!isExists(error)) throw error
  }
}

function failed(msg: string): CniError {
  return new CniError(CniCode.checkFailed, msg)
}
