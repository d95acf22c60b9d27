// All plugins of this build by type. An executable of each type exists in dist/cni.
import type { Plugin } from '../cni/plugin.js'
import { hostLocal } from '../ipam/host-local.js'
import { staticIpam } from '../ipam/static.js'
import { bandwidth } from './bandwidth.js'
import { bridge } from './bridge.js'
import { firewall } from './firewall.js'
import { loopback } from './loopback.js'
import { portmap } from './portmap.js'
import { ptp } from './ptp.js'
import { tuning } from './tuning.js'

// biome-ignore lint/suspicious/noExplicitAny: each plugin has a configuration type of its own, known to itself alone
const all: readonly Plugin<any>[] = [
  bandwidth,
  bridge,
  firewall,
  hostLocal,
  loopback,
  portmap,
  ptp,
  staticIpam,
  tuning,
]

export const plugins: ReadonlyMap<string, Plugin> = new Map(all.map(plugin => [plugin.type, plugin]))
