// Packets that no well-behaved program sends: python3 with a raw socket, inside a namespace.
import { trySh } from './sh.js'

/** Sends a router advertisement from the interface: a default route, and a prefix to make addresses of. RFC 4861 section 4.2. */
export function advertiseRouter(netns: string, ifname: string): void {
  run(
    netns,
    `
import socket, struct
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'${ifname}')
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
prefix = struct.pack('!BBBBIII16s', 3, 4, 64, 0xc0, 86400, 14400, 0, socket.inet_pton(socket.AF_INET6, '2001:db8:bad::'))
s.sendto(struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0) + prefix, ('ff02::1', 0, 0, socket.if_nametoindex('${ifname}')))
`,
  )
}

/** Sends one UDP datagram from an address that need not be ours. */
export function sendFrom(netns: string, from: string, to: string, port: number): void {
  const [family, level, option] = to.includes(':')
    ? ['AF_INET6', 'socket.IPPROTO_IPV6', 75] // IPV6_TRANSPARENT
    : ['AF_INET', 'socket.IPPROTO_IP', 19] // IP_TRANSPARENT
  run(
    netns,
    `
import socket
s = socket.socket(socket.${family}, socket.SOCK_DGRAM)
s.setsockopt(${level}, ${option}, 1)
s.bind(('${from}', 0))
s.sendto(b'spoofed', ('${to}', ${port}))
`,
  )
}

function run(netns: string, script: string): void {
  const { code, stderr } = trySh(`python3 - <<'END'\n${script}\nEND`, netns)
  if (code !== 0) throw new Error(`python3: ${stderr}`)
}
