// Removal in a process that ends after its answer: a forked child sends DELLINK and waits for what the kernel does afterwards.
import { closeSync } from 'node:fs'
import { addon } from '../../native/addon.js'
import { NETLINK_ROUTE } from '../../wire/netlink/constants.js'
import { RTNLGRP_LINK } from '../../wire/route/constants.js'
import { check } from '../error.js'
import type { Namespace } from '../namespace.js'
import { Subscription } from '../netlink/subscription.js'
import type { LinkReaper } from '../teardown.js'
import { deletedIndex, deletionRequest, LINK_DELETE } from './deletion.js'

/** The notification takes a few milliseconds. After this long without, the child was refused, or died. */
const NOTIFICATION_TIMEOUT_MS = 300

export class OneShotReaper implements LinkReaper {
  readonly #namespace: Namespace

  constructor(namespace: Namespace) {
    this.#namespace = namespace
  }

  async removed(link: string | number): Promise<boolean> {
    const [removed] = await this.removedAll([link])
    return removed!
  }

  async removedAll(links: readonly (string | number)[]): Promise<boolean[]> {
    const { link } = this.#namespace
    const indexes = links.map(each => (typeof each === 'number' ? each : link.index(each)))
    const present = [...new Set(indexes.filter(index => index !== undefined))]
    const removed = new Set(present.length === 0 ? [] : this.#remove(present, links.join(' ')))
    return indexes.map(index => index !== undefined && removed.has(index))
  }

  async idle(): Promise<void> {}

  [Symbol.dispose](): void {}

  /** Returns those that were there. */
  #remove(indexes: readonly number[], target: string): number[] {
    const { netnsFd, link } = this.#namespace
    const [listening, sending] = addon.openIn(netnsFd, [
      { protocol: NETLINK_ROUTE, groups: [RTNLGRP_LINK] },
      { protocol: NETLINK_ROUTE },
    ]) as [number, number]
    try {
      check(LINK_DELETE, target, listening)
      check(LINK_DELETE, target, sending)
      using subscription = new Subscription(listening)
      check(LINK_DELETE, target, addon.requestForked(sending, deletionRequest(indexes)))
      const gone = awaitDeletions(subscription, indexes)
      // Without the notification we ask ourselves: the kernel then says what is wrong, or that the link is gone.
      return indexes.filter(index => gone.has(index) || link.remove(index))
    } finally {
      if (sending >= 0) closeSync(sending)
    }
  }
}

/** Those of which it is certain; the notification of others did not come in time, or may have been lost. */
function awaitDeletions(subscription: Subscription, indexes: readonly number[]): Set<number> {
  const deadline = Date.now() + NOTIFICATION_TIMEOUT_MS
  const gone = new Set<number>()
  let lost = false
  while (gone.size < indexes.length && !lost) {
    const received = subscription.receive(Math.max(0, deadline - Date.now()), {
      message: message => {
        const index = deletedIndex(message)
        if (index !== undefined && indexes.includes(index)) gone.add(index)
      },
      overrun: () => {
        lost = true
      },
    })
    if (!received) break
  }
  return gone
}
