// What follows when ports have been published or taken back: connection tracking forgets what it knows of them, as datagrams of a
// client who goes on sending would go where they always went. TCP begins anew by itself. And a word where the host itself listens.
import { messageOf } from '../../cni/failure.js'
import type { LogFields, Logger } from '../../cni/log.js'
import type { Host } from '../../cni/plugin.js'
import type { ConntrackSelector } from '../../kernel/conntrack/selector.js'
import { KernelError } from '../../kernel/error.js'
import { ownerOf } from '../../kernel/socket/owner.js'
import type { Listener } from '../../kernel/socket/sockets.js'
import type { Ip } from '../../wire/ip.js'
import { loopTarget } from '../localhost/loop.js'
import { describeMapping, type PortMapping, protocols, sameHost } from '../portmap/mapping.js'
import { mappingFrom, type PortMapFacts, targetsOf } from './port-map.js'
import { placeOf } from './port-place.js'

export function portMapSettled(
  entries: readonly PortMapFacts[],
  host: Host,
  log: Logger,
  verb: 'ADD' | 'DEL',
): void {
  if (verb === 'ADD') {
    warnOfNoTarget(entries, log)
    attempt(log, 'could not find out who listens on published ports', () =>
      warnOfListeners(entries, host, log),
    )
  }
  const selectors = entries.flatMap(facts => staleSelectors(facts, verb))
  if (selectors.length > 0)
    attempt(log, 'could not flush conntrack entries of published ports', () =>
      host.kernel.conntrack.flush(selectors),
    )
}

/** Nothing of this is worth failing for. */
function attempt(log: Logger, what: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof KernelError)) throw error
    log.warn(what, { error: messageOf(error) })
  }
}

/**
 * At ADD whatever was sent to the port, wherever it went: to the host itself, or to a container of whose end nobody was told. At DEL
 * what went to the container, and what the host sent to its [::1] by way of the loop.
 */
function staleSelectors(facts: PortMapFacts, verb: 'ADD' | 'DEL'): ConntrackSelector[] {
  return facts.mappings
    .map(mappingFrom)
    .filter(({ protocol }) => protocol !== 'tcp')
    .flatMap(mapping =>
      targetsOf(mapping, facts).flatMap((target): ConntrackSelector[] => {
        const { first: from, last: to } = mapping.hostPorts
        const toPort = { family: target.family, protocol: mapping.protocol, origPort: { from, to } }
        if (verb === 'ADD') return [{ ...toPort, origDst: onlyAddress(mapping) }]
        const who = target.family === 6 ? [target, loopTarget] : [target]
        return who.map(replySrc => ({ ...toPort, replySrc }))
      }),
    )
}

/** Undefined where datagrams to the port may have been sent to several: connections to ::1 are seen with another, too. */
function onlyAddress(mapping: PortMapping): Ip | undefined {
  const place = placeOf(mapping)
  return place === mapping.hostIp ? place : undefined
}

function warnOfNoTarget(entries: readonly PortMapFacts[], log: Logger): void {
  for (const facts of entries)
    for (const mapping of facts.mappings.map(mappingFrom))
      if (targetsOf(mapping, facts).length === 0)
        log.warn(`host port ${describeMapping(mapping)} leads nowhere: the container has no such address`)
}

/** Connections to the port go to the container from now on. */
function warnOfListeners(entries: readonly PortMapFacts[], host: Host, log: Logger): void {
  const all = entries.flatMap(facts => facts.mappings.map(mappingFrom))
  for (const protocol of protocols) {
    const mappings = all.filter(mapping => mapping.protocol === protocol)
    const ports = mappings.map(({ hostPorts }) => ({ from: hostPorts.first, to: hostPorts.last }))
    for (const listener of host.kernel.sockets.listening(protocol, ports)) {
      const mapping = mappings.find(each => catches(each, listener))
      if (mapping)
        log.warn(
          `a process of the host listens on port ${listener.port}/${protocol}, which is led to a container now`,
          fieldsOf(mapping, listener),
        )
    }
  }
}

function catches({ hostIp, hostPorts }: PortMapping, { address, port, family, v6Only }: Listener): boolean {
  if (port < hostPorts.first || port > hostPorts.last) return false
  const both = family === 6 && address.isUnspecified() && v6Only !== true
  return both || sameHost(hostIp, address)
}

function fieldsOf(mapping: PortMapping, { address, inode }: Listener): LogFields {
  const owner = ownerOf(inode)
  return {
    hostPort: describeMapping(mapping),
    address: String(address),
    ...(owner && { pid: owner.pid, process: owner.name }),
  }
}
