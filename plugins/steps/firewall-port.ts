// Step: a bridge port that somebody else has made takes no part in what other isolated ports do. linux/if_link.h:
// IFLA_BRPORT_ISOLATED. Inline, the port is born so.
import type { JsonObject } from '../../cni/call.js'
import type { Step } from '../../cni/steps.js'
import { isNotFound } from '../../kernel/error.js'
import type { ChainState } from '../chained.js'
import type { FirewallConfig } from '../firewall/config.js'
import { checkFailed } from '../state.js'

type State = ChainState<{ readonly firewall: FirewallConfig }>

export const portIsolationStep: Step<State> = {
  name: 'port-isolation',

  wanted: state => state.config.firewall.ingressPolicy === 'isolated' && state.bridged,

  plan: ({ hostLink }) => ({ port: hostLink.name, former: hostLink.port?.isolated ?? false }),

  apply({ host, hostIfname }) {
    host.kernel.link.set({ name: hostIfname, port: { isolated: true } })
  },

  undo({ facts, host }) {
    if (facts?.former !== false) return
    const link = host.kernel.link.get(String(facts.port))
    if (!link?.port?.isolated) return
    try {
      host.kernel.link.set({ name: link.name, port: { isolated: false } })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  },

  check({ host }, facts: JsonObject | undefined) {
    const name = String(facts?.port)
    const link = host.kernel.link.get(name)
    if (!link) throw checkFailed(`host interface ${name} is gone`)
    if (!link.port?.isolated) throw checkFailed(`port isolation of ${name} is off`)
  },
}
