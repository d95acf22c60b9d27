// Waiting for the kernel to get somewhere: told by notifications, never by looking again and again.
import type { Subscription } from './netlink/subscription.js'

/** Joins multicast groups (RTNLGRP_*) of the namespace that is meant. */
export type Subscribe = (groups: readonly number[]) => Subscription

/**
 * Resolves with true as soon as `done()` holds. It is asked now, and again after every notification of `groups`; after `timeoutMs`
 * the answer is false. What `done` throws rejects.
 */
export async function waitUntil(
  subscribe: Subscribe,
  groups: readonly number[],
  timeoutMs: number,
  done: () => boolean,
): Promise<boolean> {
  // Joined before the first look, or a change in between would be missed.
  using subscription = subscribe(groups)
  if (done()) return true
  return await new Promise<boolean>((resolve, reject) => {
    const timer = setTimeout(() => finish(() => resolve(false)), timeoutMs)
    const finish = (settle: () => void): void => {
      clearTimeout(timer)
      subscription.unwatch()
      settle()
    }
    const look = (): void => {
      try {
        if (done()) finish(() => resolve(true))
      } catch (error) {
        finish(() => reject(error))
      }
    }
    subscription.watch({ message: look, overrun: look })
  })
}
