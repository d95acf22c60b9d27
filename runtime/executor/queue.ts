// Work of the resident: bounded, in order for one attachment, at once for different ones.

export class BusyError extends Error {}

interface Waiting {
  readonly key: string
  readonly deadline: number
  readonly start: () => void
  readonly refuse: (error: Error) => void
}

/** Runs at most `width` works at once and keeps at most `depth` waiting; one key never runs twice at a time. */
export class WorkQueue {
  readonly #width: number
  readonly #depth: number
  readonly #patience: number
  readonly #running = new Set<string>()
  readonly #waiting: Waiting[] = []
  #idleWaiters: (() => void)[] = []

  /** `patienceMs`: how long a work may wait before it is refused instead of begun. */
  constructor(options: { width: number; depth: number; patienceMs: number }) {
    this.#width = options.width
    this.#depth = options.depth
    this.#patience = options.patienceMs
  }

  get size(): number {
    return this.#running.size + this.#waiting.length
  }

  /** Resolves when nothing runs and nothing waits. */
  async idle(): Promise<void> {
    if (this.size > 0) await new Promise<void>(resolve => this.#idleWaiters.push(resolve))
  }

  /** Resolves with the work's value; rejects with BusyError when the queue is full or the wait was too long. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.#running.has(key) || this.#running.size >= this.#width) await this.#wait(key)
    this.#running.add(key)
    try {
      return await work()
    } finally {
      this.#running.delete(key)
      this.#next()
      if (this.size === 0) for (const done of this.#idleWaiters.splice(0)) done()
    }
  }

  #wait(key: string): Promise<void> {
    if (this.#waiting.length >= this.#depth) throw new BusyError(`${this.#waiting.length} calls are waiting`)
    return new Promise((start, refuse) => {
      this.#waiting.push({ key, deadline: Date.now() + this.#patience, start, refuse })
    })
  }

  #next(): void {
    for (let i = 0; i < this.#waiting.length && this.#running.size < this.#width; i++) {
      const waiting = this.#waiting[i]!
      if (waiting.deadline < Date.now()) {
        this.#waiting.splice(i--, 1)
        waiting.refuse(new BusyError(`waited longer than ${this.#patience} ms`))
      } else if (!this.#running.has(waiting.key)) {
        this.#waiting.splice(i--, 1)
        this.#running.add(waiting.key) // taken now: `start` runs only in a later microtask
        waiting.start()
      }
    }
  }
}
