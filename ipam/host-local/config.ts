// The configuration of host-local: keys of `ipam`, and what the runtime asks for. All of it is checked here.
import * as v from 'valibot'
import type { Call } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import type { ResultRoute } from '../../cni/result.js'
import { toRoute } from '../../cni/result-parse.js'
import { decode, invalidValue, parsed, prefix, text } from '../../cni/schema.js'
import { requireAddresses } from '../../cni/versions.js'
import { type Ip, Prefix } from '../../wire/ip.js'
import {
  type Asked,
  askedByNetwork,
  askedByRuntime,
  invalidArgument,
  listsOfArgs,
  optionalIp,
  parseIp,
} from '../addresses.js'
import { routeSchema } from '../route.js'
import type { Wanted } from './leases.js'
import { checkRangeSets, describeSet, type Range, type RangeSet, rangeOf, resolveRange } from './range.js'

const defaultDataDir = '/var/lib/cni/networks'

export interface HostLocalConfig {
  /** `<dataDir>/<network>`. */
  readonly directory: string
  /** At least one; in the order of the addresses in the result. */
  readonly wanted: readonly Wanted[]
  readonly routes: readonly ResultRoute[]
  readonly resolvConf: string | undefined
}

const rangeEntries = {
  rangeStart: optionalIp(),
  rangeEnd: optionalIp(),
  gateway: optionalIp(),
}
const rangeSets = v.array(v.array(v.object({ subnet: prefix(), ...rangeEntries })))
const directory = () =>
  v.exactOptional(parsed(path => (isDirectoryPath(path) ? path : undefined), 'an absolute path'))

const document = v.object({
  ipam: v.exactOptional(
    v.object({
      ...rangeEntries,
      subnet: v.exactOptional(prefix()),
      ranges: v.exactOptional(rangeSets),
      routes: v.exactOptional(v.array(routeSchema)),
      dataDir: directory(),
      resolvConf: v.exactOptional(text()),
    }),
  ),
})
const capabilities = v.object({ ipRanges: v.exactOptional(rangeSets) })

/** Decodes and checks. Throws CniError 7, or 4 for what CNI_ARGS holds. */
export function parseConfig(call: Call): HostLocalConfig {
  const { config } = call
  const { ipam: keys } = decode(document, config.raw, '')
  if (keys === undefined)
    throw new CniError(
      CniCode.invalidConfig,
      "IPAM config missing 'ipam' key",
      'host-local is configured under "ipam"',
    )
  const { ipRanges } = decode(capabilities, config.runtimeConfig, 'runtimeConfig')

  const sets = [
    ...toRangeSets(ipRanges ?? [], 'runtimeConfig.ipRanges'),
    ...(keys.subnet === undefined ? [] : [singleRangeSet({ ...keys, subnet: keys.subnet })]),
    ...toRangeSets(keys.ranges ?? [], 'ipam.ranges'),
  ]
  if (sets.length === 0)
    throw new CniError(CniCode.invalidConfig, 'no IP ranges specified', 'set "ipam.ranges" or "ipam.subnet"')
  checkRangeSets(sets)
  requireAddresses(
    config.cniVersion,
    sets.map(({ ranges }) => ranges[0]!.subnet.family),
  )

  return {
    directory: leaseDirectory(keys.dataDir, config.name),
    wanted: assign(sets, requestedIps(call)),
    routes: (keys.routes ?? []).map(toRoute),
    resolvConf: keys.resolvConf === '' ? undefined : keys.resolvConf,
  }
}

/** Where the leases of a network are, by as much of the configuration as makes sense: for DEL. */
export function directoryOf(call: Call): string {
  let dataDir: string | undefined
  try {
    dataDir = decode(dataDirAlone, call.config.raw, '').ipam?.dataDir
  } catch (error) {
    if (!(error instanceof CniError)) throw error
  }
  return leaseDirectory(dataDir, call.config.name)
}

const dataDirAlone = v.object({ ipam: v.exactOptional(v.object({ dataDir: directory() })) })

/** The resident and the caller have different working directories, hence no relative paths. '' is the default, as in Go. */
function isDirectoryPath(path: string): boolean {
  return path === '' || (path.startsWith('/') && !path.includes('\0') && !/^\/+(proc|sys)(\/|$)/.test(path))
}

function leaseDirectory(dataDir: string | undefined, network: string): string {
  return `${(dataDir || defaultDataDir).replace(/\/+$/, '')}/${network}`
}

type SetKeys = v.InferOutput<typeof rangeSets>[number]

function toRangeSets(sets: readonly SetKeys[], key: string): RangeSet[] {
  return sets.map((ranges, i) => ({
    key: `${key}[${i}]`,
    ranges: ranges.map((range, j) => toRange(range, `${key}[${i}][${j}].`)),
  }))
}

/** `subnet` and its companions directly under `ipam`: one range, before `ranges`. */
function singleRangeSet(keys: SetKeys[number]): RangeSet {
  return { key: 'ipam.subnet', ranges: [toRange(keys, 'ipam.')] }
}

function toRange(keys: SetKeys[number], key: string): Range {
  return resolveRange({
    key,
    subnet: keys.subnet,
    rangeStart: keys.rangeStart || undefined,
    rangeEnd: keys.rangeEnd || undefined,
    gateway: keys.gateway || undefined,
  })
}

interface Requested extends Asked {
  readonly ip: Ip
}

/** All addresses asked for, with or without a prefix length (the set's subnet has one). Throws CniError 4 or 7. */
function requestedIps(call: Call): Requested[] {
  const byArgs = listsOfArgs(call, ['IP']).IP.map(text => {
    const ip = addressOf(text)
    if (ip === undefined) throw invalidArgument('IP', 'an IP address', text)
    return { key: 'CNI_ARGS IP', text, ip }
  })
  const byConfig = [...askedByNetwork(call), ...askedByRuntime(call)].map(asked => {
    const ip = addressOf(asked.text)
    if (ip === undefined) throw invalidValue(asked.key, 'an IP address', asked.text)
    return { ...asked, ip }
  })
  return [...byArgs, ...byConfig]
}

function addressOf(text: string): Ip | undefined {
  return text.includes('/') ? Prefix.tryParse(text)?.ip : parseIp(text)
}

/**
 * Gives every requested address to the first set that contains it and has none yet. Throws CniError 7 when one is left,
 * or can't be leased.
 */
function assign(sets: readonly RangeSet[], requested: readonly Requested[]): Wanted[] {
  const open = new Map(requested.map(one => [one.ip.toString(), one]))
  const wanted = sets.map(set => {
    const one = [...open.values()].find(({ ip }) => rangeOf(set, ip) !== undefined)
    if (one === undefined) return { set }
    if (set.ranges.some(({ gateway }) => gateway.equals(one.ip)))
      throw invalidValue(one.key, `another address: requested ip ${one.ip} is subnet's gateway`, one.text)
    open.delete(one.ip.toString())
    return { set, ip: one.ip }
  })
  if (open.size > 0) {
    const left = [...open.values()].map(({ key, text }) => `${key} ${JSON.stringify(text)}`)
    throw new CniError(
      CniCode.invalidConfig,
      `failed to allocate all requested IPs: ${left.join(', ')}`,
      `each range set gives one address: ${sets.map(describeSet).join('; ')}`,
    )
  }
  return wanted
}
