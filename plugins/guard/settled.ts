// What a kind of entries does once its elements are in or out.
import type { Logger } from '../../cni/log.js'
import type { Host } from '../../cni/plugin.js'

/** `entries`: all of this kind that the attachment has. */
export type Settled<F> = (entries: readonly F[], host: Host, log: Logger, verb: 'ADD' | 'DEL') => void
