// The links, routes and neighbours of the loop (loop.ts). Made once per host by whoever first needs them, removed by GC.
import { CniCode, CniError } from '../../cni/error.js'
import { isExists } from '../../kernel/error.js'
import type { Namespace } from '../../kernel/namespace.js'
import { type Ip, Prefix } from '../../wire/ip.js'
import { IFF_UP, NUD_PERMANENT, RT_TABLE_LOCAL, RTN_LOCAL } from '../../wire/route/constants.js'
import type { Link, LinkChange } from '../../wire/route/link.js'
import type { Route } from '../../wire/route/route.js'
import { linkGroup, routeProtocol } from '../names.js'
import { checkFailed } from '../state.js'
import { checkForwarding, enableForwarding } from '../steps/forwarding.js'
import { ipv6Loopback, type LoopEnd, loopFar, loopNear, loopSource, loopTarget } from './loop.js'

const IN6_ADDR_GEN_MODE_NONE = 1

/** Behind the route by which the host itself reaches ::1. */
const LOOPBACK_METRIC = 2048

/** What the pair's MTU is by default: datagrams are cut to it before they go round. See ADR 7. */
const MTU = 1500

interface Pair {
  readonly near: Link
  readonly far: Link
}

/** Makes the loop unless it is there: one request. */
export function ensureLoop(kernel: Namespace): void {
  if (!isThere(kernel)) makeLoop(kernel)
}

/** The last thing that is made, and gone when the link is down or gone. */
function isThere({ route }: Namespace): boolean {
  const found = route.get(loopTarget, { fibMatch: true })
  return found?.protocol === routeProtocol && found.dst.equals(Prefix.host(loopTarget))
}

/** Makes the loop, or whatever of it is missing. Others may do the same at the same time. */
export function makeLoop(kernel: Namespace): void {
  enableForwarding(kernel, 6)
  const pair = ensurePair(kernel)
  const [last, ...others] = routesOf(pair).toReversed()
  for (const { index, ip, mac } of neighboursOf(pair))
    kernel.neigh.replace({ index, ip, mac, permanent: true, protocol: routeProtocol })
  for (const route of others) kernel.route.replace(route)
  kernel.route.replace(last!)
}

/** Throws CniError 100 that names what is missing. */
export function checkLoop(kernel: Namespace): void {
  checkForwarding(kernel, 6)
  const pair = findPair(kernel)
  if (!pair) throw checkFailed(`interface ${loopNear.name} or ${loopFar.name} is gone`)
  for (const { name, flags, mtu } of [pair.near, pair.far]) {
    if ((flags & IFF_UP) === 0) throw checkFailed(`interface ${name} is down`)
    if (mtu !== MTU) throw checkFailed(`interface ${name} has MTU ${mtu}, not ${MTU}`)
  }
  const nameOf = (index: number | undefined) => (index === pair.near.index ? loopNear.name : loopFar.name)
  for (const route of routesOf(pair))
    if (!hasRoute(kernel, route)) throw checkFailed(`route ${route.dst} dev ${nameOf(route.oif)} is gone`)
  for (const { index, ip, mac } of neighboursOf(pair)) {
    const present = kernel.neigh.get({ index, ip })
    if (!present || ((present.state ?? 0) & NUD_PERMANENT) === 0 || !present.mac?.equals(mac))
      throw checkFailed(`neighbour ${ip} lladdr ${mac} dev ${nameOf(index)} is gone`)
  }
}

function hasRoute({ route }: Namespace, wanted: Route): boolean {
  const { dst, oif, table, type } = wanted
  return route
    .list({ family: 6, oif, ...(table !== undefined && { table }) })
    .some(present => present.dst.equals(dst) && (type === undefined || present.type === type))
}

function ensurePair(kernel: Namespace): Pair {
  if (!findPair(kernel)) addPair(kernel)
  const pair = findPair(kernel)
  if (!pair)
    throw new CniError(
      CniCode.notAvailable,
      `interface ${loopNear.name} or ${loopFar.name} exists and is not what published ports need for [::1]`,
      'remove or rename it',
    )
  const { sysctl, link } = kernel
  sysctl.setAll([loopNear, loopFar].map(({ name }) => [`net/ipv6/conf/${name}/disable_ipv6`, '0']))
  const indexes = [pair.near.index, pair.far.index]
  // No link-local addresses, and so nothing on the loop but what is sent round; to be set before the links are up.
  link.setAll(indexes.map(index => ({ index, addrGenMode: IN6_ADDR_GEN_MODE_NONE })))
  link.setAll([upWith(pair.near, loopNear), upWith(pair.far, loopFar)])
  return pair
}

/** An address is set only where it is another: the kernel forgets the neighbours with it. */
function upWith({ index, address }: Link, { mac }: LoopEnd): LinkChange {
  return { index, up: true, mtu: MTU, ...(!address?.equals(mac) && { address: mac }) }
}

function addPair({ link }: Namespace): void {
  const born = ({ name, mac }: LoopEnd) => ({ name, address: mac, mtu: MTU, group: linkGroup, queues: 1 })
  try {
    link.add({ ...born(loopNear), kind: 'veth', peer: born(loopFar) })
  } catch (error) {
    if (!isExists(error)) throw error // another ADD may have been quicker
  }
}

function findPair({ link }: Namespace): Pair | undefined {
  const near = link.get(loopNear.name)
  const far = link.get(loopFar.name)
  return near?.kind === 'veth' && far && near.peerIndex === far.index ? { near, far } : undefined
}

function neighboursOf({ near, far }: Pair): { index: number; ip: Ip; mac: LoopEnd['mac'] }[] {
  return [
    { index: near.index, ip: loopTarget, mac: loopFar.mac },
    { index: far.index, ip: loopSource, mac: loopNear.mac },
  ]
}

/** The one by which `isThere` knows the loop comes first. */
function routesOf({ near, far }: Pair): Route[] {
  const plain = { protocol: routeProtocol }
  return [
    { ...plain, dst: Prefix.host(loopTarget), oif: near.index },
    { ...plain, dst: Prefix.host(loopSource), oif: far.index },
    {
      ...plain,
      dst: Prefix.host(ipv6Loopback),
      oif: near.index,
      type: RTN_LOCAL,
      table: RT_TABLE_LOCAL,
      priority: LOOPBACK_METRIC,
    },
  ]
}
