// The keys of portmap, in a configuration of its own (chained) or in that of the plugin that makes the interface (inline).
// CONVENTIONS.md of CNI, "portMappings"; the others are those of the reference plugin.
import * as v from 'valibot'
import type { Call, JsonObject } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import { decode, flag, integer, invalidValue, oneOf, parsed, text } from '../../cni/schema.js'
import { Ip } from '../../wire/ip.js'
import { type Conditions, parseConditions } from './conditions.js'
import { describeMapping, joined, type PortMapping, type PortRange, protocols, sameHost } from './mapping.js'

export interface PublishConfig {
  /** Not empty; no port of an address twice. */
  readonly mappings: readonly PortMapping[]
  /** Connections from the container's own subnet and from the host itself get an address of the host as their source. */
  readonly snat: boolean
  /** All connections do. Not without `snat`. */
  readonly masqAll: boolean
  /** Which connections are led to the container, for a family that has conditions. */
  readonly conditions: { readonly 4?: Conditions; readonly 6?: Conditions }
}

const MAX_PORT = 65535

const expectedPort = 'a port between 1 and 65535, or a range such as "9000-9010"'

const port = v.pipe(
  v.union([v.number(), v.string()], expectedPort),
  v.rawTransform<number | string, PortRange>(({ dataset, addIssue, NEVER }) => {
    const range = parsePorts(dataset.value)
    if (range) return range
    addIssue({ message: expectedPort })
    return NEVER
  }),
)

function parsePorts(value: number | string): PortRange | undefined {
  const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(value)) ?? []
  const range = { first: Number(from), last: Number(to) }
  return from !== undefined && range.first >= 1 && range.first <= range.last && range.last <= MAX_PORT
    ? range
    : undefined
}

/** Absent and "" are none; an IPv4-mapped address is the IPv4 address. */
const hostIp = parsed(value => {
  if (value === '') return { ip: undefined }
  const ip = Ip.tryParse(value)
  return ip && { ip: unmapped(ip) }
}, 'an IP address')

/** RFC 4291, section 2.5.5.2: ::ffff:a.b.c.d */
function unmapped(ip: Ip): Ip {
  const isMapped = ip.family === 6 && ip.toBigInt() >> 32n === 0xffffn
  return isMapped ? new Ip(ip.bytes.slice(12)) : ip
}

const protocol = parsed(
  value => (value === '' ? 'tcp' : protocols.find(name => name === value.toLowerCase())),
  protocols.map(name => JSON.stringify(name)).join(' or '),
)

const mappingsSchema = v.array(
  v.object({
    hostPort: port,
    containerPort: port,
    protocol: v.optional(protocol, 'tcp'),
    hostIP: v.optional(hostIp, ''),
  }),
)

type Mappings = v.InferOutput<typeof mappingsSchema>

const runtimeSchema = v.object({ portMappings: v.optional(mappingsSchema, []) })

const tokens = v.optional(v.array(v.string()), [])

const keys = {
  snat: v.optional(flag(), true),
  masqAll: v.optional(flag(), false),
  markMasqBit: v.exactOptional(integer(0, 31)),
  externalSetMarkChain: v.exactOptional(text()),
  conditionsV4: tokens,
  conditionsV6: tokens,
}

const chainedSchema = v.object({ ...keys, backend: v.exactOptional(oneOf(['iptables', 'nftables'])) })

const inlineSchema = v.object({ ...keys, portMappings: v.optional(mappingsSchema, []) })

/**
 * What a configuration asks for; undefined where no port is mapped. Inline, a static list of mappings stands beside that of
 * the runtime. Throws CniError 7 that names key and value.
 */
export function publishConfig(call: Call, where: 'chained' | 'inline'): PublishConfig | undefined {
  const { raw, runtimeConfig } = call.config
  const { portMappings, ...config } =
    where === 'inline'
      ? decode(inlineSchema, raw, '')
      : { ...decode(chainedSchema, raw, ''), portMappings: [] }
  refuseMarkChain(config)
  const conditions = {
    ...conditionsOf(4, config.conditionsV4),
    ...conditionsOf(6, config.conditionsV6),
  }
  const asked = decode(runtimeSchema, runtimeConfig, 'runtimeConfig').portMappings
  const mappings = [
    ...mappingsOf(portMappings, 'portMappings'),
    ...mappingsOf(asked, 'runtimeConfig.portMappings'),
  ]
  if (mappings.length === 0) return undefined
  refuseTwice(mappings)
  return {
    mappings: joined(mappings.map(({ mapping }) => mapping)),
    snat: config.snat,
    masqAll: config.snat && config.masqAll,
    conditions,
  }
}

/** False when a document asks for no published ports; it need not be valid. */
export function mayPublish(config: JsonObject): boolean {
  try {
    const { runtimeConfig } = decode(mayPublishSchema, config, '')
    return runtimeConfig.portMappings.length > 0
  } catch {
    return true
  }
}

const mayPublishSchema = v.object({
  runtimeConfig: v.optional(v.object({ portMappings: v.optional(v.array(v.unknown()), []) }), {}),
})

/** A mapping, and the key it stands under. */
interface Placed {
  readonly mapping: PortMapping
  readonly key: string
}

function mappingsOf(list: Mappings, where: string): Placed[] {
  return list.map(({ hostPort, containerPort, protocol, hostIP: { ip } }, i) => {
    const key = `${where}[${i}]`
    if (lengthOf(hostPort) !== lengthOf(containerPort))
      throw invalidValue(
        `${key}.containerPort`,
        `as many ports as "hostPort" has, ${lengthOf(hostPort)}`,
        `${containerPort.first}-${containerPort.last}`,
      )
    const mapping: PortMapping = {
      protocol,
      ...(ip && { hostIp: ip }),
      hostPorts: hostPort,
      containerPort: containerPort.first,
    }
    return { mapping, key }
  })
}

function lengthOf({ first, last }: PortRange): number {
  return last - first + 1
}

/** Names the later of two mappings that share a port of the host. */
function refuseTwice(mappings: readonly Placed[]): void {
  const sorted = mappings.toSorted((a, b) => a.mapping.hostPorts.first - b.mapping.hostPorts.first)
  for (const [i, one] of sorted.entries())
    for (let j = i + 1; j < sorted.length; j++) {
      const other = sorted[j]!
      if (other.mapping.hostPorts.first > one.mapping.hostPorts.last) break
      const { protocol, hostIp } = one.mapping
      if (other.mapping.protocol !== protocol || !sameHost(other.mapping.hostIp, hostIp)) continue
      const [first, later] = mappings.indexOf(one) < mappings.indexOf(other) ? [one, other] : [other, one]
      throw new CniError(
        CniCode.invalidConfig,
        `invalid value for "${later.key}": host port ${other.mapping.hostPorts.first}/${protocol} is mapped twice`,
        `"${later.key}" (${describeMapping(later.mapping)}) and "${first.key}" (${describeMapping(first.mapping)})`,
      )
    }
}

function conditionsOf(family: 4 | 6, list: readonly string[]): PublishConfig['conditions'] {
  const conditions = parseConditions(list, family)
  return conditions ? { [family]: conditions } : {}
}

function refuseMarkChain({
  externalSetMarkChain: chain,
  markMasqBit: bit,
}: {
  readonly externalSetMarkChain?: string
  readonly markMasqBit?: number
}): void {
  if (chain === undefined) return
  const value = JSON.stringify(chain)
  if (bit !== undefined)
    throw new CniError(
      CniCode.invalidConfig,
      `"externalSetMarkChain" (${value}) and "markMasqBit" (${bit}) can not be combined`,
    )
  throw new CniError(
    CniCode.invalidConfig,
    `invalid value for "externalSetMarkChain": ${value} is of no use, as no packet is marked`,
    'leave the key out: what needs it is masqueraded without marks, and with "masqAll": true every connection is',
  )
}
