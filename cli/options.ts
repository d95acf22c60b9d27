// Options that verbs share, and what becomes of them.
import type { Command } from 'commander'
import { RuntimeError } from '../runtime/error.js'
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

export interface AttachmentOptions {
  readonly network?: readonly string[]
  readonly publish?: readonly string[]
  readonly ip?: readonly string[]
  readonly mac?: string
}

/** The options of the verbs that attach something. */
export function attachmentOptions(command: Command): Command {
  return command
    .option('-n, --network <name>', 'network to attach to; may be repeated (default: plumbline)', collect)
    .option('-p, --publish <ports>', '[HOSTIP:]HOSTPORT:CONTAINERPORT[/PROTOCOL]; may be repeated', collect)
    .option('--ip <address>', 'address to ask for; may be repeated', collect)
    .option('--mac <address>', 'MAC address to ask for')
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
