// tuning: kernel settings of the container's namespace, and attributes of its interface. Keys and behaviour of the reference plugin
// of the same name; see docs/plugins/tuning.md for the differences.
import { allVersions } from '../cni/plugin.js'
import { stepPlugin } from '../cni/steps.js'
import { beginChained, type ChainState, closeChained } from './chained.js'
import { sysctlStep } from './steps/sysctl.js'
import { tunedResult, tuningStep } from './steps/tuning.js'
import { type TuningConfig, tuningConfig } from './tuning/config.js'

export const tuning = stepPlugin<TuningConfig, ChainState<TuningConfig>>({
  type: 'tuning',
  about:
    "Plumbline tuning: changes kernel settings of a container's network, and attributes of its interface",
  versions: allVersions,
  parse: tuningConfig,
  begin: beginChained,
  // A new MTU sets net.ipv6.conf.IFNAME.mtu as well, so settings come behind.
  steps: [tuningStep, sysctlStep],
  result: tunedResult,
  end: closeChained,
})
