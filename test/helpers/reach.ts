// Who reaches a published port: the same questions put to our plugins and to the reference's.
import type { Container, FakeHost } from './host.js'
import { ask, type Transport } from './service.js'

export interface Published {
  readonly host: FakeHost
  readonly container: Container
  /** Of the container. */
  readonly addresses: readonly string[]
  /** Of the host, on the container's network. */
  readonly gateways: readonly string[]
  readonly port: number
  readonly transport?: Transport
  /** A second container on the same network. */
  readonly neighbour: Container
}

const isV6 = (address: string) => address.includes(':')

/** Each question with its answer: what the service said (who it saw), or undefined where nothing answered. */
export function reach(published: Published): Record<string, string | undefined> {
  const { host, container, gateways, port, transport = 'tcp', neighbour } = published
  const uplink = host.uplink!
  const from = (netns: string, address: string) => ask({ netns, address, port, transport, seconds: 3 })
  const answers: Record<string, string | undefined> = {}
  for (const family of [4, 6]) {
    if (!published.addresses.some(address => isV6(address) === (family === 6))) continue
    const mine = family === 6 ? uplink.host6 : uplink.host4
    const loopback = family === 6 ? '::1' : '127.0.0.1'
    answers[`host, own address, IPv${family}`] = from(host.netns, mine)
    answers[`host, loopback, IPv${family}`] = from(host.netns, loopback)
    answers[`other host, IPv${family}`] = from(uplink.peer, mine)
    for (const gateway of gateways.filter(address => isV6(address) === (family === 6))) {
      answers[`neighbour, gateway, IPv${family}`] = from(neighbour.netns, gateway)
      answers[`neighbour, host's address, IPv${family}`] = from(neighbour.netns, mine)
      answers[`itself, host's address, IPv${family}`] = from(container.netns, mine)
    }
  }
  return answers
}
