// `ss`: who listens on a port. linux/sock_diag.h, linux/inet_diag.h: SOCK_DIAG_BY_FAMILY.
// A dump walks the whole hash table of its protocol: 20 us for each family. Exact look-ups (4 us) find only sockets that are bound
// to the very address that is asked for.
import { existsSync } from 'node:fs'
import { SOCK_DIAG_BY_FAMILY, TCP_CLOSE, TCP_LISTEN } from '../../wire/diag/constants.js'
import { decodeSocket, encodeSocketDump, type Socket } from '../../wire/diag/socket.js'
import type { Family, Ip } from '../../wire/ip.js'
import { isErrno, KernelError } from '../error.js'
import { IP_PROTOCOLS, type TransportProtocol } from '../ip-protocol.js'
import type { NetlinkConnection } from '../netlink/connection.js'
import { hasPort, type Ports, portRange } from '../port-range.js'

/** The states of a socket that waits for whoever comes. */
const WAITING = { tcp: 1 << TCP_LISTEN, udp: 1 << TCP_CLOSE, sctp: 1 << TCP_LISTEN } as const

const OPTIONS = { tcp: 'CONFIG_INET_TCP_DIAG', udp: 'CONFIG_INET_UDP_DIAG', sctp: 'CONFIG_INET_SCTP_DIAG' }

/** There in every network namespace as soon as the kernel has SCTP, or has loaded it. */
const SCTP_PRESENT = '/proc/net/sctp'

export interface Listener {
  readonly protocol: TransportProtocol
  /** Of the socket: one of IPv6 may wait for IPv4, too. */
  readonly family: Family
  readonly address: Ip
  readonly port: number
  /** Of IPv6 sockets. */
  readonly v6Only?: boolean | undefined
  /** The interface it is bound to, if any. */
  readonly ifindex?: number | undefined
  readonly uid: number
  /** For `ownerOf`. */
  readonly inode: number
}

export class SocketVerbs {
  readonly #connect: () => NetlinkConnection

  constructor(connect: () => NetlinkConnection) {
    this.#connect = connect
  }

  /**
   * Sockets of TCP and SCTP that listen on a port, of UDP that are bound to it and not connected. With a family, those that get
   * packets of that family: for IPv4 also IPv6 sockets that are open to both. KernelError ENOENT names the option that the kernel lacks;
   * without SCTP, nobody listens.
   */
  listening(protocol: TransportProtocol, ports: Ports | readonly Ports[], family?: Family): Listener[] {
    const wanted = typeof ports === 'number' || !Array.isArray(ports) ? [ports as Ports] : ports
    // To ask the kernel would make it load the module.
    if (wanted.length === 0 || (protocol === 'sctp' && !existsSync(SCTP_PRESENT))) return []
    const four = family === 6 ? [] : this.#dump(protocol, wanted, 4)
    return [...four, ...this.#dump(protocol, wanted, 6)]
      .filter(({ srcPort }) => srcPort !== 0 && wanted.some(each => hasPort(each, srcPort)))
      .filter(socket => family === undefined || gets(socket, family))
      .map(({ family, src, srcPort, v6Only, ifindex, uid, inode }) => ({
        ...{ protocol, family, address: src, port: srcPort, uid, inode },
        ...(v6Only !== undefined && { v6Only }),
        ...(ifindex !== undefined && { ifindex }),
      }))
  }

  #dump(protocol: TransportProtocol, ports: readonly Ports[], family: Family): Socket[] {
    const filter = {
      family,
      protocol: IP_PROTOCOLS[protocol],
      states: WAITING[protocol],
      ports: ports.map(portRange),
    }
    try {
      return this.#connect()
        .dump('socket list', SOCK_DIAG_BY_FAMILY, w => encodeSocketDump(w, filter), protocol)
        .map(({ payload }) => decodeSocket(payload))
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error
      // The answer is the same where there is no IPv6.
      if (family === 6 || protocol === 'sctp') return []
      const hint = `this kernel may lack ${OPTIONS[protocol]}`
      throw new KernelError(error.operation, error.target, error.errno, { extack: error.extack, hint })
    }
  }
}

function gets({ family, src, v6Only }: Socket, wanted: Family): boolean {
  if (family === 4) return wanted === 4
  const mapped = src.toBigInt() >> 32n === 0xffffn
  return wanted === 6 ? !mapped : mapped || (src.isUnspecified() && v6Only !== true)
}
