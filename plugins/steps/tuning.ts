// Step: attributes of the container's interface, and of its other end where both must agree. What they were is on record before
// they change.
import { CniCode, CniError } from '../../cni/error.js'
import { messageOf } from '../../cni/failure.js'
import type { Result } from '../../cni/result.js'
import type { Step, Undo } from '../../cni/steps.js'
import { KernelError } from '../../kernel/error.js'
import { Namespace } from '../../kernel/namespace.js'
import type { Link } from '../../wire/route/link.js'
import type { ChainState } from '../chained.js'
import { isHostIfname } from '../names.js'
import { checkFailed } from '../state.js'
import { changeMac } from '../tuning/announce.js'
import {
  type AttributeName,
  type AttributeValue,
  attributeChange,
  type Change,
  changesOf,
  readAttribute,
} from '../tuning/attributes.js'
import type { LinkWishes, TuningConfig } from '../tuning/config.js'
import { refusal } from '../tuning/refusal.js'
import { isSame } from '../tuning/shared.js'

type State = ChainState<TuningConfig>

/** A link, by both name and index: either may be somebody else's later. */
type KnownLink = { name: string; index: number; changes: Change[] }

type Facts = {
  netns: { dev: number; ino: number }
  container: KnownLink
  /** The other end, where it changes with the container's. */
  host?: KnownLink
}

const planned = new WeakMap<State, Facts>()

export const tuningStep: Step<State> = {
  name: 'tuning',

  wanted: ({ config }) => Object.keys(config.link).length > 0,

  plan(state) {
    const { config, ips, netns, call } = state
    const inside = linkInside(state)
    const host = otherEnd(state, inside)
    const changes = changesOf(inside, config.link)
    if (host && changes.some(({ name }) => name === 'mac')) refuseSpoofing(host, config.link)
    if ((config.link.mtu ?? 1280) < 1280 && ips.some(ip => ip.address.family === 6))
      call.log.warn('an MTU below 1280 takes IPv6 away from the interface', { mtu: config.link.mtu })
    const { dev, ino } = netns.identity
    const facts: Facts = {
      netns: { dev, ino },
      container: known(inside, changes),
      ...(host && { host: known(host, changesOf(host, both(config.link))) }),
    }
    planned.set(state, facts)
    return facts
  },

  apply(state) {
    const { host, container } = planned.get(state)!
    for (const { name, after } of host?.changes ?? []) set(state.host.kernel, host!, name, after)
    for (const { name, after } of container.changes) set(state.container, container, name, after, changeMac)
  },

  undo(undo) {
    if (!undo.facts) return
    const { netns, container, host } = undo.facts as Facts
    if (host) restore(undo, undo.host.kernel, host)
    if (!undo.netns || !isSame(netns, undo.netns.identity)) return
    using inside = Namespace.open(undo.netns.fd)
    restore(undo, inside, container)
  },

  check(state) {
    const { config, key, netns } = state
    const inside = linkInside(state)
    const host = otherEnd(state, inside)
    const faults = [
      ...faultsOf(inside, config.link, `${key.ifname} in ${netns.path}`),
      ...(host ? faultsOf(host, both(config.link), `host interface ${host.name}`) : []),
    ]
    if (faults.length > 0) throw checkFailed(faults.join('; '))
  },
}

/** The result of the plugins before, with what has changed since. */
export function tunedResult(state: State): Result {
  const { mac, mtu } = state.config.link
  const host = planned.get(state)?.host
  return {
    ...state.previous,
    interfaces: state.previous.interfaces.map(each => {
      const isInside = each.sandbox !== undefined && each.name === state.key.ifname
      const isHost = each.sandbox === undefined && each.name === host?.name
      return {
        ...each,
        ...(mac !== undefined && isInside && { mac }),
        ...(mtu !== undefined && (isInside || isHost) && { mtu }),
      }
    }),
  }
}

function linkInside({ container, key, netns }: State): Link {
  const link = container.link.get(key.ifname)
  if (link) return link
  throw new CniError(CniCode.invalidConfig, `there is no interface ${key.ifname} in ${netns.path}`)
}

/** The host's end where the interface is one of a pair. Both ends say so: an index alone may be that of another namespace's link. */
function otherEnd({ host }: State, inside: Link): Link | undefined {
  if (inside.kind !== 'veth' || !inside.peerIndex) return undefined
  const link = host.kernel.link.get(inside.peerIndex)
  return link?.kind === 'veth' && link.peerIndex === inside.index ? link : undefined
}

/** What both ends of a pair must have alike: a packet that fits through one is dropped by the other. */
function both({ mtu }: LinkWishes): LinkWishes {
  return mtu === undefined ? {} : { mtu }
}

function known({ name, index }: Link, changes: Change[]): KnownLink {
  return { name, index, changes }
}

/** The port lets frames from bridge's MAC pass, and no others. */
function refuseSpoofing(host: Link, { mac }: LinkWishes): void {
  if (isHostIfname(host.name) && host.name.startsWith('pls'))
    throw new CniError(
      CniCode.invalidConfig,
      `"mac" ${mac} would be taken for spoofed: the interface is under "macspoofchk"`,
      'ask for it by the capability "mac" or by CNI_ARGS MAC, which bridge heeds, too',
    )
}

function set(
  namespace: Namespace,
  link: KnownLink,
  name: AttributeName,
  value: AttributeValue,
  setMac?: typeof changeMac,
): void {
  try {
    if (name === 'mac' && setMac) setMac(namespace, link, value as string)
    else namespace.link.set({ index: link.index, ...attributeChange(name, value) })
  } catch (error) {
    throw error instanceof KernelError ? refusal(`${name} of ${link.name}`, value, error) : error
  }
}

/** What is as ADD left it goes back to what it was; what somebody has changed since is theirs. */
function restore(undo: Undo, namespace: Namespace, link: KnownLink): void {
  const present = namespace.link.get(link.index)
  if (present?.name !== link.name) return
  for (const { name, before, after } of link.changes.toReversed()) {
    if (readAttribute(present, name) !== after) continue
    try {
      set(namespace, link, name, before)
    } catch (error) {
      undo.call.log.warn('an interface could not be restored', { error: messageOf(error) })
    }
  }
}

function faultsOf(link: Link, wishes: LinkWishes, subject: string): string[] {
  return changesOf(link, wishes).map(({ name, before, after }) => {
    if (typeof after === 'boolean') return `${name} of ${subject} is ${before ? 'on' : 'off'}`
    return `${name} of ${subject} is ${before}, not ${after}`
  })
}
