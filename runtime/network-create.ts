// Making networks: a conflist from a few wishes, with a subnet that nobody on this machine uses yet.
import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject, JsonValue } from '../cni/call.js'
import { isJsonObject } from '../cni/fold.js'
import { shortHash } from '../cni/hash.js'
import { Namespace } from '../kernel/namespace.js'
import { Prefix } from '../wire/ip.js'
import { hasCode, RuntimeError } from './error.js'
import type { NetworkList } from './libcni/network-list.js'
import { requireIfname, requireName } from './names.js'
import { listNetworks } from './networks.js'
import type { Bandwidth } from './plan.js'
import type { Settings } from './settings.js'

export const networkTypes = ['bridge', 'ptp'] as const
export const ingressPolicies = ['open', 'same-bridge', 'isolated'] as const

export interface NetworkWishes {
  readonly type?: string
  /** Subnets, at most one a family. Default: a free one of IPv4, and with `ipv6` one of IPv6. */
  readonly subnets?: readonly string[]
  readonly ipv6?: boolean
  /** Nothing but its own subnet can be reached: no gateway, no masquerading. */
  readonly internal?: boolean
  readonly masquerade?: boolean
  readonly bridge?: string
  readonly mtu?: string
  readonly ingressPolicy?: string
  /** Limits for every attachment. */
  readonly bandwidth?: Bandwidth
}

/** Writes `<confDir>/<name>.conflist`, mode 0644, and returns its path. Throws a RuntimeError where the name or a subnet is taken. */
export function createNetwork(settings: Settings, name: string, wishes: NetworkWishes): string {
  requireName('network', name)
  const { networks } = listNetworks(settings)
  const taken = networks.find(network => network.name === name)
  if (taken)
    throw new RuntimeError(`there is a network "${name}" already: ${taken.source}`, 'choose another name')
  const document = conflist(name, wishes, chooseSubnets(wishes, networks), join(settings.stateDir, 'leases'))
  const path = join(settings.confDir, `${name}.conflist`)
  writeNew(path, settings.confDir, `${JSON.stringify(document, null, 2)}\n`)
  return path
}

function conflist(
  name: string,
  wishes: NetworkWishes,
  subnets: readonly Prefix[],
  dataDir: string,
): JsonObject {
  const { internal = false, masquerade = true, bandwidth } = wishes
  const type = oneOf('--type', wishes.type ?? 'bridge', networkTypes)
  if (type === 'ptp' && internal)
    throw new RuntimeError('--internal needs --type bridge', 'a routed pair has nothing but its gateway')
  if (type === 'ptp' && wishes.bridge !== undefined)
    throw new RuntimeError('--bridge needs --type bridge', 'a routed pair has no bridge')
  const policy = oneOf('--ingress-policy', wishes.ingressPolicy ?? 'open', ingressPolicies)
  const ownKeys: JsonObject =
    type === 'ptp'
      ? {}
      : {
          bridge: requireIfname(wishes.bridge ?? bridgeName(name)),
          ...(!internal && { isDefaultGateway: true }),
          macspoofchk: true,
        }
  const routes =
    type === 'ptp' ? subnets.map(({ family }) => ({ dst: family === 4 ? '0.0.0.0/0' : '::/0' })) : []
  return {
    cniVersion: '1.1.0',
    name,
    plugins: [
      {
        type,
        ...ownKeys,
        ...(masquerade && !internal && { ipMasq: true }),
        ...(wishes.mtu !== undefined && { mtu: mtuOf(wishes.mtu) }),
        ingressPolicy: policy,
        ...(bandwidth && { bandwidth: { ...bandwidth } }),
        capabilities: { ips: true, mac: true, portMappings: true, bandwidth: true },
        ipam: {
          type: 'host-local',
          ranges: subnets.map(subnet => [{ subnet: subnet.toString() }]),
          ...(routes.length > 0 && { routes }),
          dataDir,
        },
      },
    ],
  }
}

/** `pl-backend`, or where that is too long, with a hash in place of its end. */
function bridgeName(network: string): string {
  const name = `pl-${network}`
  return name.length <= 15 ? name : `${name.slice(0, 9)}-${shortHash(network, 5)}`
}

function mtuOf(text: string): number {
  const mtu = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (mtu >= 68 && mtu <= 65535) return mtu
  throw new RuntimeError(`--mtu ${JSON.stringify(text)} is no MTU`, 'give a number from 68 to 65535')
}

function oneOf<T extends string>(option: string, value: string, known: readonly T[]): T {
  if ((known as readonly string[]).includes(value)) return value as T
  throw new RuntimeError(
    `${option} ${JSON.stringify(value)} is unknown`,
    `choose one of: ${known.join(', ')}`,
  )
}

/** The subnets asked for, which may not overlap with those of others; free ones where none are. */
function chooseSubnets(
  { subnets = [], ipv6 = false }: NetworkWishes,
  networks: readonly NetworkList[],
): Prefix[] {
  const used = usedPrefixes(networks)
  const chosen = subnets.map(text => requireSubnet(text, used))
  for (const family of [4, 6] as const) {
    const ofFamily = chosen.filter(subnet => subnet.family === family)
    if (ofFamily.length > 1)
      throw new RuntimeError(
        `${ofFamily.join(' and ')} are two subnets of IPv${family}`,
        'give --subnet once for each family',
      )
    if (ofFamily.length === 0 && (family === 4 ? subnets.length === 0 : ipv6))
      chosen.push(freeSubnet(family, used))
  }
  return chosen
}

function requireSubnet(text: string, used: readonly Used[]): Prefix {
  const prefix = Prefix.tryParse(text)
  const most = prefix?.family === 4 ? 30 : 126
  if (!prefix?.ip.equals(prefix.first()))
    throw new RuntimeError(`--subnet ${JSON.stringify(text)} is no subnet`, 'write it as 10.90.7.0/24')
  if (prefix.length > most)
    throw new RuntimeError(`--subnet ${text} is too small to allocate from`, `give /${most} or larger`)
  const other = used.find(one => one.prefix.overlaps(prefix))
  if (!other) return prefix
  throw new RuntimeError(
    `--subnet ${text} overlaps with ${other.prefix}, of ${other.by}`,
    'choose another one',
  )
}

interface Used {
  readonly prefix: Prefix
  readonly by: string
}

/** What networks and interfaces of this machine use. */
function usedPrefixes(networks: readonly NetworkList[]): Used[] {
  using host = Namespace.host()
  const names = new Map(host.link.list().map(({ index, name }) => [index, name]))
  const addresses = host.addr
    .list()
    .filter(({ address }) => !address.ip.isLinkLocal())
    .map(({ address, index }) => ({
      prefix: address.network(),
      by: `interface ${names.get(index) ?? index}`,
    }))
  return [
    ...addresses,
    ...networks.flatMap(network =>
      network.plugins
        .flatMap(({ raw }) => subnetsIn(raw.ipam ?? null))
        .map(prefix => ({ prefix, by: `network ${network.name}` })),
    ),
  ]
}

/** Every `subnet` of an IPAM's configuration, however deep. */
function subnetsIn(value: JsonValue): Prefix[] {
  if (Array.isArray(value)) return value.flatMap(subnetsIn)
  if (!isJsonObject(value)) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key.toLowerCase() !== 'subnet' || typeof inner !== 'string') return subnetsIn(inner)
    const prefix = Prefix.tryParse(inner)
    return prefix ? [prefix.network()] : []
  })
}

/** The first free one of 10.90.0.0/24 … 10.99.255.0/24, or of the ULA prefix of the built-in network. */
function freeSubnet(family: 4 | 6, used: readonly Used[]): Prefix {
  for (let i = 0; i < 10 * 256; i++) {
    const text =
      family === 4 ? `10.${90 + (i >> 8)}.${i & 255}.0/24` : `fd70:6c75:6d62:${(0x100 + i).toString(16)}::/64`
    const prefix = Prefix.parse(text)
    if (!used.some(one => one.prefix.overlaps(prefix))) return prefix
  }
  throw new RuntimeError(`no subnet of IPv${family} is free`, 'name one with --subnet')
}

/** Whole or not at all, and never over another file. */
function writeNew(path: string, directory: string, text: string): void {
  mkdirSync(directory, { recursive: true })
  const temporary = `${path}.${process.pid}`
  try {
    writeFileSync(temporary, text, { mode: 0o644, flag: 'wx' })
    linkSync(temporary, path)
  } catch (error) {
    if (hasCode(error, 'EEXIST')) throw new RuntimeError(`${path} exists already`, 'choose another name')
    throw error
  } finally {
    rmSync(temporary, { force: true })
  }
}
