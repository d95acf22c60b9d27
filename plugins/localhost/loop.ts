// The loop: a veth pair by which the host's own connections to [::1] go round to come in like anybody else's. An answer to ::1
// would be dropped on its way in (ip6_rcv_core, rt6_need_strict), so its addresses are translated twice. See ADR 7.
import { Ip } from '../../wire/ip.js'
import { stableMac } from '../names.js'

export interface LoopEnd {
  readonly name: string
  readonly mac: ReturnType<typeof stableMac>
}

/** Where connections to [::1] leave, and answers to ::1 come in. */
export const loopNear: LoopEnd = { name: 'pl-lo0', mac: stableMac('loop near') }

/** Where they come in as connections of others do. */
export const loopFar: LoopEnd = { name: 'pl-lo1', mac: stableMac('loop far') }

/** Both are of fd + "plumb" + "lo", and seen on the loop only. `loopTarget` stands there for ::1 as the destination. */
export const loopTarget = Ip.parse('fd70:6c75:6d62:6c6f::1')

/** Stands there for ::1 as the source. */
export const loopSource = Ip.parse('fd70:6c75:6d62:6c6f::2')

export const ipv6Loopback = Ip.parse('::1')
