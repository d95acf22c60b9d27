// Step: what an interface plugin has in our nftables tables, all of it in one batch.
import { mayGuard } from '../config.js'
import { type GuardConfig, inlineEntries, wantsGuard } from '../guard/inline.js'
import type { AttachState } from '../state.js'
import { guardStep } from './guard.js'

export const inlineGuardStep = guardStep<AttachState<GuardConfig>>({
  wanted: wantsGuard,
  entriesOf: inlineEntries,
  mayHave: mayGuard,
})
