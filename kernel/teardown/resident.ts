// Removal in a process that lives on: native threads send and wait, the event loop listens.
// The kernel removes one request at a time (RTNL); what has gathered meanwhile goes together in the next.
import { closeSync } from 'node:fs'
import { addon } from '../../native/addon.js'
import { NETLINK_ROUTE } from '../../wire/netlink/constants.js'
import type { NlMessage } from '../../wire/netlink/message.js'
import { RTNLGRP_LINK } from '../../wire/route/constants.js'
import { KernelError } from '../error.js'
import type { Namespace } from '../namespace.js'
import type { Listener, Subscription } from '../netlink/subscription.js'
import type { LinkReaper } from '../teardown.js'
import { deletedIndex, deletionRequest, LINK_DELETE, type Outcome, readAnswer } from './deletion.js'

/** Threads that wait for the kernel to tidy up, some 20 ms each. */
const MAX_THREADS = 32
/** For so long the lock is held, some 10 ms, and all who only want to ask something wait for it. More links save little more. */
const MAX_BATCH = 16
const ANSWER_BYTES = 1024
/** Kinds that can always be removed; another might not be, and spoil it for the rest of its batch. */
const ALWAYS_REMOVABLE = new Set(['veth', 'ifb'])

/** A link on its way out. */
interface Removal {
  readonly index: number
  readonly target: string
  /** May be removed together with others. */
  batchable: boolean
  readonly promise: Promise<boolean>
  readonly resolve: (removed: boolean) => void
  readonly reject: (error: KernelError) => void
}

export class ResidentReaper implements LinkReaper, Listener {
  readonly #namespace: Namespace
  /** Removals that are not settled yet, by link index. */
  readonly #pending = new Map<number, Removal>()
  /** Those of them that have not been sent. */
  #queue: Removal[] = []
  /** Those of them that the kernel is working on. */
  readonly #sent = new Set<Removal>()
  readonly #idleSockets: number[] = []
  readonly #idleWaiters: (() => void)[] = []
  #subscription: Subscription | undefined
  #busyThreads = 0
  #disposed = false

  constructor(namespace: Namespace) {
    this.#namespace = namespace
  }

  async removed(link: string | number): Promise<boolean> {
    const gone = this.#enqueue(link)
    this.#sendQueued()
    return gone
  }

  async removedAll(links: readonly (string | number)[]): Promise<boolean[]> {
    const gone = links.map(link => this.#enqueue(link))
    this.#sendQueued()
    return Promise.all(gone)
  }

  async idle(): Promise<void> {
    if (this.#busyThreads > 0) await new Promise<void>(resolve => this.#idleWaiters.push(resolve))
  }

  message(message: NlMessage): void {
    const index = deletedIndex(message)
    const removal = index === undefined ? undefined : this.#pending.get(index)
    if (removal !== undefined) this.#settle(removal, true)
  }

  overrun(): void {
    // A notification may be lost; the answer to the request settles that removal, only later.
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    this.#unlisten()
    for (const fd of this.#idleSockets.splice(0)) closeSync(fd)
  }

  /** The promise, or false for a link that is not there. */
  #enqueue(link: string | number): Promise<boolean> | boolean {
    const found = this.#namespace.link.get(link)
    if (found === undefined) return false
    const pending = this.#pending.get(found.index)
    if (pending !== undefined) return pending.promise
    // Joined before anything is sent, or the notification could be missed.
    this.#listen()
    const removal = newRemoval(found.index, String(link), ALWAYS_REMOVABLE.has(found.kind ?? ''))
    this.#pending.set(found.index, removal)
    this.#queue.push(removal)
    return removal.promise
  }

  #settle(removal: Removal, outcome: boolean | KernelError): void {
    if (!this.#pending.delete(removal.index)) return
    if (outcome instanceof KernelError) removal.reject(outcome)
    else removal.resolve(outcome)
    if (this.#pending.size === 0) this.#unlisten()
    this.#leave(removal)
  }

  /** When the last of a batch has left, the lock is free; others get the rest of this turn to join the next batch. */
  #leave(removal: Removal): void {
    if (this.#sent.delete(removal) && this.#sent.size === 0 && this.#queue.length > 0)
      setImmediate(() => this.#sendQueued())
  }

  #listen(): void {
    if (this.#subscription !== undefined) return
    this.#subscription = this.#namespace.subscribe([RTNLGRP_LINK])
    this.#subscription.watch(this)
  }

  /** Between removals nobody reads, and other links' notifications would only pile up. Listening again costs 16 µs. */
  #unlisten(): void {
    this.#subscription?.[Symbol.dispose]()
    this.#subscription = undefined
  }

  #sendQueued(): void {
    if (this.#sent.size > 0 || this.#busyThreads === MAX_THREADS) return
    const batch = this.#nextBatch()
    if (batch.length === 0) return
    for (const removal of batch) this.#sent.add(removal)
    this.#busyThreads++
    this.#send(batch).then(() => {
      this.#busyThreads--
      for (const removal of batch) this.#leave(removal)
      this.#sendQueued()
      if (this.#busyThreads === 0) for (const done of this.#idleWaiters.splice(0)) done()
    })
  }

  #nextBatch(): Removal[] {
    // Somebody else may have removed some meanwhile.
    this.#queue = this.#queue.filter(removal => this.#pending.has(removal.index))
    const firstSingle = this.#queue.findIndex(removal => !removal.batchable)
    const batchable = firstSingle < 0 ? this.#queue.length : firstSingle
    return this.#queue.splice(0, Math.min(Math.max(batchable, 1), MAX_BATCH))
  }

  /** Settles when the kernel has answered, long after the notifications. Does not reject. */
  async #send(batch: readonly Removal[]): Promise<void> {
    const targets = batch.map(removal => removal.target)
    const report = (outcome: Outcome, position?: number): void => {
      for (const removal of position === undefined ? batch : [batch[position]!])
        this.#answered(removal, outcome)
    }
    const fd =
      this.#idleSockets.pop() ?? addon.openIn(this.#namespace.netnsFd, [{ protocol: NETLINK_ROUTE }])[0]!
    if (fd < 0) {
      report(new KernelError(LINK_DELETE, targets.join(' '), fd))
      return
    }
    const into = Buffer.allocUnsafe(ANSWER_BYTES)
    const request = deletionRequest(batch.map(removal => removal.index))
    let length = await addon.requestOnThread(fd, request, into)
    if (length < 0) {
      closeSync(fd)
      report(new KernelError(LINK_DELETE, targets.join(' '), length))
      return
    }
    // The answers come in the order of the messages, and all of them are there when the thread is back.
    for (; length >= 0; length = addon.recv(fd, into, 0))
      readAnswer(into.subarray(0, Math.min(length, into.length)), targets, report)
    if (this.#disposed) closeSync(fd)
    else this.#idleSockets.push(fd)
  }

  #answered(removal: Removal, outcome: Outcome): void {
    if (!this.#pending.has(removal.index)) return
    if (outcome !== 'alone') this.#settle(removal, outcome)
    else {
      removal.batchable = false
      this.#queue.push(removal)
    }
  }
}

function newRemoval(index: number, target: string, batchable: boolean): Removal {
  let resolve: Removal['resolve'] = () => {}
  let reject: Removal['reject'] = () => {}
  const promise = new Promise<boolean>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { index, target, batchable, promise, resolve, reject }
}
