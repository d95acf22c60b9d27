// firewall: lets a container's packets through firewalls of other owners, guards its sources, and isolates networks. Keys and
// behaviour of the reference plugin of the same name; see docs/plugins/firewall.md for the differences.
import { allVersions } from '../cni/plugin.js'
import { stepPlugin } from '../cni/steps.js'
import { beginChained, type ChainState, closeChained } from './chained.js'
import { type FirewallConfig, firewallConfig } from './firewall/config.js'
import { firewallEntries } from './firewall/entries.js'
import { passageStep } from './steps/firewall.js'
import { portIsolationStep } from './steps/firewall-port.js'
import { guardStep } from './steps/guard.js'

interface Config {
  readonly firewall: FirewallConfig
}

export const firewall = stepPlugin<Config, ChainState<Config>>({
  type: 'firewall',
  about:
    'Plumbline firewall: lets a container through other firewalls, guards its sources, isolates networks',
  versions: allVersions,
  parse: call => ({ firewall: firewallConfig(call, 'chained') }),
  begin: beginChained,
  steps: [
    passageStep({ wants: () => true }),
    guardStep<ChainState<Config>>({
      wanted: () => true,
      entriesOf: firewallEntries,
      mayHave: () => true,
    }),
    portIsolationStep,
  ],
  result: state => state.previous,
  end: closeChained,
})
