// Families of tables, and references to tables and chains. linux/netfilter.h: NFPROTO_*.
import * as c from '../../wire/nft/constants.js'

const numbers = {
  ip: c.NFPROTO_IPV4,
  ip6: c.NFPROTO_IPV6,
  inet: c.NFPROTO_INET,
  bridge: c.NFPROTO_BRIDGE,
  netdev: c.NFPROTO_NETDEV,
  arp: c.NFPROTO_ARP,
} as const

export type Family = keyof typeof numbers

export function familyNumber(family: Family): number {
  return numbers[family]
}

/** Undefined for a family that nf_tables does not have. */
export function familyOf(number: number): Family | undefined {
  return (Object.keys(numbers) as Family[]).find(family => numbers[family] === number)
}

export interface TableRef {
  readonly family: Family
  readonly name: string
}

export interface ChainRef {
  readonly table: TableRef
  readonly name: string
}

export function tableRef({ family, name }: TableRef): TableRef {
  return { family, name }
}

/** `inet plumbline` */
export function tablePath(table: TableRef): string {
  return `${table.family} ${table.name}`
}

/** `inet plumbline postrouting` */
export function path({ table, name }: { readonly table: TableRef; readonly name: string }): string {
  return `${tablePath(table)} ${name}`
}

const NFT_NAME_MAXLEN = 256

/** What nft(8) takes for a name; anything else is a RangeError. */
export function checkName(what: string, name: string): string {
  if (!/^[A-Za-z_.][A-Za-z0-9_./\\-]*$/.test(name) || name.length >= NFT_NAME_MAXLEN)
    throw new RangeError(`not a name of a ${what}: ${JSON.stringify(name)}`)
  return name
}
