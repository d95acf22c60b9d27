// Waiting for the kernel to get somewhere: told by notifications, never by looking again and again.
import type { Address } from '../wire/route/address.js'
import {
  IF_OPER_UP,
  IFA_F_DADFAILED,
  IFA_F_TENTATIVE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_LINK,
} from '../wire/route/constants.js'
import { errnoNumber } from './errno.js'
import { KernelError } from './error.js'
import type { Namespace } from './namespace.js'

/**
 * Resolves with true as soon as `done()` holds. It is asked now, and again after every notification of `groups` (RTNLGRP_*);
 * after `timeoutMs` it is false. What `done` throws rejects.
 */
export async function waitUntil(
  namespace: Namespace,
  groups: readonly number[],
  timeoutMs: number,
  done: () => boolean,
): Promise<boolean> {
  // Joined before the first look, or a change in between would be missed.
  using subscription = namespace.subscribe(groups)
  if (done()) return true
  return await new Promise<boolean>((resolve, reject) => {
    const finish = (settle: () => void): void => {
      clearTimeout(timer)
      subscription.unwatch()
      settle()
    }
    const timer = setTimeout(() => finish(() => resolve(false)), timeoutMs)
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

/** Resolves with false when the link is not operational (IF_OPER_UP: carrier, and what lies below is up) by then, or is gone. */
export function linkOperational(namespace: Namespace, index: number, timeoutMs: number): Promise<boolean> {
  return waitUntil(
    namespace,
    [RTNLGRP_LINK],
    timeoutMs,
    () => namespace.link.get(index)?.operstate === IF_OPER_UP,
  )
}

/**
 * Resolves when duplicate address detection is over for the IPv6 addresses of a link. KernelError EADDRINUSE when somebody else
 * has one of them, ETIMEDOUT when the kernel has not made up its mind by then (the link is down, say).
 */
export async function addressesSettled(
  namespace: Namespace,
  index: number,
  timeoutMs: number,
): Promise<void> {
  let tentative = ''
  const settled = await waitUntil(namespace, [RTNLGRP_IPV6_IFADDR], timeoutMs, () => {
    const addresses = namespace.addr.list({ index, family: 6 })
    const duplicate = addresses.find(address => has(address, IFA_F_DADFAILED))
    if (duplicate) throw undecided('EADDRINUSE', String(duplicate.address), 'another host has this address')
    tentative = addresses
      .filter(address => has(address, IFA_F_TENTATIVE))
      .map(address => address.address)
      .join(' ')
    return tentative === ''
  })
  if (!settled) throw undecided('ETIMEDOUT', tentative, `still tentative after ${timeoutMs} ms`)
}

function undecided(code: string, target: string, hint: string): KernelError {
  return new KernelError('address settle', target, errnoNumber(code), { hint })
}

function has({ flags = 0 }: Address, flag: number): boolean {
  return (flags & flag) !== 0
}
