// plumbline ports: which ports of the host lead where, and what has come and gone by them.
import type { Command } from 'commander'
import { Namespace } from '../../kernel/namespace.js'
import { listPorts, type PortView } from '../../plugins/portmap/ports.js'
import { ContainerStore } from '../../runtime/container/state.js'
import { rootSettings, wantsJson } from '../options.js'
import { formatTable, print, printJson } from '../output.js'

const help = `
Counted are the packets of connections that came by the port, and their bytes with all headers: IN to the container, OUT from it.
`

export function define(command: Command): void {
  command.addHelpText('after', help).action(() => ports(command))
}

function ports(command: Command): void {
  const settings = rootSettings(command)
  using kernel = Namespace.host()
  const views = listPorts({ kernel }, settings.runDir)
  if (wantsJson(command)) {
    printJson(views.map(toJson))
    return
  }
  const names = new Map(
    new ContainerStore(settings.runDir).list().map(({ id, name }) => [id, name ?? id] as const),
  )
  const titles = ['HOST', 'CONTAINER', 'NAME', 'NETWORK', 'IN', 'OUT']
  print(
    formatTable(
      titles,
      views.map(view => row(view, names)),
    ),
  )
}

function row(view: PortView, names: ReadonlyMap<string, string>): string[] {
  const { holder, hostIp, hostPorts, containerPort, protocol, targets, received, sent } = view
  const last = containerPort + hostPorts.last - hostPorts.first
  const inside = rangeText({ first: containerPort, last })
  const host = hostIp === undefined ? '*' : hostIp.family === 6 ? `[${hostIp}]` : String(hostIp)
  return [
    `${host}:${rangeText(hostPorts)}/${protocol}`,
    targets.map(target => `${target.includes(':') ? `[${target}]` : target}:${inside}`).join(','),
    names.get(holder.containerId) ?? holder.containerId,
    holder.network,
    `${received.packets} packets, ${received.bytes} bytes`,
    `${sent.packets} packets, ${sent.bytes} bytes`,
  ]
}

function rangeText({ first, last }: PortView['hostPorts']): string {
  return first === last ? String(first) : `${first}-${last}`
}

/** Counters as numbers: 2^53 bytes are 9 PB. */
function toJson({ hostIp, received, sent, ...view }: PortView) {
  const counter = ({ packets, bytes }: PortView['received']) => ({
    packets: Number(packets),
    bytes: Number(bytes),
  })
  return {
    ...view,
    ...(hostIp && { hostIp: String(hostIp) }),
    received: counter(received),
    sent: counter(sent),
  }
}
