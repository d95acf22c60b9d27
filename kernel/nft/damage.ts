// What somebody took out of nf_tables, noticed at little cost: of thousands of notifications that attachments make by adding
// and removing elements, no more than the type is looked at. Notifications are those of NFNLGRP_NFTABLES; the kernel sends those
// of one transaction together and the new generation last (net/netfilter/nf_tables_api.c, nf_tables_commit).
import { NlReader } from '../../wire/netlink/attr.js'
import { NETLINK_NETFILTER, NLMSG_HDRLEN } from '../../wire/netlink/constants.js'
import * as c from '../../wire/nft/constants.js'
import { decodeGen } from '../../wire/nft/gen.js'
import { nftType } from '../../wire/nft/message.js'
import { WireError } from '../../wire/wire-error.js'
import { type DatagramListener, Subscription } from '../netlink/subscription.js'
import { type Family, familyOf } from './family.js'

/** A table that a transaction took something from, or gave a chain to. */
export interface DamagedTable {
  readonly family: Family
  readonly name: string
  /** It lost a chain, a rule or a set, or is gone itself. */
  readonly lost: boolean
  /** It got a chain, or one of its chains was changed (its policy, say). */
  readonly gained: boolean
}

/** One transaction that did such things. */
export interface Damage {
  readonly tables: readonly DamagedTable[]
  /** The port of the socket that sent it: `Nft.port` of who did it. 0 is the kernel, which removes what its owner left. */
  readonly port: number
  /** The name of the process that did it, cut off at 15 bytes, where the kernel says so. */
  readonly by: string | undefined
}

export interface DamageListener {
  damage(damage: Damage): void
  /** Notifications were lost, because they came faster than they were read: anything may have happened. */
  overrun(): void
}

const GAIN = nftType(c.NFT_MSG_NEWCHAIN)
const END = nftType(c.NFT_MSG_NEWGEN)
const [DELTABLE, DELCHAIN] = [nftType(c.NFT_MSG_DELTABLE), nftType(c.NFT_MSG_DELCHAIN)]
const [DELRULE, DELSET] = [nftType(c.NFT_MSG_DELRULE), nftType(c.NFT_MSG_DELSET)]
const NFGENMSG_LEN = 4
/** NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE: the table is the first attribute of all of them. */
const TABLE = c.NFTA_CHAIN_TABLE

export class NftDamage implements Disposable {
  readonly #subscription: Subscription

  constructor(subscription: Subscription) {
    this.#subscription = subscription
  }

  /** Listens in the namespace `netnsFd` is open on (-1: this process's). */
  static open(netnsFd = -1): NftDamage {
    return new NftDamage(Subscription.open(NETLINK_NETFILTER, [c.NFNLGRP_NFTABLES], netnsFd))
  }

  /** Listens there and tells of damage as it is done, from the event loop, which it keeps alive unless `unref`ed, until dispose. */
  static watch(netnsFd: number, listener: DamageListener): NftDamage {
    const damage = NftDamage.open(netnsFd)
    damage.#subscription.watch(new DamageReader(listener))
    return damage
  }

  /** Reads what has come, and waits for nothing. */
  poll(listener: DamageListener): void {
    const reader = new DamageReader(listener)
    while (this.#subscription.receive(0, reader));
  }

  unref(): void {
    this.#subscription.unref()
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }
}

/** Reads datagrams, and puts together what belongs to one transaction. */
export class DamageReader implements DatagramListener {
  readonly #listener: DamageListener
  /** What the transaction that is being read has done, by family and name. */
  readonly #tables = new Map<string, DamagedTable>()

  constructor(listener: DamageListener) {
    this.#listener = listener
  }

  /** What cannot be read might be anything. */
  datagram(datagram: Buffer): void {
    try {
      this.#read(datagram)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.overrun()
    }
  }

  overrun(): void {
    this.#tables.clear()
    this.#listener.overrun()
  }

  #read(datagram: Buffer): void {
    const { length } = datagram
    for (let at = 0; at < length; ) {
      const size = at + NLMSG_HDRLEN <= length ? datagram.readUInt32LE(at) : 0
      if (size < NLMSG_HDRLEN || size > length - at)
        throw new WireError(`message length ${size} where ${length - at} bytes are left`, at)
      const type = datagram.readUInt16LE(at + 4)
      if (type === END) this.#end(datagram, at, size)
      else if (type === GAIN || isLoss(type)) this.#note(datagram, at, size, type)
      at += (size + 3) & ~3
    }
  }

  #note(datagram: Buffer, at: number, size: number, type: number): void {
    const family = familyOf(datagram[at + NLMSG_HDRLEN]!)
    const attributes = new NlReader(datagram, at + NLMSG_HDRLEN + NFGENMSG_LEN, at + size)
    while (attributes.next()) {
      if (attributes.type !== TABLE) continue
      const name = attributes.string()
      if (family === undefined) return
      const key = `${family} ${name}`
      const before = this.#tables.get(key)
      const lost = before?.lost === true || type !== GAIN
      const gained = before?.gained === true || type === GAIN
      this.#tables.set(key, { family, name, lost, gained })
      return
    }
  }

  #end(datagram: Buffer, at: number, size: number): void {
    if (this.#tables.size === 0) return
    const tables = [...this.#tables.values()]
    this.#tables.clear()
    const { name: by } = decodeGen(datagram.subarray(at + NLMSG_HDRLEN, at + size))
    this.#listener.damage({ tables, port: datagram.readUInt32LE(at + 12), by })
  }
}

function isLoss(type: number): boolean {
  return type === DELRULE || type === DELCHAIN || type === DELSET || type === DELTABLE
}
