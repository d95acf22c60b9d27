import type { JsonValue } from '../../cni/call.js'
import { RuntimeError } from '../error.js'

/** A configuration file that cannot be used: which file, which key, which value, why. */
export function conflistError(
  source: string,
  key: string,
  value: JsonValue | undefined,
  problem: string,
): RuntimeError {
  const subject = key === '' ? source : `${source}: ${key}`
  const got = value === undefined ? '' : ` (it is ${shorten(JSON.stringify(value))})`
  return new RuntimeError(`${subject} ${problem}${got}`, `correct ${source}`)
}

function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}
