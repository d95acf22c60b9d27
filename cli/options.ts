// Options that verbs share, and what becomes of them.
import type { Command } from 'commander'
import { RuntimeError } from '../runtime/error.js'
import type { Bandwidth, Wishes } from '../runtime/plan.js'
import { parsePublishAll } from '../runtime/publish.js'
import { parseRate } from '../runtime/rate.js'
import { makeSettings, type Settings } from '../runtime/settings.js'

export interface CommonOptions {
  readonly json?: boolean
  readonly confDir?: string
  readonly cniPath?: string
}

/** The options of every verb; they may stand before the verb, too. */
export function commonOptions(command: Command): Command {
  return command
    .option('--json', 'print JSON, errors included')
    .option('--conf-dir <dir>', 'directory of network configurations (default: /etc/cni/net.d)')
    .option(
      '--cni-path <dirs>',
      'directories of CNI plugins, separated by ":" (default: ours, /opt/cni/bin, /usr/lib/cni)',
    )
}

export interface RateOptions {
  readonly ingressRate?: string
  readonly egressRate?: string
}

export function rateOptions(command: Command): Command {
  return command
    .option('--ingress-rate <rate>', 'limit of what a container receives, as in 20mbit')
    .option('--egress-rate <rate>', 'limit of what it sends')
}

/** The limits that these options ask for, if any. Throws a RuntimeError that names option and value. */
export function ratesOf(options: RateOptions): { bandwidth?: Bandwidth } {
  const ingressRate = options.ingressRate && parseRate('--ingress-rate', options.ingressRate)
  const egressRate = options.egressRate && parseRate('--egress-rate', options.egressRate)
  if (!ingressRate && !egressRate) return {}
  return { bandwidth: { ...(ingressRate && { ingressRate }), ...(egressRate && { egressRate }) } }
}

export interface AttachmentOptions extends RateOptions {
  readonly network?: readonly string[]
  readonly publish?: readonly string[]
  readonly ip?: readonly string[]
  readonly mac?: string
}

/** The options of the verbs that attach something. */
export function attachmentOptions(command: Command): Command {
  return rateOptions(command)
    .option('-n, --network <name>', 'network to attach to; may be repeated (default: plumbline)', collect)
    .option(
      '-p, --publish <ports>',
      '[HOSTIP:]HOSTPORT[-END]:CONTAINERPORT[-END][/PROTOCOL]; may be repeated',
      collect,
    )
    .option('--ip <address>', 'address to ask for; may be repeated', collect)
    .option('--mac <address>', 'MAC address to ask for')
}

/** What these options ask of the networks. Throws a RuntimeError that names option and value. */
export function wishesOf({ publish = [], ip = [], mac, ...rates }: AttachmentOptions): Wishes {
  return {
    publish: parsePublishAll(publish),
    ips: ip,
    ...(mac !== undefined && { mac }),
    ...ratesOf(rates),
  }
}

/** A repeatable option. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** The settings of a verb that only reads configurations. */
export function settingsOf(command: Command): Settings {
  return makeSettings(command.optsWithGlobals<CommonOptions>(), process.env)
}

/** The settings of a verb that does something. Throws for anybody but root. */
export function rootSettings(command: Command): Settings {
  requireRoot(pathOf(command))
  return settingsOf(command)
}

export function requireRoot(what: string): void {
  if (process.geteuid?.() !== 0) throw new RuntimeError(`${what} needs root: run it with sudo`)
}

export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<CommonOptions>().json ?? false
}

function pathOf(command: Command): string {
  const parent = command.parent
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name()
}
