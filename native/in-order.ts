// A bound on how many calls run at once.

/** `call`, but at most `limit` of them at a time: further ones start in the order they came. */
export function inOrder<Arguments extends unknown[], Result>(
  limit: number,
  call: (...args: Arguments) => Promise<Result>,
): (...args: Arguments) => Promise<Result> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (...args) => {
    // Whoever ends hands its place to the next, so nobody can slip in between.
    if (running === limit) await new Promise<void>(resolve => waiting.push(resolve))
    else running++
    try {
      return await call(...args)
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
