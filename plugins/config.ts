// Keys that several plugins share.
import * as v from 'valibot'
import { parseArgs } from '../cni/args.js'
import type { Call, JsonObject } from '../cni/call.js'
import type { Host } from '../cni/plugin.js'
import { decode, flag, nonEmpty, parsed, text } from '../cni/schema.js'
import { uplinkMtu } from '../kernel/mtu.js'
import { Mac } from '../wire/mac.js'

/** `ipam`: only its type matters here; the rest is the IPAM's. Absent or without a type: no addresses. */
export const ipamSchema = v.object({ type: v.optional(text(), '') })

/** The IPAM that a document names, undefined when it names none. For documents that may not have been validated. */
export function ipamOf(config: JsonObject): { type: string } | undefined {
  try {
    const { ipam } = decode(v.object({ ipam: v.exactOptional(ipamSchema) }), config, '')
    return ipam?.type ? ipam : undefined
  } catch {
    return undefined
  }
}

/** False when a document asks for nothing in our nftables tables. One that can't be read may ask for anything. */
export function mayGuard(config: JsonObject): boolean {
  try {
    const { runtimeConfig, portMappings, ingressPolicy, ipMasq, macspoofchk } = decode(
      guardSchema,
      config,
      '',
    )
    const asked = [runtimeConfig.portMappings, portMappings, ingressPolicy].some(value => value !== undefined)
    return asked || ipMasq || macspoofchk
  } catch {
    return true
  }
}

const guardSchema = v.object({
  ipMasq: v.optional(flag(), false),
  macspoofchk: v.optional(flag(), false),
  portMappings: v.exactOptional(v.unknown()),
  ingressPolicy: v.exactOptional(v.unknown()),
  runtimeConfig: v.optional(v.object({ portMappings: v.exactOptional(v.unknown()) }), {}),
})

export const dnsSchema = v.object({
  nameservers: v.exactOptional(v.array(nonEmpty())),
  domain: v.exactOptional(text()),
  search: v.exactOptional(v.array(nonEmpty())),
  options: v.exactOptional(v.array(nonEmpty())),
})

/** A name that the kernel takes for a link: IFNAMSIZ, dev_valid_name() in net/core/dev.c. */
export function ifnameText() {
  const expected = 'an interface name of at most 15 bytes, without "/", ":" and white space'
  return v.pipe(v.string(expected), v.check(isIfname, expected))
}

export function isIfname(name: string): boolean {
  return (
    name !== '' && name !== '.' && name !== '..' && Buffer.byteLength(name) <= 15 && !/[/:\s]/u.test(name)
  )
}

/** An address that an interface may have. */
function interfaceMac() {
  return parsed(value => {
    const mac = Mac.tryParse(value)
    return mac?.isUnicast() ? mac : undefined
  }, 'the MAC address of one interface (no group address, not all zero)')
}

const macSources = {
  args: v.object({ cni: v.exactOptional(v.object({ mac: v.exactOptional(interfaceMac()) })) }),
  runtimeConfig: v.object({ mac: v.exactOptional(interfaceMac()) }),
}

/** The MAC asked for: CNI_ARGS below `args.cni.mac` below `runtimeConfig.mac`. CNI_ARGS may hold what an IPAM takes, too. */
export function requestedMac(call: Call): Mac | undefined {
  const fromEnv = parseArgs(call.args, ['MAC', 'IP', 'GATEWAY']).get('MAC')
  const env = fromEnv === undefined ? undefined : decode(interfaceMac(), fromEnv, 'CNI_ARGS MAC')
  const args = decode(macSources.args, call.config.args, 'args').cni?.mac
  const runtime = decode(macSources.runtimeConfig, call.config.runtimeConfig, 'runtimeConfig').mac
  return runtime ?? args ?? env
}

/** The configured MTU, else that of the uplink, else 0: the kernel's default. */
export function mtuOf(configured: number, host: Host): number {
  return configured || (uplinkMtu(host.kernel, 4) ?? uplinkMtu(host.kernel, 6) ?? 0)
}
