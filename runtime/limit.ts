// The rates of running containers: what they are, and changing them.
import { RecordStore } from '../cni/record.js'
import { changeLimits, currentLimits, type Limits } from '../plugins/bandwidth/limit.js'
import { ContainerStore, type PlannedAttachment } from './container/state.js'
import { RuntimeError } from './error.js'
import { parseConflist } from './libcni/network-list.js'
import { lockContainer } from './locks.js'
import { withHost } from './plugin-host.js'
import type { Settings } from './settings.js'

export interface RateChange {
  /** Bits a second; null for no limit; absent: as it is. */
  readonly ingress?: number | null
  readonly egress?: number | null
}

/** Bits a second. */
export interface Rates {
  readonly ingress?: number
  readonly egress?: number
}

export interface LimitedAttachment {
  readonly container: string
  readonly network: string
  readonly ifname: string
  readonly rates: Rates
}

/** Changes the limits of a container's attachments, all of them or those of one interface; returns what is in force then. */
export async function limitContainer(
  settings: Settings,
  reference: string,
  change: RateChange,
  ifname?: string,
): Promise<LimitedAttachment[]> {
  const store = new ContainerStore(settings.runDir)
  const { id } = store.find(reference)
  using _lock = await lockContainer(settings, id)
  const attachments = store
    .find(id)
    .attachments.filter(one => one.result !== undefined && (ifname === undefined || one.ifname === ifname))
  if (attachments.length === 0)
    throw new RuntimeError(
      `${reference} has no interface${ifname === undefined ? '' : ` "${ifname}"`} that could be limited`,
      'see: plumbline inspect',
    )
  return withHost(async host => {
    const done: LimitedAttachment[] = []
    for (const attachment of attachments) {
      const { network, ifname } = attachment
      const key = { network, containerId: id, ifname }
      const limits = await changeLimits(host, settings.runDir, key, interfaceType(attachment), {
        ...(change.ingress !== undefined && { ingress: inBytes(change.ingress) }),
        ...(change.egress !== undefined && { egress: inBytes(change.egress) }),
      })
      done.push({ container: id, network, ifname, rates: inBits(limits) })
    }
    return done
  })
}

/** The rates on record; none where there are none. */
export function ratesOf(settings: Settings, containerId: string, attachment: PlannedAttachment): Rates {
  const { network, ifname } = attachment
  const records = new RecordStore(settings.runDir)
  const key = { network, containerId, ifname }
  const record = records.read(key, 'bandwidth') ?? records.read(key, interfaceType(attachment))
  return record ? inBits(currentLimits(record)) : {}
}

/** Type of the plugin that made the interface: the first of the chain. */
function interfaceType({ network, config }: PlannedAttachment): string {
  return parseConflist(JSON.stringify(config), `network ${network}`).plugins[0]?.type ?? ''
}

function inBytes(bits: number | null): { rate: number } | null {
  return bits === null ? null : { rate: Math.floor(bits / 8) }
}

function inBits({ ingress, egress }: Limits): Rates {
  return {
    ...(ingress && { ingress: ingress.rate * 8 }),
    ...(egress && { egress: egress.rate * 8 }),
  }
}
