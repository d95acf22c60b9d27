// Another machine on the host's network: where requests to host ports come from.
import type { Candidate } from './candidate.js'
import type { Where } from './traffic.js'

export interface Outside {
  readonly where: Where
  /** The host's address as it is seen from there. */
  readonly host: string
}

export function makeOutside(candidate: Candidate): Outside {
  const path = candidate.makeNetns('outside')
  candidate.inside('host', `ip link add uplink type veth peer name uplink netns ${path}`)
  for (const [where, address] of [
    ['host', '198.18.0.1/24'],
    ['outside', '198.18.0.2/24'],
  ] as const) {
    candidate.inside(where, `ip address add ${address} dev uplink`)
    candidate.inside(where, 'ip link set uplink up')
  }
  return { where: 'outside', host: '198.18.0.1' }
}
