// Addresses as IPAM configurations and arguments hold them: texts in Go's reading, and the three places from which an
// attachment can ask for particular ones. CNI CONVENTIONS.md: "ips" capability, `args.cni.ips`, CNI_ARGS `IP`.
import * as v from 'valibot'
import { parseArgs } from '../cni/args.js'
import type { Call } from '../cni/call.js'
import { CniCode, CniError } from '../cni/error.js'
import { decode, parsed, text } from '../cni/schema.js'
import { Ip } from '../wire/ip.js'

/** An address, or '' for none: Go programs write that for an address that is not set. */
export function optionalIp() {
  return v.exactOptional(parsed(value => (value === '' ? '' : parseIp(value)), 'an IP address'))
}

/** An address in Go's reading: IPv4 mapped into IPv6 is IPv4. */
export function parseIp(value: string): Ip | undefined {
  const ip = Ip.tryParse(value)
  return ip !== undefined && isMapped(ip) ? new Ip(ip.bytes.slice(12)) : ip
}

/** An address of ::ffff:0:0/96. */
export function isMapped(ip: Ip): boolean {
  return ip.family === 6 && ip.toBigInt() >> 32n === 0xffffn
}

/** An address that an attachment asks for, not read yet. */
export interface Asked {
  /** Where it is: 'runtimeConfig.ips[0]'. */
  readonly key: string
  readonly text: string
}

const ipsSchema = v.object({ ips: v.exactOptional(v.array(text())) })
const argsSchema = v.object({ cni: v.exactOptional(ipsSchema) })

/** CNI_ARGS as lists: `IP` and what else `keys` names, split at commas. Throws CniError 4. */
export function listsOfArgs<K extends string>(call: Call, keys: readonly K[]): Record<K, string[]> {
  const args = parseArgs(call.args, keys)
  return Object.fromEntries(
    keys.map(key => [
      key,
      (args.get(key) ?? '')
        .split(',')
        .map(item => item.trim())
        .filter(item => item !== ''),
    ]),
  ) as Record<K, string[]>
}

/** `args.cni.ips` */
export function askedByNetwork(call: Call): Asked[] {
  return withKeys(decode(argsSchema, call.config.args, 'args').cni?.ips, 'args.cni.ips')
}

/** `runtimeConfig.ips` */
export function askedByRuntime(call: Call): Asked[] {
  return withKeys(decode(ipsSchema, call.config.runtimeConfig, 'runtimeConfig').ips, 'runtimeConfig.ips')
}

/** CniError 4 for a value in CNI_ARGS. */
export function invalidArgument(key: string, expected: string, got: string): CniError {
  const subject = `invalid value for CNI_ARGS ${key}`
  return new CniError(
    CniCode.invalidEnvironment,
    `${subject}: expected ${expected}, got ${JSON.stringify(got)}`,
  )
}

function withKeys(texts: readonly string[] | undefined, key: string): Asked[] {
  return (texts ?? []).map((text, i) => ({ key: `${key}[${i}]`, text }))
}
