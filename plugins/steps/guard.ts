// Step: the attachment's entries in our nftables tables, in one batch; made before the link exists, so that no frame
// passes unguarded, and taken out after it is gone.
import type { JsonObject } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import type { Host } from '../../cni/plugin.js'
import type { Step, Sweep, Undo } from '../../cni/steps.js'
import { KernelError } from '../../kernel/error.js'
import type { Attached } from '../attached.js'
import { type EntryFacts, factsOf, piecesOf, settle } from '../guard/entry.js'
import { install } from '../guard/install.js'
import { elementId, sharedOwner } from '../guard/piece.js'
import { recordedOwners, recordedShared } from '../guard/recorded.js'
import { sweepElements, sweepShared, sweepUnused } from '../guard/sweep.js'
import { uninstall } from '../guard/uninstall.js'
import { verify } from '../guard/verify.js'
import { hostIfname, hostIfnames, isHostIfname } from '../names.js'

export interface GuardStepOptions<S> {
  wanted(state: S): boolean
  /** What this ADD wants in the tables. Asked when the addresses are known. */
  entriesOf(state: S): EntryFacts[]
  /** False when a configuration can have no entries at all; it need not be valid. */
  mayHave(config: JsonObject): boolean
}

export function guardStep<S extends Attached>(options: GuardStepOptions<S>): Step<S> {
  const { wanted, mayHave } = options
  const known = new WeakMap<S, EntryFacts[]>()
  /** Worked out once: `plan` and `apply` ask for them. */
  const entriesOf = (state: S): EntryFacts[] => {
    const entries = known.get(state) ?? options.entriesOf(state)
    if (state.addressed) known.set(state, entries)
    return entries
  }
  return {
    name: 'guard',

    wanted,

    plan(state) {
      if (!state.addressed) return undefined
      return { entries: entriesOf(state) as unknown as JsonObject[] }
    },

    apply(state) {
      const { call, host, owner } = state
      const entries = entriesOf(state)
      install(host.kernel.nft, entries.flatMap(piecesOf), owner, call)
      settle(entries, host, call.log, 'ADD')
    },

    undo(undo) {
      const { call, facts, host, key } = undo
      if (!undo.recorded) return mayHave(undo.config) ? sweepUnrecorded(undo) : undefined
      const entries = factsOf(facts)
      uninstall(host.kernel.nft, entries.flatMap(piecesOf), undo.attached ? undefined : hostIfname(key))
      settle(entries, host, call.log, 'DEL')
    },

    check(state, facts) {
      verify(state.host.kernel.nft, factsOf(facts).flatMap(piecesOf), state.owner)
    },

    status(_call, config, host) {
      if (mayHave(config)) requireNftables(host)
    },

    gc: sweepNetwork,
  }
}

/** Throws CniError 50 where the kernel has none. */
export function requireNftables({ kernel }: Host): void {
  try {
    kernel.nft.list.generation()
  } catch (error) {
    if (!(error instanceof KernelError)) throw error
    throw new CniError(CniCode.notAvailable, 'the kernel has no nftables (CONFIG_NF_TABLES)', error.message)
  }
}

function sweepNetwork({ host, call, network, valid }: Sweep): void {
  const keep = new Set([...valid.flatMap(hostIfnames), ...recordedOwners(call)])
  sweepElements(
    host.kernel.nft,
    ({ comment }) => comment !== undefined && isHostIfname(comment, network) && !keep.has(comment),
  )
  sweepShared(host.kernel.nft, () => {
    const shared = recordedShared(call)
    return one => one.comment === sharedOwner && !shared.has(elementId(one))
  })
  sweepUnused(host.kernel.nft)
}

/** Without a record, entries are known by their owner's name alone; to find them takes a look at all of them. */
function sweepUnrecorded({ key, host }: Undo): void {
  const names = hostIfnames(key)
  sweepElements(host.kernel.nft, ({ comment }) => comment !== undefined && names.includes(comment))
}
