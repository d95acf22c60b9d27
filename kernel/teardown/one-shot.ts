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
    const { netnsFd } = this.#namespace
    const index = typeof link === 'number' ? link : this.#namespace.link.index(link)
    if (index === undefined) return false
    const [listening, sending] = addon.openIn(netnsFd, [
      { protocol: NETLINK_ROUTE, groups: [RTNLGRP_LINK] },
      { protocol: NETLINK_ROUTE },
    ]) as [number, number]
    try {
      check(LINK_DELETE, String(link), listening)
      check(LINK_DELETE, String(link), sending)
      using subscription = new Subscription(listening)
      check(LINK_DELETE, String(link), addon.requestForked(sending, deletionRequest([index])))
      // Without the notification we ask ourselves: the kernel then says what is wrong, or that the link is gone.
      return awaitDeletion(subscription, index) || this.#namespace.link.remove(index)
    } finally {
      if (sending >= 0) closeSync(sending)
    }
  }

  async idle(): Promise<void> {}

  [Symbol.dispose](): void {}
}

/** False when the notification did not come in time, or may have been lost. */
function awaitDeletion(subscription: Subscription, index: number): boolean {
  const deadline = Date.now() + NOTIFICATION_TIMEOUT_MS
  let state: 'waiting' | 'gone' | 'unknown' = 'waiting'
  while (state === 'waiting') {
    const received = subscription.receive(Math.max(0, deadline - Date.now()), {
      message: message => {
        if (deletedIndex(message) === index) state = 'gone'
      },
      overrun: () => {
        state = 'unknown'
      },
    })
    if (!received) return false
  }
  return state === 'gone'
}
