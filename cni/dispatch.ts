// From a decoded call to the plugin's verb: used at the door, and for delegation in process.
import type { Call } from './call.js'
import { messageOf } from './failure.js'
import type { Host, Plugin } from './plugin.js'
import { emptyResult, type Result } from './result.js'

/**
 * What the plugin makes of the configuration. A DEL must work with a configuration that has become invalid: it gets
 * undefined (and the log a warning), and has the attachment's record to go by.
 */
export function parseConfig(plugin: Plugin, call: Call): unknown {
  if (call.verb !== 'DEL') return plugin.parse(call)
  try {
    return plugin.parse(call)
  } catch (error) {
    call.log.warn('the configuration is invalid; deleting what is on record', { error: messageOf(error) })
    return undefined
  }
}

/** Runs the verb of the call. The result is that of an ADD; the other verbs have an empty one. */
export async function dispatch(plugin: Plugin, call: Call, config: unknown, host: Host): Promise<Result> {
  switch (call.verb) {
    case 'ADD':
      return plugin.add(call, config, host)
    case 'DEL':
      await plugin.del(call, config, host)
      break
    case 'CHECK':
      await plugin.check(call, config, host)
      break
    case 'GC':
      await plugin.gc(call, config, host)
      break
    case 'STATUS':
      await plugin.status(call, config, host)
  }
  return emptyResult
}
