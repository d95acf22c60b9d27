// Reading of results of any version, into the shape of 1.1.0. CNI SPEC 1.1.0, section 5; the SPECs of earlier versions.
// Liberal: fields of a later version than the document's are taken, and the empty strings that Go writes mean absent.
import * as v from 'valibot'
import { Ip } from '../wire/ip.js'
import type { JsonValue } from './call.js'
import { CniCode, CniError } from './error.js'
import { isJsonObject } from './fold.js'
import { goQuote } from './go-text.js'
import { currentVersion } from './plugin.js'
import type { Dns, Result, ResultInterface, ResultIp, ResultRoute } from './result.js'
import { decode, integer, invalidValue, nonEmpty, parsed, prefix, text } from './schema.js'
import { isSingleAddress, isVersion } from './versions.js'

const word = () => v.exactOptional(text())
const words = () => v.exactOptional(v.array(text()))
const u32 = () => v.exactOptional(integer(0, 0xffffffff))
const gateway = () =>
  v.exactOptional(parsed<Ip | ''>(value => (value === '' ? '' : Ip.tryParse(value)), 'an IP address'))

const interfaceSchema = v.object({
  name: nonEmpty(),
  mac: word(),
  mtu: u32(),
  sandbox: word(),
  socketPath: word(),
  pciID: word(),
})

const ipSchema = v.object({
  address: prefix(),
  gateway: gateway(),
  // -1 is an old way to say "none".
  interface: v.exactOptional(integer(-1, 0x7fffffff)),
})

const routeSchema = v.object({
  dst: prefix(),
  gw: gateway(),
  mtu: u32(),
  advmss: u32(),
  priority: u32(),
  table: u32(),
  scope: u32(),
})

const dnsSchema = v.object({ nameservers: words(), domain: word(), search: words(), options: words() })

const versionSchema = v.object({ cniVersion: word() })

const resultSchema = v.object({
  interfaces: v.exactOptional(v.array(interfaceSchema), []),
  ips: v.exactOptional(v.array(ipSchema), []),
  routes: v.exactOptional(v.array(routeSchema), []),
  dns: v.exactOptional(dnsSchema, {}),
})

const familySchema = v.exactOptional(
  v.object({ ip: prefix(), gateway: gateway(), routes: v.exactOptional(v.array(routeSchema), []) }),
)
const oldResultSchema = v.object({
  ip4: familySchema,
  ip6: familySchema,
  dns: v.exactOptional(dnsSchema, {}),
})

/**
 * Reads a result. Its own `cniVersion` says how; one without is of `version`, that of the configuration. `where` names it
 * in errors. Throws CniError 6 when it is no object, 7 when a value is invalid or its version unknown.
 */
export function parseResult(json: unknown, version: string, where = 'prevResult'): Result {
  if (!isJsonObject(json)) throw new CniError(CniCode.decode, invalidValue(where, 'an object', json).message)
  const own = decode(versionSchema, json, where).cniVersion || version
  if (!isVersion(own))
    throw new CniError(
      CniCode.invalidConfig,
      `no converter for CNI result version ${own} to ${currentVersion}`,
      `${where} has cniVersion ${goQuote(own)}`,
    )
  return isSingleAddress(own) ? parseOld(json, where) : parseNew(json, where)
}

function parseNew(json: JsonValue, where: string): Result {
  const { interfaces, ips, routes, dns } = decode(resultSchema, json, where)
  return {
    interfaces: interfaces.map(toInterface),
    ips: ips.map(toIp),
    routes: routes.map(toRoute),
    dns: toDns(dns),
  }
}

/** 0.1.0 and 0.2.0: one address of each family, with the routes of the family. */
function parseOld(json: JsonValue, where: string): Result {
  const { ip4, ip6, dns } = decode(oldResultSchema, json, where)
  const families = [ip4, ip6].filter(family => family !== undefined)
  return {
    interfaces: [],
    ips: families.map(family => toIp({ address: family.ip, ...family })),
    routes: families.flatMap(family => family.routes.map(toRoute)),
    dns: toDns(dns),
  }
}

function toInterface(parsed: v.InferOutput<typeof interfaceSchema>): ResultInterface {
  const { name, mac, mtu, sandbox, socketPath, pciID } = parsed
  return {
    name,
    ...(mac ? { mac } : {}),
    ...(mtu ? { mtu } : {}),
    ...(sandbox ? { sandbox } : {}),
    ...(socketPath ? { socketPath } : {}),
    ...(pciID ? { pciID } : {}),
  }
}

function toIp(parsed: v.InferOutput<typeof ipSchema>): ResultIp {
  const { address, gateway, interface: index } = parsed
  return {
    address,
    ...(gateway ? { gateway } : {}),
    ...(index !== undefined && index >= 0 ? { interface: index } : {}),
  }
}

/** Zero is a table and a scope; of the others it means "the kernel's choice". */
export function toRoute(parsed: v.InferOutput<typeof routeSchema>): ResultRoute {
  const { dst, gw, mtu, advmss, priority, table, scope } = parsed
  return {
    dst,
    ...(gw ? { gw } : {}),
    ...(mtu ? { mtu } : {}),
    ...(advmss ? { advmss } : {}),
    ...(priority ? { priority } : {}),
    ...(table === undefined ? {} : { table }),
    ...(scope === undefined ? {} : { scope }),
  }
}

function toDns(parsed: v.InferOutput<typeof dnsSchema>): Dns {
  const { nameservers, domain, search, options } = parsed
  return {
    ...(nameservers?.length ? { nameservers } : {}),
    ...(domain ? { domain } : {}),
    ...(search?.length ? { search } : {}),
    ...(options?.length ? { options } : {}),
  }
}
