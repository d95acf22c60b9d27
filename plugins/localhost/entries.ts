// What published ports need in our nftables tables to be reachable from the host itself, and from nobody else, at 127.0.0.1 and [::1].
import { element } from '../../kernel/nft/element.js'
import type { Family } from '../../wire/ip.js'
import type { Attached } from '../attached.js'
import type { EntryFacts } from '../guard/entry.js'
import type { Loopback6Facts } from '../guard/loopback6.js'
import { type MartianFacts, switchedSet } from '../guard/martian.js'
import type { PublishConfig } from '../portmap/config.js'
import { loopbackMappings } from './loopback.js'
import { defaultRouteLocalnet, routeLocalnet } from './route-localnet.js'

/** The entries of an ADD. Asked when the addresses are known; always the same for one state. */
export function loopbackEntries(state: Attached, publish: PublishConfig): EntryFacts[] {
  return [...martian(state, publish), ...loopback6(state, publish)]
}

/** True when the host reaches a mapping at 127.0.0.1, which takes route_localnet. */
export function usesLocalnet(state: Attached, publish: PublishConfig): boolean {
  return publish.snat && has(state, 4) && loopbackMappings(publish, 4).length > 0
}

/** True when the host reaches a mapping at [::1], which takes the loop. */
export function usesLoop(state: Attached, publish: PublishConfig): boolean {
  return publish.snat && has(state, 6) && loopbackMappings(publish, 6).length > 0
}

function has({ ips }: Attached, family: Family): boolean {
  return ips.some(({ address }) => address.family === family)
}

/** Also without route_localnet, what is published on 127.0.0.1 must not be had by sending to it from elsewhere. */
function martian(state: Attached, publish: PublishConfig): MartianFacts[] {
  const localnet = usesLocalnet(state, publish)
  const bound =
    has(state, 4) && publish.mappings.some(({ hostIp: ip }) => ip?.family === 4 && ip.isLoopback())
  if (!localnet && !bound) return []
  const { l3Ifname: ifname, bridged } = state
  if (!bridged) return [{ kind: 'martian', ifname, own: true }]
  return [{ kind: 'martian', ifname, ...(localnet && isSwitchedByUs(state) && { switched: true }) }]
}

function loopback6(state: Attached, publish: PublishConfig): Loopback6Facts[] {
  if (!usesLoop(state, publish)) return []
  return loopbackMappings(publish, 6).map(({ protocol, hostPorts: { first, last } }) => ({
    kind: 'loopback6',
    protocol,
    first,
    last,
  }))
}

const known = new WeakMap<Attached, boolean>()

/** False when route_localnet was on before any of us came. ADD asks twice, and switches it on in between. */
function isSwitchedByUs(state: Attached): boolean {
  const { host, l3Ifname } = state
  const { kernel } = host
  const isMarked = () => kernel.nft.list.element(element({ set: switchedSet, key: l3Ifname })) !== undefined
  const answer =
    known.get(state) ??
    (isMarked() || (routeLocalnet(kernel, l3Ifname) ?? defaultRouteLocalnet(kernel)) === '0')
  known.set(state, answer)
  return answer
}
