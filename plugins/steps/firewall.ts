// Step: the way of containers' packets through tables of other owners that drop what is forwarded. One for the whole host: made
// by the first that needs it, taken away by GC with the last. Before the guard in the list, so that its GC comes after.
import type { JsonObject } from '../../cni/call.js'
import { runDir } from '../../cni/directories.js'
import type { Step } from '../../cni/steps.js'
import type { FirewallConfig } from '../firewall/config.js'
import type { Firewalled } from '../firewall/entries.js'
import { closePassages, missingPassage, openPassages, reportObstacles } from '../firewall/keeper.js'
import { firewallsOnRecord } from '../firewall/recorded.js'
import { checkFailed } from '../state.js'

export interface PassageStepOptions {
  /** Whether a configuration asks for a firewall; it need not be valid. */
  wants(config: JsonObject): boolean
}

export function passageStep({ wants }: PassageStepOptions): Step<Firewalled> {
  return {
    name: 'passage',

    wanted: ({ config }) => config.firewall !== undefined,

    plan: ({ config }) => ({ adminChain: config.firewall!.adminChain }),

    apply(state) {
      const { call, host } = state
      const place = { kernel: host.kernel, runDir: runDir(call.env), log: call.log }
      openPassages(place, state.config.firewall!.adminChain, () =>
        firewalldAdvice(state, state.config.firewall!),
      )
    },

    check({ call, config, host }) {
      const missing = missingPassage(
        { kernel: host.kernel, runDir: runDir(call.env) },
        config.firewall!.adminChain,
      )
      if (missing !== undefined) throw checkFailed(missing, 'plumbline repair puts it back')
    },

    status(call, config, host) {
      if (wants(config)) reportObstacles({ kernel: host.kernel, log: call.log })
    },

    gc({ host, call }) {
      const directory = runDir(call.env)
      if (firewallsOnRecord(directory).length === 0) closePassages({ kernel: host.kernel, runDir: directory })
    },
  }
}

/** Where only firewalld itself may change its table. */
function firewalldAdvice({ ips }: Firewalled, { firewalldZone }: FirewallConfig): string {
  const sources = ips.map(({ address }) => `--add-source=${address.network()}`).join(' ')
  return `firewall-cmd --permanent --zone=${firewalldZone} ${sources} && firewall-cmd --reload`
}
