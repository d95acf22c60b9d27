// plumbline limit: how fast a running container may send and receive.
import type { Command } from 'commander'
import { RuntimeError } from '../../runtime/error.js'
import { type LimitedAttachment, limitContainer, type RateChange } from '../../runtime/limit.js'
import { formatRate, parseRate } from '../../runtime/rate.js'
import { rootSettings, wantsJson } from '../options.js'
import { formatTable, print, printJson } from '../output.js'

interface LimitFlags {
  readonly ingress?: string
  readonly egress?: string
  readonly interface?: string
}

const help = `
Takes effect at once, without a gap; what is not given stays as it is. "none" takes a limit away.

Examples:
  plumbline limit web --ingress 20mbit --egress 5mbit
  plumbline limit web --egress none --interface eth1
`

export function define(command: Command): void {
  command
    .argument('<container>', 'id, beginning of an id, or name')
    .option('--ingress <rate>', 'what it receives at most, as in 20mbit, or none')
    .option('--egress <rate>', 'what it sends at most, or none')
    .option('--interface <name>', 'of this interface (default: all)')
    .addHelpText('after', help)
    .action((reference: string, flags: LimitFlags) => limit(command, reference, flags))
}

async function limit(command: Command, reference: string, flags: LimitFlags): Promise<void> {
  const settings = rootSettings(command)
  const change: RateChange = {
    ...(flags.ingress !== undefined && { ingress: rateOrNone('--ingress', flags.ingress) }),
    ...(flags.egress !== undefined && { egress: rateOrNone('--egress', flags.egress) }),
  }
  if (Object.keys(change).length === 0)
    throw new RuntimeError('there is nothing to change', 'give --ingress, --egress, or both')
  const limited = await limitContainer(settings, reference, change, flags.interface)
  if (wantsJson(command)) printJson(limited)
  else print(formatTable(['CONTAINER', 'NETWORK', 'INTERFACE', 'INGRESS', 'EGRESS'], limited.map(row)))
}

function rateOrNone(option: string, text: string): number | null {
  return text === 'none' ? null : parseRate(option, text)
}

function row({ container, network, ifname, rates }: LimitedAttachment): string[] {
  const text = (rate: number | undefined) => (rate === undefined ? '' : formatRate(rate))
  return [container, network, ifname, text(rates.ingress), text(rates.egress)]
}
