// resolv.conf(5), as far as CNI's `dns` has room for it.
import { readFileSync } from 'node:fs'
import { CniCode, CniError } from '../../cni/error.js'
import type { Dns } from '../../cni/result.js'

/** Reads a resolver configuration. Throws CniError 5 when it can't be read. */
export function readResolvConf(path: string): Dns {
  try {
    return parseResolvConf(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new CniError(
      CniCode.io,
      `failed to read ipam.resolvConf ${JSON.stringify(path)}: ${(error as Error).message}`,
      undefined,
      { cause: error },
    )
  }
}

/** `nameserver`, `search` and `options` add up, of `domain` the last counts; everything else is ignored. */
export function parseResolvConf(text: string): Dns {
  const nameservers: string[] = []
  const search: string[] = []
  const options: string[] = []
  let domain: string | undefined
  for (const line of text.split('\n')) {
    if (/^\s*[#;]/.test(line)) continue
    const [keyword, ...values] = line.trim().split(/\s+/)
    if (values.length === 0) continue
    if (keyword === 'nameserver') nameservers.push(values[0]!)
    else if (keyword === 'domain') domain = values[0]!
    else if (keyword === 'search') search.push(...values)
    else if (keyword === 'options') options.push(...values)
  }
  return {
    ...(nameservers.length > 0 ? { nameservers } : {}),
    ...(domain !== undefined ? { domain } : {}),
    ...(search.length > 0 ? { search } : {}),
    ...(options.length > 0 ? { options } : {}),
  }
}
