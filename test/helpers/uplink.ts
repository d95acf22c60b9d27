// The world outside a fake host: one veth link to a peer namespace, addresses of both families, a default route.
import { createNetns } from '../../kernel/netns.js'
import { sh } from './sh.js'

export interface Uplink {
  /** Path of the peer's namespace. */
  readonly peer: string
  /** Interface on the host, and on the peer. */
  readonly ifname: string
  readonly host4: string
  readonly host6: string
  readonly peer4: string
  readonly peer6: string
}

export function addUplink(root: string, host: string, mtu: number): Uplink {
  const uplink = {
    peer: `${root}/peer`,
    ifname: 'up0',
    host4: '192.0.2.2',
    host6: '2001:db8:ffff::2',
    peer4: '192.0.2.1',
    peer6: '2001:db8:ffff::1',
  }
  createNetns(uplink.peer)
  // No duplicate address detection: while the link-local address is tentative nothing is forwarded to this link.
  sh(
    `ip link set lo up
     ip link add ${uplink.ifname} mtu ${mtu} type veth peer name ${uplink.ifname} mtu ${mtu} netns ${host}
     echo 0 >/proc/sys/net/ipv6/conf/${uplink.ifname}/accept_dad
     ip address add ${uplink.peer4}/24 dev ${uplink.ifname}
     ip address add ${uplink.peer6}/64 dev ${uplink.ifname} nodad
     ip link set ${uplink.ifname} up`,
    uplink.peer,
  )
  sh(
    `echo 0 >/proc/sys/net/ipv6/conf/${uplink.ifname}/accept_dad
     ip address add ${uplink.host4}/24 dev ${uplink.ifname}
     ip address add ${uplink.host6}/64 dev ${uplink.ifname} nodad
     ip link set ${uplink.ifname} up
     ip route add default via ${uplink.peer4}
     ip -6 route add default via ${uplink.peer6}`,
    host,
  )
  return uplink
}
