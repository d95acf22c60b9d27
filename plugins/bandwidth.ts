// bandwidth: limits the rates of what goes to a container and of what comes from it. Keys and behaviour of the reference plugin of the
// same name; see docs/plugins/bandwidth.md for the differences.
import { allVersions } from '../cni/plugin.js'
import { stepPlugin } from '../cni/steps.js'
import { bandwidthConfig } from './bandwidth/config.js'
import { beginChained, type ChainState, closeChained } from './chained.js'
import { type BandwidthStepConfig, bandwidthStep, limitedResult } from './steps/bandwidth.js'

export const bandwidth = stepPlugin<BandwidthStepConfig, ChainState<BandwidthStepConfig>>({
  type: 'bandwidth',
  about: 'Plumbline bandwidth: limits the rates of what goes to a container and of what comes from it',
  versions: allVersions,
  parse: call => ({ bandwidth: bandwidthConfig(call, 'chained') }),
  begin: beginChained,
  steps: [bandwidthStep],
  result: limitedResult,
  end: closeChained,
})
