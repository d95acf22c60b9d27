// CHECK of attachments, and STATUS of networks.
import { listOf, rtOf } from './attach.js'
import { type ContainerState, ContainerStore, type PlannedAttachment } from './container/state.js'
import { checkNetworkList, statusNetworkList, validateNetworkList } from './libcni/network.js'
import type { NetworkList } from './libcni/network-list.js'
import { lockContainer } from './locks.js'
import { libcniOf, type Settings } from './settings.js'

export interface CheckOutcome {
  readonly container: string
  readonly network: string
  readonly ifname: string
  /** Undefined when all is as it should be. */
  readonly error?: unknown
}

/** Runs CHECK for every attachment of a container. */
export async function checkContainer(settings: Settings, { id }: ContainerState): Promise<CheckOutcome[]> {
  using _lock = await lockContainer(settings, id)
  const state = new ContainerStore(settings.runDir).read(id)
  const outcomes: CheckOutcome[] = []
  for (const planned of state?.attachments ?? []) {
    const { network, ifname } = planned
    const error = await failureOf(() => check(settings, state!, planned))
    outcomes.push({ container: id, network, ifname, ...(error !== undefined && { error }) })
  }
  return outcomes
}

/** Asks a network whether it could take an attachment now; undefined when it could. */
export function networkTrouble(settings: Settings, network: NetworkList): Promise<unknown> {
  return failureOf(async () => {
    await validateNetworkList(libcniOf(settings), network)
    await statusNetworkList(libcniOf(settings), network)
  })
}

function check(settings: Settings, state: ContainerState, planned: PlannedAttachment): Promise<void> {
  const cni = libcniOf(settings, state.cniPath)
  const cached = cni.cache.read({ network: planned.network, containerId: state.id, ifname: planned.ifname })
  return checkNetworkList(cni, cached?.list ?? listOf(planned), rtOf(state, planned))
}

async function failureOf(work: () => Promise<void>): Promise<unknown> {
  try {
    await work()
    return undefined
  } catch (error) {
    return error
  }
}
