// Attributes of a link as tuning's keys name them: how they are read, and how they are changed.
import { Mac } from '../../wire/mac.js'
import { IFF_ALLMULTI, IFF_PROMISC } from '../../wire/route/constants.js'
import type { Link, LinkChange } from '../../wire/route/link.js'
import type { LinkWishes } from './config.js'

export type AttributeName = keyof LinkWishes
export type AttributeValue = string | number | boolean

interface Attribute {
  read(link: Link): AttributeValue
  change(value: AttributeValue): LinkChange
}

/** In the order in which they are set. The two modes are what has been asked for by name: others may have set them for themselves. */
const attributes: { readonly [name in AttributeName]: Attribute } = {
  mac: {
    read: link => link.address?.toString() ?? '',
    change: value => ({ address: Mac.parse(value as string) }),
  },
  mtu: { read: link => link.mtu, change: value => ({ mtu: value as number }) },
  txQLen: { read: link => link.txqlen, change: value => ({ txqlen: value as number }) },
  promisc: {
    read: link => (link.flags & IFF_PROMISC) !== 0,
    change: value => ({ promisc: value as boolean }),
  },
  allmulti: {
    read: link => (link.flags & IFF_ALLMULTI) !== 0,
    change: value => ({ allmulti: value as boolean }),
  },
}

/** What was, and what is to be. */
export type Change = { name: AttributeName; before: AttributeValue; after: AttributeValue }

/** Those wishes that the link does not fulfil. */
export function changesOf(link: Link, wishes: LinkWishes): Change[] {
  return Object.entries(attributes).flatMap(([key, { read }]) => {
    const name = key as AttributeName
    const after = wishes[name]
    const before = read(link)
    return after === undefined || after === before ? [] : [{ name, before, after }]
  })
}

export function readAttribute(link: Link, name: AttributeName): AttributeValue {
  return attributes[name].read(link)
}

export function attributeChange(name: AttributeName, value: AttributeValue): LinkChange {
  return attributes[name].change(value)
}
