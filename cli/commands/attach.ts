// plumbline attach: a network namespace on networks, without a container.
import type { Command } from 'commander'
import { defaultNetworkName } from '../../runtime/default-network.js'
import { attachNamespace, netnsPath } from '../../runtime/namespaces.js'
import { findNetwork } from '../../runtime/networks.js'
import { planAttachments } from '../../runtime/plan.js'
import { type AttachmentOptions, attachmentOptions, rootSettings, wantsJson, wishesOf } from '../options.js'
import { formatTable, print, printJson } from '../output.js'
import { forwardSignals } from '../signals.js'
import { type AttachmentView, viewContainer } from '../view.js'

interface AttachFlags extends AttachmentOptions {
  readonly create?: boolean
  readonly ifname?: string
}

const help = `
NETNS is a path, or a name in /run/netns as "ip netns" shows them. Detach it again with: plumbline detach NETNS

Examples:
  plumbline attach blue --create --network backend
  plumbline attach /proc/1234/ns/net --ifname eth1 --ip 10.89.0.50
`

export function define(command: Command): void {
  attachmentOptions(command)
    .argument('<netns>', 'path or name of a network namespace')
    .option('--create', 'make the namespace when it is not there; it goes with its last attachment')
    .option('--ifname <name>', 'name of the first interface; further ones count on (default: eth0)')
    .addHelpText('after', help)
    .action((reference: string, flags: AttachFlags) => attach(command, reference, flags))
}

async function attach(command: Command, reference: string, flags: AttachFlags): Promise<void> {
  const settings = rootSettings(command)
  const { network: names = [defaultNetworkName], ifname, create = false } = flags
  const attachments = planAttachments(
    names.map(name => findNetwork(settings, name)),
    { ...wishesOf(flags), ...(ifname !== undefined && { ifname }) },
  )
  const controller = new AbortController()
  using _signals = forwardSignals(signal => controller.abort(new Error(`interrupted by ${signal}`)))
  const state = await attachNamespace(
    settings,
    netnsPath(reference),
    { attachments, create },
    controller.signal,
  )
  const view = viewContainer(settings, state)
  if (wantsJson(command)) printJson(view)
  else print(formatTable(['INTERFACE', 'NETWORK', 'ADDRESSES', 'MAC', 'TIME'], view.attachments.map(row)))
}

function row({ ifname, network, addresses, mac = '', attachMs }: AttachmentView): string[] {
  return [ifname, network, addresses.join(','), mac, attachMs === undefined ? '' : `${attachMs} ms`]
}
