var __addDisposableResource =
  (this && this.__addDisposableResource) ||
  ((env, value, async) => {
    if (value !== null && value !== void 0) {
      if (typeof value !== 'object' && typeof value !== 'function') throw new TypeError('Object expected.')
      var dispose, inner
      if (async) {
        if (!Symbol.asyncDispose) throw new TypeError('Symbol.asyncDispose is not defined.')
        dispose = value[Symbol.asyncDispose]
      }
      if (dispose === void 0) {
        if (!Symbol.dispose) throw new TypeError('Symbol.dispose is not defined.')
        dispose = value[Symbol.dispose]
        if (async) inner = dispose
      }
      if (typeof dispose !== 'function') throw new TypeError('Object not disposable.')
      if (inner)
        dispose = function () {
          try {
            inner.call(this)
          } catch (e) {
            return Promise.reject(e)
          }
        }
      env.stack.push({ value: value, dispose: dispose, async: async })
    } else if (async) {
      env.stack.push({ async: true })
    }
    return value
  })
var __disposeResources =
  (this && this.__disposeResources) ||
  (SuppressedError => env => {
    function fail(e) {
      env.error = env.hasError
        ? new SuppressedError(e, env.error, 'An error was suppressed during disposal.')
        : e
      env.hasError = true
    }
    var r,
      s = 0
    function next() {
      while ((r = env.stack.pop())) {
        try {
          if (!r.async && s === 1) return ((s = 0), env.stack.push(r), Promise.resolve().then(next))
          if (r.dispose) {
            var result = r.dispose.call(r.value)
            if (r.async)
              return (
                (s |= 2),
                Promise.resolve(result).then(next, e => {
                  fail(e)
                  return next()
                })
              )
          } else s |= 1
        } catch (e) {
          fail(e)
        }
      }
      if (s === 1) return env.hasError ? Promise.reject(env.error) : Promise.resolve()
      if (env.hasError) throw env.error
    }
    return next()
  })(
    typeof SuppressedError === 'function'
      ? SuppressedError
      : (error, suppressed, message) => {
          var e = new Error(message)
          return ((e.name = 'SuppressedError'), (e.error = error), (e.suppressed = suppressed), e)
        },
  )

// Removal in a process that ends after its answer: a forked child sends DELLINK and waits for what the kernel does afterwards.
import { closeSync } from 'node:fs'
import { addon } from '../../native/addon.js'
import { NETLINK_ROUTE } from '../../wire/netlink/constants.js'
import { RTNLGRP_LINK } from '../../wire/route/constants.js'
import { check } from '../error.js'
import { Subscription } from '../netlink/subscription.js'
import { deletedIndex, deletionRequest, LINK_DELETE } from './deletion.js'

/** The notification takes a few milliseconds. After this long without, the child was refused, or died. */
const NOTIFICATION_TIMEOUT_MS = 1000
export class OneShotReaper {
  #namespace
  constructor(namespace) {
    this.#namespace = namespace
  }
  async removed(link) {
    const { netnsFd } = this.#namespace
    const index = typeof link === 'number' ? link : this.#namespace.link.index(link)
    if (index === undefined) return false
    const [listening, sending] = addon.openIn(netnsFd, [
      { protocol: NETLINK_ROUTE, groups: [RTNLGRP_LINK] },
      { protocol: NETLINK_ROUTE },
    ])
    try {
      const env_1 = { stack: [], error: void 0, hasError: false }
      try {
        check(LINK_DELETE, String(link), listening)
        check(LINK_DELETE, String(link), sending)
        const subscription = __addDisposableResource(env_1, new Subscription(listening), false)
        check(LINK_DELETE, String(link), addon.requestForked(sending, deletionRequest([index])))
        // Without the notification we ask ourselves: the kernel then says what is wrong, or that the link is gone.
        return awaitDeletion(subscription, index) || this.#namespace.link.remove(index)
      } catch (e_1) {
        env_1.error = e_1
        env_1.hasError = true
      } finally {
        __disposeResources(env_1)
      }
    } finally {
      if (sending >= 0) closeSync(sending)
    }
  }
  async idle() {}
  [Symbol.dispose]() {}
}
/** False when the notification did not come in time, or may have been lost. */
function awaitDeletion(subscription, index) {
  const deadline = Date.now() + NOTIFICATION_TIMEOUT_MS
  let state = 'waiting'
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
//# sourceMappingURL=one-shot.js.map
