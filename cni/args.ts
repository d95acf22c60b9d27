// CNI_ARGS: `KEY=VALUE` pairs separated by ';'. CNI SPEC 1.1.0, section 2 "Parameters"; CONVENTIONS "CNI_ARGS".
// Only plugins that take arguments read it: others may be called with anything in there.
import { CniCode, CniError } from './error.js'
import { goQuote, goQuoteList } from './go-text.js'

/**
 * Parses CNI_ARGS for a plugin that knows `keys` (case-sensitive); the last of several wins. Unknown keys are refused
 * unless the pairs contain IgnoreUnknown=1 (or true). Throws CniError 4.
 */
export function parseArgs(text: string, keys: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  if (text === '') return values
  const unknown: string[] = []
  let ignoreUnknown = false
  for (const pair of text.split(';')) {
    const [key, value, more] = pair.split('=')
    if (value === undefined || more !== undefined) throw refused(`ARGS: invalid pair ${goQuote(pair)}`)
    if (key === 'IgnoreUnknown') ignoreUnknown = parseBoolean(value, pair)
    else if (keys.includes(key!)) values.set(key!, value)
    else unknown.push(pair)
  }
  if (unknown.length > 0 && !ignoreUnknown)
    throw refused(`ARGS: unknown args ${goQuoteList(unknown)}`, known(keys))
  return values
}

function parseBoolean(value: string, pair: string): boolean {
  const lower = value.toLowerCase()
  if (lower === '1' || lower === 'true') return true
  if (lower === '0' || lower === 'false') return false
  throw refused(
    `ARGS: error parsing value of pair ${goQuote(pair)}: boolean unmarshal error: invalid input ${lower}`,
  )
}

function known(keys: readonly string[]): string {
  return `CNI_ARGS may hold ${[...keys, 'IgnoreUnknown'].join(', ')}; IgnoreUnknown=1 lets others pass`
}

function refused(msg: string, details = 'CNI_ARGS must be KEY=VALUE pairs separated by ";"'): CniError {
  return new CniError(CniCode.invalidEnvironment, msg, details)
}
