// The steps of the chained plugins as interface plugins take them.
import { mayGuard } from '../config.js'
import { type GuardConfig, inlineEntries, wantsGuard } from '../guard/inline.js'
import type { InlineConfig } from '../inline.js'
import type { AttachState } from '../state.js'
import { passageStep } from './firewall.js'
import { guardStep } from './guard.js'
import { localhostStep } from './localhost.js'

/** All that an interface plugin has in our nftables tables, in one batch. */
export const inlineGuardStep = guardStep<AttachState<GuardConfig>>({
  wanted: wantsGuard,
  entriesOf: inlineEntries,
  mayHave: mayGuard,
})

export const inlinePassageStep = passageStep({
  wants: config => Object.keys(config).some(key => key.toLowerCase() === 'ingresspolicy'),
})

export const inlineLocalhostStep = localhostStep<AttachState<InlineConfig>>({
  publishOf: ({ config }) => config.publish,
  chained: false,
})
