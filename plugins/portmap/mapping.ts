// Ports of the host that lead to ports of a container.
import type { Ip } from '../../wire/ip.js'

export const protocols = ['tcp', 'udp', 'sctp'] as const

export type Protocol = (typeof protocols)[number]

/** From one port to another, both included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

export interface PortMapping {
  readonly protocol: Protocol
  /** Absent: any address of both families. 0.0.0.0 and :: are any of their family. */
  readonly hostIp?: Ip
  readonly hostPorts: PortRange
  /** To which the first port leads; the others lead to those behind it. */
  readonly containerPort: number
}

export function isRange({ hostPorts }: PortMapping): boolean {
  return hostPorts.last > hostPorts.first
}

/** True for a range of ports that leads to the ports of the same numbers. */
export function agrees({ hostPorts, containerPort }: PortMapping): boolean {
  return hostPorts.first === containerPort
}

/** `8080/tcp`, `9000-9010/udp`, `192.0.2.1:80/tcp`, `[2001:db8::1]:80/tcp` */
export function describeMapping({ protocol, hostIp, hostPorts: { first, last } }: PortMapping): string {
  const host = hostIp === undefined ? '' : hostIp.family === 6 ? `[${hostIp}]:` : `${hostIp}:`
  return `${host}${first}${last > first ? `-${last}` : ''}/${protocol}`
}

/** Whether there is an address that both stand for. */
export function sameHost(a: Ip | undefined, b: Ip | undefined): boolean {
  if (a === undefined || b === undefined) return true
  return a.family === b.family && (a.isUnspecified() || b.isUnspecified() || a.equals(b))
}

/** The mappings, those joined that run in step: same protocol and address, host and container ports each behind the last. */
export function joined(mappings: readonly PortMapping[]): PortMapping[] {
  const result: PortMapping[] = []
  for (const mapping of mappings) {
    const last = result.at(-1)
    if (last && runsOn(last, mapping))
      result[result.length - 1] = {
        ...last,
        hostPorts: { first: last.hostPorts.first, last: mapping.hostPorts.last },
      }
    else result.push(mapping)
  }
  return result
}

function runsOn(one: PortMapping, next: PortMapping): boolean {
  const sameAddress =
    one.hostIp === undefined || next.hostIp === undefined
      ? one.hostIp === next.hostIp
      : one.hostIp.equals(next.hostIp)
  const offset = (mapping: PortMapping) => mapping.containerPort - mapping.hostPorts.first
  return (
    one.protocol === next.protocol &&
    sameAddress &&
    next.hostPorts.first === one.hostPorts.last + 1 &&
    offset(one) === offset(next)
  )
}
