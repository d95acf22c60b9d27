// --publish: ports of the host that lead to ports of the container, as CNI's portMappings capability wants them.
import { Ip } from '../wire/ip.js'
import { RuntimeError } from './error.js'

export interface PortMapping {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  readonly hostIP?: string
}

const protocols = ['tcp', 'udp', 'sctp'] as const
const usage =
  'write it as [HOSTIP:]HOSTPORT[-END]:CONTAINERPORT[-END][/tcp|udp|sctp], an IPv6 address in brackets'

/** Parses one --publish; a range gives one mapping a port. Throws a RuntimeError that says what is wrong. */
export function parsePublish(text: string): PortMapping[] {
  const wrong = (why: string) => new RuntimeError(`--publish ${JSON.stringify(text)}: ${why}`, usage)
  const match = /^(?:(\[[^\]]*\]|[^:[\]]*):)?([^:/]+):([^:/]+)(?:\/(.*))?$/.exec(text)
  if (!match) throw wrong('it is no pair of ports')
  const [, address, hostText, containerText, protocolText = 'tcp'] = match
  const protocol = protocols.find(name => name === protocolText.toLowerCase())
  if (protocol === undefined) throw wrong(`there is no protocol ${JSON.stringify(protocolText)}`)
  const host = parseRange(hostText!, wrong)
  const container = parseRange(containerText!, wrong)
  if (host.length !== container.length)
    throw wrong(`${host.length} ports of the host cannot lead to ${container.length} of the container`)
  const hostIP = address === undefined ? undefined : parseAddress(address, wrong)
  return host.map((hostPort, i) => ({
    hostPort,
    containerPort: container[i]!,
    protocol,
    ...(hostIP !== undefined && { hostIP }),
  }))
}

/** All of several --publish. Throws when two of them want the same port of the host. */
export function parsePublishAll(texts: readonly string[]): PortMapping[] {
  const mappings = texts.flatMap(parsePublish)
  const taken = new Set<string>()
  for (const { hostIP, hostPort, protocol } of mappings) {
    const key = `${hostIP ?? '*'} ${hostPort}/${protocol}`
    if (taken.has(key))
      throw new RuntimeError(`port ${hostPort}/${protocol} of the host is published twice`, usage)
    taken.add(key)
  }
  return mappings
}

function parseRange(text: string, wrong: (why: string) => RuntimeError): number[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  if (!match) throw wrong(`${JSON.stringify(text)} is no port`)
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])]
  for (const port of [first, last]) if (port < 1 || port > 65535) throw wrong(`there is no port ${port}`)
  if (last < first) throw wrong(`the range ${text} runs backwards`)
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

function parseAddress(text: string, wrong: (why: string) => RuntimeError): string {
  const bracketed = text.startsWith('[')
  const ip = Ip.tryParse(bracketed ? text.slice(1, -1) : text)
  if (ip !== undefined && (ip.family === 6) === bracketed) return ip.toString()
  throw wrong(`${JSON.stringify(text)} is no address of the host`)
}
