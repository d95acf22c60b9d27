// Chains. nft(8): "CHAINS".
import type { ChainMessage } from '../../wire/nft/chain.js'
import * as c from '../../wire/nft/constants.js'
import { encodeUserdata, NFTNL_UDATA_COMMENT, stringEntry } from '../../wire/nft/userdata.js'
import {
  type ChainRef,
  checkName,
  type Family,
  familyNumber,
  familyOf,
  type TableRef,
  tableRef,
} from './family.js'
import { checkComment, commentFrom, quoted } from './text.js'

const hooks = {
  prerouting: c.NF_INET_PRE_ROUTING,
  input: c.NF_INET_LOCAL_IN,
  forward: c.NF_INET_FORWARD,
  output: c.NF_INET_LOCAL_OUT,
  postrouting: c.NF_INET_POST_ROUTING,
  ingress: c.NF_INET_INGRESS,
} as const

const netdevHooks = { ingress: c.NF_NETDEV_INGRESS, egress: c.NF_NETDEV_EGRESS } as const

export type Hook = keyof typeof hooks | keyof typeof netdevHooks
export type ChainType = 'filter' | 'nat' | 'route'
export type Policy = 'accept' | 'drop'

/** Made by `chain`. A base chain, which the kernel calls, has type, hook and priority; what `list` returns has a handle. */
export interface Chain extends ChainRef {
  readonly kind: 'chain'
  readonly type?: ChainType
  readonly hook?: Hook
  /** Lower ones are called first. */
  readonly priority?: number
  /** What becomes of packets that reach the end; absent is accept. */
  readonly policy?: Policy
  /** Of ingress and egress hooks. */
  readonly devices?: readonly string[]
  readonly comment?: string
  readonly handle?: bigint
}

export interface ChainOptions {
  readonly table: TableRef
  readonly name: string
  readonly type?: ChainType
  readonly hook?: Hook
  readonly priority?: number
  readonly policy?: Policy
  readonly device?: string
  readonly devices?: readonly string[]
  readonly comment?: string
}

/** A chain. Half a hook, or one that the family does not have, is a RangeError. */
export function chain(options: ChainOptions): Chain {
  const { table, name, type, hook, priority, policy, device, devices, comment } = options
  const parts = [type, hook, priority].filter(part => part !== undefined).length
  if (parts !== 0 && parts !== 3)
    throw new RangeError(`chain ${name} needs type, hook and priority, or none of them`)
  if (hook !== undefined && hookNumber(table.family, hook) === undefined)
    throw new RangeError(`no hook ${hook} in family ${table.family}`)
  const names = devices ?? (device === undefined ? undefined : [device])
  return {
    kind: 'chain',
    table: tableRef(table),
    name: checkName('chain', name),
    ...(type !== undefined && { type }),
    ...(hook !== undefined && { hook }),
    ...(priority !== undefined && { priority }),
    ...(policy !== undefined && { policy }),
    ...(names !== undefined && { devices: names }),
    ...(comment !== undefined && { comment: checkComment(comment) }),
  }
}

function hookTable(family: Family): Readonly<Record<string, number>> {
  return family === 'netdev' ? netdevHooks : hooks
}

function hookNumber(family: Family, hook: Hook): number | undefined {
  const table = hookTable(family)
  return Object.hasOwn(table, hook) ? table[hook] : undefined
}

export function chainMessage(chain: Chain): ChainMessage {
  const { table, name, type, hook, priority, policy, devices, comment } = chain
  return {
    family: familyNumber(table.family),
    table: table.name,
    name,
    ...(type !== undefined && { type }),
    ...(policy !== undefined && { policy: policy === 'drop' ? c.NF_DROP : c.NF_ACCEPT }),
    ...(hook !== undefined && {
      hook: {
        hooknum: hookNumber(table.family, hook)!,
        priority: priority!,
        ...(devices?.length === 1 && { device: devices[0]! }),
        ...(devices !== undefined && devices.length > 1 && { devices }),
      },
    }),
    ...(comment !== undefined && { userdata: encodeUserdata([stringEntry(NFTNL_UDATA_COMMENT, comment)]) }),
  }
}

/** Undefined for a family that we do not know. */
export function chainFrom(message: ChainMessage): Chain | undefined {
  const family = familyOf(message.family)
  if (family === undefined) return undefined
  const { hook, type, policy } = message
  const table = hookTable(family)
  const name = Object.keys(table).find(key => table[key] === hook?.hooknum) as Hook | undefined
  const devices = hook?.devices ?? (hook?.device === undefined ? undefined : [hook.device])
  return {
    kind: 'chain',
    table: { family, name: message.table ?? '' },
    name: message.name ?? '',
    ...(type !== undefined && { type: type as ChainType }),
    ...(name !== undefined && { hook: name }),
    ...(hook?.priority !== undefined && { priority: hook.priority }),
    ...(policy !== undefined && { policy: policy === c.NF_DROP ? ('drop' as const) : ('accept' as const) }),
    ...(devices !== undefined && { devices }),
    ...commentFrom(message.userdata, NFTNL_UDATA_COMMENT),
    ...(message.handle !== undefined && { handle: message.handle }),
  }
}

/** What stands between the braces of `add chain`: `type nat hook postrouting priority 100 ; policy accept ; ` */
export function chainBody({ type, hook, priority, policy, devices, comment }: Chain): string {
  const parts: string[] = []
  if (type !== undefined) parts.push(`type ${type} hook ${hook}${devicesText(devices)} priority ${priority}`)
  if (policy !== undefined) parts.push(`policy ${policy}`)
  if (comment !== undefined) parts.push(`comment ${quoted(comment)}`)
  return parts.map(part => `${part} ; `).join('')
}

function devicesText(devices: readonly string[] | undefined): string {
  if (devices === undefined) return ''
  if (devices.length === 1) return ` device ${quoted(devices[0]!)}`
  return ` devices = { ${devices.map(quoted).join(', ')} }`
}
