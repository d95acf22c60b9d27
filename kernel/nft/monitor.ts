// What others (and we) change in nf_tables, as it happens: notifications of NFNLGRP_NFTABLES.
import { NETLINK_NETFILTER } from '../../wire/netlink/constants.js'
import type { NlMessage } from '../../wire/netlink/message.js'
import { decodeChain } from '../../wire/nft/chain.js'
import * as c from '../../wire/nft/constants.js'
import { decodeElements, type ElementsMessage } from '../../wire/nft/element.js'
import { decodeGen, type GenMessage } from '../../wire/nft/gen.js'
import { nftMsg } from '../../wire/nft/message.js'
import { decodeObject } from '../../wire/nft/object.js'
import { decodeRule, type RuleMessage } from '../../wire/nft/rule.js'
import { decodeSet } from '../../wire/nft/set.js'
import { decodeTable } from '../../wire/nft/table.js'
import { Subscription } from '../netlink/subscription.js'
import { type Chain, chainFrom } from './chain.js'
import { type NftObject, objectFrom } from './object.js'
import { type NftSet, setFrom } from './set.js'
import { type Table, tableFrom } from './table.js'

export type NftAction = 'add' | 'delete'

/**
 * One change, or with `generation` the end of a transaction. Rules and elements come as the kernel describes them:
 * what they say depends on sets that the notification does not describe.
 */
export type NftEvent =
  | { readonly kind: 'table'; readonly action: NftAction; readonly table: Table }
  | { readonly kind: 'chain'; readonly action: NftAction; readonly chain: Chain }
  | { readonly kind: 'rule'; readonly action: NftAction; readonly rule: RuleMessage }
  | { readonly kind: 'set'; readonly action: NftAction; readonly set: NftSet }
  | { readonly kind: 'elements'; readonly action: NftAction; readonly elements: ElementsMessage }
  | { readonly kind: 'object'; readonly action: NftAction; readonly object: NftObject }
  | { readonly kind: 'generation'; readonly generation: GenMessage }

/** Undefined for notifications of other kinds, and of families that we do not know. Broken ones are a WireError. */
export function decodeEvent({ type, payload }: NlMessage): NftEvent | undefined {
  switch (nftMsg(type)) {
    case c.NFT_MSG_NEWTABLE:
    case c.NFT_MSG_DELTABLE: {
      const table = tableFrom(decodeTable(payload))
      return table && { kind: 'table', action: actionOf(type, c.NFT_MSG_NEWTABLE), table }
    }
    case c.NFT_MSG_NEWCHAIN:
    case c.NFT_MSG_DELCHAIN: {
      const chain = chainFrom(decodeChain(payload))
      return chain && { kind: 'chain', action: actionOf(type, c.NFT_MSG_NEWCHAIN), chain }
    }
    case c.NFT_MSG_NEWRULE:
    case c.NFT_MSG_DELRULE:
      return { kind: 'rule', action: actionOf(type, c.NFT_MSG_NEWRULE), rule: decodeRule(payload) }
    case c.NFT_MSG_NEWSET:
    case c.NFT_MSG_DELSET: {
      const set = setFrom(decodeSet(payload))
      return set && { kind: 'set', action: actionOf(type, c.NFT_MSG_NEWSET), set }
    }
    case c.NFT_MSG_NEWSETELEM:
    case c.NFT_MSG_DELSETELEM:
      return {
        kind: 'elements',
        action: actionOf(type, c.NFT_MSG_NEWSETELEM),
        elements: decodeElements(payload),
      }
    case c.NFT_MSG_NEWOBJ:
    case c.NFT_MSG_DELOBJ: {
      const object = objectFrom(decodeObject(payload))
      return object && { kind: 'object', action: actionOf(type, c.NFT_MSG_NEWOBJ), object }
    }
    case c.NFT_MSG_NEWGEN:
      return { kind: 'generation', generation: decodeGen(payload) }
    default:
      return undefined
  }
}

function actionOf(type: number, added: number): NftAction {
  return nftMsg(type) === added ? 'add' : 'delete'
}

export interface NftListener {
  event(event: NftEvent): void
  /** Some were lost, because they came faster than they were read. */
  overrun(): void
}

export class NftMonitor implements Disposable {
  readonly #subscription: Subscription

  constructor(subscription: Subscription) {
    this.#subscription = subscription
  }

  /** Listens in the namespace `netnsFd` is open on (-1: this process's). */
  static open(netnsFd = -1): NftMonitor {
    return new NftMonitor(Subscription.open(NETLINK_NETFILTER, [c.NFNLGRP_NFTABLES], netnsFd))
  }

  /** Waits for a notification (-1: for ever, 0: not at all); false when none came. */
  receive(timeoutMs: number, listener: NftListener): boolean {
    return this.#subscription.receive(timeoutMs, wrap(listener))
  }

  /** Hands over events as they come, from the event loop, until `unwatch`. */
  watch(listener: NftListener): void {
    this.#subscription.watch(wrap(listener))
  }

  unwatch(): void {
    this.#subscription.unwatch()
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }
}

function wrap(listener: NftListener): { message(m: NlMessage): void; overrun(): void } {
  return {
    message(m) {
      const event = decodeEvent(m)
      if (event !== undefined) listener.event(event)
    },
    overrun: () => listener.overrun(),
  }
}
