// The networks that can be used: those of the configuration directory, and the built-in one.
import { defaultNetwork, defaultNetworkName } from './default-network.js'
import { RuntimeError } from './error.js'
import { type ConfDir, loadConfDir } from './libcni/conf-dir.js'
import type { NetworkList } from './libcni/network-list.js'
import { requireName } from './names.js'
import type { Settings } from './settings.js'

/** All networks, the built-in one last unless a file replaces it; and the files that cannot be used. */
export function listNetworks({ confDir, stateDir }: Settings): ConfDir {
  const { networks, problems } = loadConfDir(confDir)
  if (networks.some(network => network.name === defaultNetworkName)) return { networks, problems }
  return { networks: [...networks, defaultNetwork(stateDir)], problems }
}

/** The network of that name. When there is none, the error says what is there, and which files could not be read. */
export function findNetwork(settings: Settings, name: string): NetworkList {
  requireName('network', name)
  const { networks, problems } = listNetworks(settings)
  const found = networks.find(network => network.name === name)
  if (found) return found
  const broken = problems.map(problem => problem.message)
  throw new RuntimeError(
    [`there is no network "${name}" in ${settings.confDir}`, ...broken].join('; '),
    problems[0]?.hint ?? `use one of: ${networks.map(network => network.name).join(', ')}`,
  )
}
