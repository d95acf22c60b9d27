// Ethernet frames as an attacker would make them, and a raw socket (python3) to send them by. RFC 791, 826, 8200, 4443, 4861.
import { Ip } from '../../wire/ip.js'
import { Mac } from '../../wire/mac.js'
import { sh } from './sh.js'

export const ETH_P_IP = 0x0800
export const ETH_P_ARP = 0x0806
export const ETH_P_IPV6 = 0x86dd
const ETH_P_8021Q = 0x8100

const u16 = (value: number) => Buffer.from([value >> 8, value & 0xff])

/** `tags`: the IDs of VLAN tags, the outer one first. */
export function ethernet(
  to: string,
  from: string,
  type: number,
  payload: Buffer,
  tags: readonly number[] = [],
): Buffer {
  const tagging = tags.flatMap(id => [u16(ETH_P_8021Q), u16(id)])
  return Buffer.concat([Mac.parse(to).bytes, Mac.parse(from).bytes, ...tagging, u16(type), payload])
}

export function arp(
  operation: 'request' | 'reply',
  sender: { mac: string; ip: string },
  target: { mac: string; ip: string },
): Buffer {
  const head = [u16(1), u16(ETH_P_IP), Buffer.from([6, 4]), u16(operation === 'request' ? 1 : 2)]
  const half = ({ mac, ip }: { mac: string; ip: string }) => [Mac.parse(mac).bytes, Ip.parse(ip).bytes]
  return Buffer.concat([...head, ...half(sender), ...half(target)])
}

/** A datagram without a checksum, which IPv4 allows. */
export function udp4(from: string, to: string, port: number): Buffer {
  const data = Buffer.concat([u16(4000), u16(port), u16(8), u16(0)])
  const head = Buffer.concat([
    Buffer.from([0x45, 0]),
    u16(20 + data.length),
    u16(0),
    u16(0),
    Buffer.from([64, 17]),
    u16(0),
  ])
  const ip = Buffer.concat([head, Ip.parse(from).bytes, Ip.parse(to).bytes])
  u16(checksum(ip)).copy(ip, 10)
  return Buffer.concat([ip, data])
}

export interface Icmpv6Options {
  /** Puts an options header before the message. */
  readonly hopByHop?: true
}

/** A message of ICMPv6, of hop limit 255; `body` is what follows the checksum. */
export function icmpv6(
  from: string,
  to: string,
  type: number,
  body: Buffer,
  options: Icmpv6Options = {},
): Buffer {
  const [source, target] = [Ip.parse(from).bytes, Ip.parse(to).bytes]
  const message = Buffer.concat([Buffer.from([type, 0, 0, 0]), body])
  const pseudo = Buffer.concat([
    source,
    target,
    u16(0),
    u16(message.length),
    Buffer.from([0, 0, 0, 58]),
    message,
  ])
  u16(checksum(pseudo)).copy(message, 2)
  const extension = options.hopByHop ? Buffer.from([58, 0, 1, 4, 0, 0, 0, 0]) : Buffer.alloc(0)
  const head = [
    Buffer.from([0x60, 0, 0, 0]),
    u16(extension.length + message.length),
    Buffer.from([options.hopByHop ? 0 : 58, 255]),
  ]
  return Buffer.concat([...head, source, target, extension, message])
}

/** Of a neighbour advertisement: solicited and override, the target, its link-layer address. */
export function advertisement(target: string, mac: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x60, 0, 0, 0]),
    Ip.parse(target).bytes,
    Buffer.from([2, 1]),
    Mac.parse(mac).bytes,
  ])
}

export function solicitation(target: string): Buffer {
  return Buffer.concat([Buffer.alloc(4), Ip.parse(target).bytes])
}

/** Of a router advertisement: a router for half an hour, no options. */
export const routerAdvertisement = Buffer.from([64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0])

/** Of a redirect of `destination` to `target`. */
export function redirect(target: string, destination: string): Buffer {
  return Buffer.concat([Buffer.alloc(4), Ip.parse(target).bytes, Ip.parse(destination).bytes])
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** Sends them in order, out of an interface of the namespace. */
export function sendFrames(netns: string, ifname: string, frames: readonly Buffer[]): void {
  const script = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('${ifname}', 0))
for frame in sys.stdin.read().split(): s.send(bytes.fromhex(frame))`
  sh(
    `python3 -c "$(cat <<'END'${script}\nEND\n)" <<'END'\n${frames.map(frame => frame.toString('hex')).join('\n')}\nEND`,
    netns,
  )
}
