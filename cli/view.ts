// A container as it is shown.
import type { JsonObject } from '../cni/call.js'
import type { Result } from '../cni/result.js'
import { parseResult } from '../cni/result-parse.js'
import { exitStatus, type Status, statusOf } from '../runtime/container/liveness.js'
import { type ContainerState, ContainerStore, type PlannedAttachment } from '../runtime/container/state.js'
import { type Rates, ratesOf } from '../runtime/limit.js'
import type { Settings } from '../runtime/settings.js'

export interface AttachmentView {
  readonly network: string
  readonly ifname: string
  /** With their prefix lengths. */
  readonly addresses: readonly string[]
  readonly mac?: string
  /** Bits a second: to the container, and from it. */
  readonly rates?: Rates
  readonly attachMs?: number
  readonly result?: JsonObject
}

export interface ContainerView {
  readonly id: string
  readonly name?: string
  readonly kind: ContainerState['kind']
  readonly status: Status
  readonly exitCode?: number
  readonly createdAt: string
  /** PID 1 as the host sees it, while it lives. */
  readonly pid?: number
  readonly netns: string
  readonly command: readonly string[]
  readonly rootfs?: string
  readonly log?: string
  readonly cgroups: readonly string[]
  readonly attachments: readonly AttachmentView[]
}

export function viewContainer(settings: Settings, state: ContainerState): ContainerView {
  const store = new ContainerStore(settings.runDir)
  const status = statusOf(state, store)
  const exitCode = exitStatus(state, store)
  const { id, name, kind, createdAt, netns, command, rootfs, detached, cgroups } = state
  return {
    id,
    ...(name !== undefined && { name }),
    kind,
    status,
    ...(exitCode !== undefined && { exitCode }),
    createdAt,
    ...(status === 'running' && state.process && { pid: state.process.pid }),
    netns: netns.path,
    command,
    ...(rootfs !== undefined && { rootfs }),
    ...(detached && kind === 'container' && { log: store.logFile(id) }),
    cgroups,
    attachments: state.attachments.map(attachment => viewAttachment(settings, id, attachment)),
  }
}

function viewAttachment(settings: Settings, id: string, attachment: PlannedAttachment): AttachmentView {
  const { network, ifname, result, attachMs } = attachment
  const rates = ratesOf(settings, id, attachment)
  const parsed = result === undefined ? undefined : tryParse(result)
  const mac = parsed?.interfaces.find(({ name, sandbox }) => name === ifname && sandbox)?.mac
  return {
    network,
    ifname,
    addresses: parsed?.ips.map(({ address }) => address.toString()) ?? [],
    ...(mac !== undefined && { mac }),
    ...(Object.keys(rates).length > 0 && { rates }),
    ...(attachMs !== undefined && { attachMs }),
    ...(result !== undefined && { result }),
  }
}

/** `exited (0)`, `running`. */
export function statusText({ status, exitCode }: ContainerView): string {
  return exitCode === undefined ? status : `${status} (${exitCode})`
}

function tryParse(result: JsonObject): Result | undefined {
  try {
    return parseResult(result, '1.1.0', 'result')
  } catch {
    return undefined // an older file: better a row without addresses than no table
  }
}
