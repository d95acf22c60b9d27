// plumbline network create: a conflist from a few options.
import type { Command } from 'commander'
import {
  createNetwork,
  ingressPolicies,
  type NetworkWishes,
  networkTypes,
} from '../../runtime/network-create.js'
import { findNetwork } from '../../runtime/networks.js'
import { collect, commonOptions, rateOptions, ratesOf, rootSettings, wantsJson } from '../options.js'
import { print, printJson } from '../output.js'

interface CreateFlags {
  readonly type?: string
  readonly subnet?: readonly string[]
  readonly ipv6?: boolean
  readonly internal?: boolean
  readonly masquerade: boolean
  readonly bridge?: string
  readonly mtu?: string
  readonly ingressPolicy?: string
  readonly ingressRate?: string
  readonly egressRate?: string
}

const help = `
Examples:
  plumbline network create backend
  plumbline network create db --internal --subnet 10.77.0.0/24 --ingress-policy isolated
  plumbline network create slow --ipv6 --ingress-rate 20mbit --egress-rate 5mbit
`

export function defineCreate(command: Command): void {
  const create = command
    .command('create')
    .description('Write the configuration of a new network.')
    .helpOption('-h, --help', 'explain this')
    .argument('<network>', 'its name')
    .option('--type <type>', `${networkTypes.join(' or ')} (default: bridge)`)
    .option('--subnet <prefix>', 'subnet; may be given once a family (default: a free one)', collect)
    .option('--ipv6', 'a subnet of IPv6, too')
    .option('--internal', 'no gateway: containers reach one another only')
    .option('--no-masquerade', 'let containers show their own addresses outside')
    .option('--bridge <name>', 'name of the bridge')
    .option('--mtu <bytes>', "MTU (default: the uplink's)")
    .option('--ingress-policy <policy>', `${ingressPolicies.join(', ')} (default: open)`)
    .addHelpText('after', help)
  rateOptions(commonOptions(create)).action((name: string, flags: CreateFlags, self: Command) =>
    run(self, name, flags),
  )
}

function run(command: Command, name: string, flags: CreateFlags): void {
  const settings = rootSettings(command)
  const { ingressRate: _, egressRate: __, subnet = [], ...rest } = flags
  const wishes: NetworkWishes = { ...rest, subnets: subnet, ...ratesOf(flags) }
  const path = createNetwork(settings, name, wishes)
  if (wantsJson(command)) printJson({ name, path, config: findNetwork(settings, name).raw })
  else print(`${path}\n`)
}
