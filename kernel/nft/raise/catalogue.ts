// All selectors that there are, for finding the one that an expression loads.
import type { Selector } from '../selector.js'
import { ctSelectors } from '../selectors/ct.js'
import { arp, ether, vlan } from '../selectors/link.js'
import { metaSelectors } from '../selectors/meta.js'
import { ip, ip6 } from '../selectors/network.js'
import { exthdr, tcpMaxseg } from '../selectors/option.js'
import { rt, socket } from '../selectors/route.js'
import { ah, dccp, esp, icmp, icmpv6, sctp, tcp, th, udp, udplite } from '../selectors/transport.js'

let selectors: readonly Selector[] | undefined

/** Those that have no parameters. */
export function allSelectors(): readonly Selector[] {
  const groups = [ether, vlan, arp, ip, ip6, tcp, udp, udplite, sctp, dccp, esp, ah, th, icmp, icmpv6]
  const others = [rt, socket, exthdr]
  selectors ??= [
    ...[...groups, ...others].flatMap(group => Object.values<Selector>(group)),
    ...metaSelectors(),
    ...ctSelectors(),
    tcpMaxseg,
  ]
  return selectors
}
