// The ADD result, inside always in the shape of CNI SPEC 1.1.0 section 5 "Add Success".
import type { Ip, Prefix } from '../wire/ip.js'

export interface ResultInterface {
  readonly name: string
  readonly mac?: string
  readonly mtu?: number
  /** Path of the namespace; absent for interfaces on the host. */
  readonly sandbox?: string
  readonly socketPath?: string
  readonly pciID?: string
}

export interface ResultIp {
  /** Interface address: host bits kept. */
  readonly address: Prefix
  readonly gateway?: Ip
  /** Index into `interfaces`. */
  readonly interface?: number
}

export interface ResultRoute {
  readonly dst: Prefix
  readonly gw?: Ip
  readonly mtu?: number
  readonly advmss?: number
  readonly priority?: number
  readonly table?: number
  /** RT_SCOPE_*: 0 global, 253 link, 254 host. */
  readonly scope?: number
}

export interface Dns {
  readonly nameservers?: readonly string[]
  readonly domain?: string
  readonly search?: readonly string[]
  readonly options?: readonly string[]
}

export interface Result {
  readonly interfaces: readonly ResultInterface[]
  readonly ips: readonly ResultIp[]
  readonly routes: readonly ResultRoute[]
  readonly dns: Dns
}

export const emptyResult: Result = { interfaces: [], ips: [], routes: [], dns: {} }
