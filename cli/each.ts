// Verbs that take several things: one that fails keeps none of the others from being done.
import { reportFailure } from './output.js'

/** Does the work for each item; reports failures as they come and sets the exit status. Resolves to what succeeded. */
export async function eachOf<T, R>(
  items: readonly T[],
  options: { json: boolean },
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const done: R[] = []
  for (const item of items) {
    try {
      done.push(await work(item))
    } catch (error) {
      process.exitCode = reportFailure(error, options)
    }
  }
  return done
}
